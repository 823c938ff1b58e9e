from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import app
from app.artifacts.manifest import RELEASE_NAME
from app.domain.errors import (
    ArtifactError,
    DigestMismatchError,
    FeatureMismatchError,
    GoldenAnswerError,
    StructureError,
    TrialError,
)
from app.serving.trial import TrialReport, try_release
from tests.unit.artifacts import tiny

ROOT = Path(app.__file__).parents[1]


def run(models: Path, data: bytes, **options: Any) -> TrialReport:
    return asyncio.run(try_release(models, data, **options))


def child(code: str) -> dict[str, Any]:
    """Return the option that puts a few lines of Python in the place of the child."""
    return {"command": (sys.executable, "-S", "-c", code)}


def test_good_release_is_answered_and_measured(models: Path, artifacts: tuple[Path, ...]) -> None:
    report = run(models, tiny.release_bytes(None, "2026-01-31T09:30:00Z", artifacts[0]))
    assert report.customers == len(tiny.customers())
    assert report.memory_bytes > 1 << 20


def crafted_leaf() -> bytes:
    text = tiny.trees()
    leaves = tiny.line_of(text, "leaf_value").split(" ")
    return tiny.rewritten(text, ("leaf_value", " ".join(["0.3", *leaves[1:]])))


AUTHENTIC_BUT_WRONG: dict[str, tuple[Callable[[], dict[str, bytes]], type[ArtifactError], str]] = {
    "a model that answers otherwise": (lambda: {"repeat.txt": crafted_leaf()}, GoldenAnswerError, "churn"),
    "a node that is its own child": (
        lambda: {"repeat.txt": tiny.rewritten(tiny.trees(), ("left_child", "0 1 2 3 4"))},
        StructureError,
        r"repeat\.txt: tree 0: split 0 has the child 0",
    ),
}


@pytest.mark.parametrize(
    ("changes", "error", "message"), AUTHENTIC_BUT_WRONG.values(), ids=AUTHENTIC_BUT_WRONG.keys()
)
def test_verdict_of_the_child_is_the_error_of_the_parent(
    models: Path, changes: Callable[[], dict[str, bytes]], error: type[ArtifactError], message: str
) -> None:
    folder = tiny.write(models, changes=changes())
    with pytest.raises(error, match=message):
        run(models, tiny.release_bytes(None, "2026-01-31T09:30:00Z", folder))


def test_child_that_needs_more_memory_than_it_may_have_fails(
    models: Path, artifacts: tuple[Path, ...]
) -> None:
    data = tiny.release_bytes(None, "2026-01-31T09:30:00Z", artifacts[0])
    with pytest.raises(TrialError):
        run(models, data, memory_bytes=64 << 20)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
        ("import os; os.abort()", r"ended by SIGABRT .a library gave up"),
        ("import os; os.kill(os.getpid(), 9)", r"ended by SIGKILL .*short of memory"),
        ("import os; os._exit(0)", "left with code 0 and no verdict"),
        ("import sys; sys.stderr.write('sorry'); sys.exit(3)", "code 3 and no verdict; last words: 'sorry'"),
        ("print('[Warning] model'); print('{}')", "no verdict"),
        ("print('[]')", "no verdict"),
        ("print('{\"customers\": 1}')", "no verdict"),
        ('print(\'{"error": "SystemExit", "message": ""}\'); exit(1)', "no verdict"),
    ],
    ids=["segfault", "abort", "kill", "silence", "code", "noise", "list", "half", "unknown"],
)
def test_whatever_becomes_of_the_child_is_a_trial_error(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(TrialError, match=message):
        run(tmp_path, b"{}", **child(code))


@pytest.mark.parametrize(
    "error",
    [ArtifactError, DigestMismatchError, FeatureMismatchError, GoldenAnswerError, StructureError, TrialError],
)
def test_every_artifact_error_comes_back_as_itself(tmp_path: Path, error: type[ArtifactError]) -> None:
    said = json.dumps({"error": error.__name__, "message": "why"})
    with pytest.raises(error, match="why") as caught:
        run(tmp_path, b"{}", **child(f"print({said!r}); exit(1)"))
    assert type(caught.value) is error


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


HANG = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"


def test_child_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    start = time.monotonic()
    with pytest.raises(TrialError, match="no verdict within 1 s"):
        run(tmp_path, b"{}", seconds=1, **child(HANG))
    assert time.monotonic() - start < 10
    assert not alive(int(Path("pid").read_text()))


def test_child_of_a_cancelled_trial_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def cancel() -> None:
        trial: Coroutine[Any, Any, TrialReport] = try_release(tmp_path, b"{}", seconds=30, **child(HANG))
        task = asyncio.create_task(trial)
        while not Path("pid").exists() or not Path("pid").read_text():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert not alive(int(Path("pid").read_text()))


def test_child_gets_the_bytes_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_STORE", "postgresql://user:secret@db/kith")
    monkeypatch.setenv("SECRET", "secret")
    code = (
        "import os, sys, json\n"
        "seen = dict(os.environ), sys.argv[1:], sys.stdin.read()\n"
        "print(json.dumps({'error': 'TrialError', 'message': json.dumps(seen)})); exit(1)"
    )
    with pytest.raises(TrialError) as caught:
        run(tmp_path, b'{"a":1}', **child(code))
    environment, arguments, data = json.loads(str(caught.value))
    assert "secret" not in str(environment)
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment.keys() <= {
        "PATH", "LD_LIBRARY_PATH", "PYTHONTZPATH", "PYTHONPATH", "LC_ALL", "LC_CTYPE",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    }  # fmt: skip
    assert arguments[:2] == [str(tmp_path), "-"]
    assert data == '{"a":1}'


def test_limits_are_those_that_were_given() -> None:
    code = (
        "import resource as r; from app.serving import trial; trial._limit(2.5, 1 << 30);"
        "print(r.getrlimit(r.RLIMIT_CPU)[0], r.getrlimit(r.RLIMIT_AS)[0], r.getrlimit(r.RLIMIT_FSIZE)[0]);"
        "import sys; print('lightgbm' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT, text=True, timeout=20
    )
    assert done.stdout.split() == ["4", str(1 << 30), str(1 << 20), "False"]


def test_release_is_tried_by_hand(models: Path, artifacts: tuple[Path, ...], tmp_path: Path) -> None:
    tiny.publish_quietly(models, artifacts[0])
    command = [sys.executable, "-m", "app.serving.trial", str(models), str(models / RELEASE_NAME)]
    (artifacts[0] / "repeat.txt").write_bytes(b"")
    # Into a file, as by hand: the limits of the child leave room for the verdict.
    with (tmp_path / "verdict").open("w+") as file:
        done = subprocess.run(command, check=False, stdout=file, cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert json.loads((tmp_path / "verdict").read_text())["error"] == "DigestMismatchError"
