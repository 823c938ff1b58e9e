"""What holds for every file of the project, and no linter says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = sorted(path for folder in ("app", "training") for path in (ROOT / folder).rglob("*.py"))
SCRIPTS = sorted(
    path for folder in ("tests", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)
PROSE = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OTHER = [ROOT / name for name in ("Makefile", "Dockerfile", "compose.yaml", "pyproject.toml", ".ci/run")]

MODULE_LINES = 350  # around 200 is comfortable, 300 asks for a second look, and here it gets it
FUNCTION_LINES = 60

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|WIP|lorem ipsum|raise NotImplementedError)\b", re.IGNORECASE)
MACHINES = re.compile(r"(?<![\w.])/(work|root|home/\w+|Users/\w+|tmp/\w+)/")
UNPICKLERS = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "joblib", "dill", "cloudpickle"}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base_utils"}
PURE = ("domain", "features", "estimators", "capabilities")
IMPURE = {"os", "pathlib", "random", "secrets", "socket", "subprocess", "tempfile", "time", "urllib"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the first part of each imported module's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function of a module with its lines below the docstring."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            has_words = ast.get_docstring(node) is not None
            first = node.body[1 if has_words and len(node.body) > 1 else 0]
            yield f"{relative(path)}:{node.name}", (node.end_lineno or 0) - first.lineno + 1


def can_unpickle(tree: ast.AST) -> Iterator[str]:
    """Yield every way in which a module could run what a file says."""
    yield from UNPICKLERS.intersection(imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from {node.func.id}.intersection({"eval", "exec", "compile", "__import__"})
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from {node.func.attr}.intersection({"import_module"})
            is_load = node.func.attr == "load" and ast.unparse(node.func.value) in {"np", "numpy"}
            refused = any(
                word.arg == "allow_pickle" and ast.unparse(word.value) == "False" for word in node.keywords
            )
            if is_load and not refused:
                yield "numpy.load without allow_pickle=False"


def test_service_runs_nothing_that_a_file_says() -> None:
    service = [path for path in CODE if path.is_relative_to(ROOT / "app")]
    ways = {relative(path): list(can_unpickle(ast.parse(path.read_bytes()))) for path in service}
    assert not {path: found for path, found in ways.items() if found}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "import numpy as np\nnp.load(f)",
        "import numpy as np\nnp.load(f, allow_pickle=True)",
        "import importlib\nimportlib.import_module(name)",
        "__import__(name)",
        "eval(text)",
    ],
)
def test_each_way_to_unpickle_is_seen(code: str) -> None:
    assert list(can_unpickle(ast.parse(code)))


@pytest.mark.parametrize("layer", PURE)
def test_pure_layers_read_no_clock_file_or_environment(layer: str) -> None:
    for path in (ROOT / "app" / layer).rglob("*.py"):
        tree = ast.parse(path.read_bytes())
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not IMPURE.intersection(imported(tree)), path
        assert "open" not in calls, path
        assert not {call for call in calls if re.search(r"\b(now|today|utcnow)$|\brandom\.", call)}, path


def test_module_has_a_length_that_a_reader_can_hold() -> None:
    lengths = {relative(path): len(path.read_text("utf-8").splitlines()) for path in CODE}
    assert not {path: lines for path, lines in lengths.items() if lines > MODULE_LINES}


def test_function_fits_a_screen() -> None:
    lengths = {name: lines for path in CODE for name, lines in functions(path)}
    assert len(lengths) > 1
    assert not {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}


def test_module_is_named_by_its_subject() -> None:
    assert not [path for path in [*CODE, *SCRIPTS] if path.stem in EMPTY_NAMES]


def test_nothing_is_left_for_later_or_for_one_machine() -> None:
    found = {
        relative(path): [*UNFINISHED.findall(text), *MACHINES.findall(text)]
        for path in [*CODE, *SCRIPTS, *PROSE, *OTHER]
        if path != Path(__file__)
        for text in [path.read_text("utf-8")]
    }
    assert not {path: words for path, words in found.items() if words}


def test_every_capability_can_be_trained() -> None:
    served = {path.stem for path in (ROOT / "app/capabilities").glob("*.py")} - {"__init__", "base"}
    trained = {path.stem for path in (ROOT / "training/capabilities").glob("*.py")}
    assert served
    assert served <= trained


def test_unit_tests_mirror_the_tree() -> None:
    code = [*CODE, *(path for path in SCRIPTS if not path.is_relative_to(ROOT / "tests"))]
    modules = {path.relative_to(ROOT).with_suffix("").parts for path in code}
    by_folder = {parts[:-1] for parts in modules}
    for path in (ROOT / "tests/unit").rglob("test_*.py"):
        folder = path.relative_to(ROOT / "tests/unit").parts[:-1]
        places = {folder, ("app", *folder), ("training", *folder)}
        assert places & (by_folder | modules | {()}), f"{path} mirrors no folder of the code"
