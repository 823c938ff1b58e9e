"""A fresh machine: what setup.sh finds, asks for and leaves alone. No network, no real environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "cat", "cksum", "cut", "sed", "dirname", "rm", "mkdir", "chmod", "ln")

UV = """#!/bin/sh
[ "$1" = --version ] && {{ echo "uv {version} (x)"; exit 0; }}
echo "$UV_PYTHON $UV_PYTHON_DOWNLOADS $*" >>calls
mkdir -p .venv/bin
printf '#!/bin/sh\\nexit 0\\n' >.venv/bin/python
chmod +x .venv/bin/python
"""


class Machine:
    """A folder with the project's setup files, and a PATH that holds only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "pro ject"
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.project / ".tools/bin").mkdir(parents=True)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        shutil.copytree(ROOT / "tools", self.project / "tools")
        for name in ("pyproject.toml", "uv.lock"):
            shutil.copy(ROOT / name, self.project)
        pinned = (ROOT / "tools/uv.txt").read_text("utf-8").split("uv==")[1].split()[0]
        self.script(self.project / ".tools/bin/uv", UV.format(version=pinned))

    def script(self, path: Path, text: str) -> None:
        path.write_text(text, "utf-8")
        path.chmod(0o755)

    def python(self, name: str, before: str = "") -> None:
        """Put an interpreter into the PATH that runs some code before what it is asked to run."""
        self.script(self.bin / name, f'#!/bin/sh\nexec "{sys.executable}" -c "{before}\n$2"\n')

    def setup(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.project / "tools/setup.sh", *arguments],
            cwd=self.project,
            env={"PATH": str(self.bin), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        path = self.project / "calls"
        return path.read_text("utf-8").splitlines() if path.exists() else []


OLD = "import sys; sys.version_info = (3, 9, 1)"
BARE = "import sys; sys.modules['ensurepip'] = None"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_python_it_says_what_to_install(machine: Machine) -> None:
    done = machine.setup()
    assert done.returncode == 2
    assert "needs Python 3.11 or newer (found: none)" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_an_old_python_is_named(machine: Machine) -> None:
    machine.python("python3", OLD)
    done = machine.setup()
    assert done.returncode == 2
    assert "found: python3 is Python 3.9.1" in done.stderr


def test_a_python_without_venv_gets_the_remedy(machine: Machine) -> None:
    machine.python("python3", BARE)
    done = machine.setup()
    assert done.returncode == 2
    assert "without the module ensurepip" in done.stderr
    assert "apt-get install python3-venv" in done.stderr


def test_a_shim_that_leads_nowhere_is_passed_over(machine: Machine) -> None:
    machine.python("python3", OLD)
    machine.script(machine.bin / "python3.13", "#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    machine.python("python3.12")
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    base = Path(sys.executable).resolve()
    assert [Path(call.split(" never ")[0]).resolve() for call in machine.calls] == [base]


def test_the_python_that_was_asked_for_is_the_only_one_tried(machine: Machine) -> None:
    machine.python("python3")
    machine.python("other", OLD)
    done = machine.setup(PYTHON=str(machine.bin / "other"))
    assert done.returncode == 2
    assert "other will not do" in done.stderr
    assert not machine.calls


def test_lock_is_respected_and_no_python_downloaded(machine: Machine) -> None:
    machine.python("python3")
    assert machine.setup().returncode == 0
    assert [call.partition(" never ")[2] for call in machine.calls] == ["sync --locked --quiet"]


def test_second_run_does_nothing_until_the_lock_changes(machine: Machine) -> None:
    machine.python("python3")
    machine.setup()
    (machine.bin / "python3").unlink()
    assert machine.setup().stdout == ""
    assert len(machine.calls) == 1
    machine.python("python3")
    with (machine.project / "uv.lock").open("a") as lock:
        lock.write("\n")
    machine.setup()
    assert len(machine.calls) == 2


def test_another_python_makes_another_environment(machine: Machine) -> None:
    machine.python("python3")
    machine.setup()
    machine.setup(PYTHON=str(machine.bin / "python3"))
    assert len(machine.calls) == 1
    machine.python("other", "import sys; sys._base_executable = '/elsewhere/python3'")
    machine.setup(PYTHON=str(machine.bin / "other"))
    assert [call.split()[0] for call in machine.calls][1:] == ["/elsewhere/python3"]


def test_further_group_stays_once_it_is_there(machine: Machine) -> None:
    machine.python("python3")
    machine.setup()
    machine.setup("bench")
    machine.setup()
    machine.setup("bench")
    assert [call.partition("--quiet")[2].strip() for call in machine.calls] == ["", "--group bench"]


def test_environment_of_a_moved_folder_is_made_anew(machine: Machine) -> None:
    machine.python("python3")
    machine.setup()
    (machine.project / ".venv/old").touch()
    machine.project = machine.project.rename(machine.project.with_name("moved"))
    assert machine.setup().returncode == 0
    assert len(machine.calls) == 2
    assert not (machine.project / ".venv/old").exists()


def test_missing_openmp_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "lightgbm.py").write_text("raise OSError('libgomp.so.1: cannot open shared object file')")
    done = subprocess.run(
        [sys.executable, ROOT / "tools/check_libraries.py"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "libgomp.so.1" in done.stderr
    assert "apt-get install libgomp1" in done.stderr
    assert "brew install libomp" in done.stderr


def test_pinned_uv_has_a_digest_for_each_platform() -> None:
    text = (ROOT / "tools/uv.txt").read_text("utf-8")
    assert text.count("--hash=sha256:") >= 5
    assert (ROOT / "tools/setup.sh").read_text("utf-8").count("--require-hashes") == 1
