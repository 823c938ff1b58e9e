from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from training.__main__ import main

COMMANDS = ("sample", "check", "train", "score", "publish", "rollback", "list")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["predict"], ["train"], ["score", "--business", "b.yaml"]])
def test_a_command_that_is_not_one_ends_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2


def business(folder: Path) -> list[str]:
    return ["--business", str(folder / "business.yaml")]


@pytest.mark.parametrize(
    "words",
    [
        lambda folder: ["train", *business(folder), "--models", str(folder)],
        lambda folder: ["score", *business(folder), "--out", str(folder / "o"), "--models", str(folder)],
        lambda folder: ["publish", "--models", str(folder / "none")],
        lambda folder: ["rollback", "--models", str(folder)],
        lambda folder: ["sample", "--out", str(folder), "--customers", "3"],
    ],
)
def test_bad_input_ends_with_2_and_one_document(
    words: Callable[[Path], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words(tmp_path), "--json"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("error")
    assert set(json.loads(told.out)["error"]) == {"message", "table", "column", "remedy"}
