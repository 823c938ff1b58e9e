from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.__main__ import main

COMMANDS = ("sample", "check", "train", "score", "plan", "voice", "publish", "rollback", "list")


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


@pytest.mark.parametrize(
    "words",
    [
        "train --business {0}/business.yaml --models {0}",
        "score --business {0}/business.yaml --models {0} --out {0}/scores.parquet",
        "publish --models {0}/none",
        "rollback --models {0}",
        "sample --out {0} --customers 3",
    ],
)
def test_bad_input_ends_with_2_and_one_document(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.format(tmp_path).split(), "--json"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("error")
    assert set(json.loads(told.out)["error"]) == {"message", "table", "column", "remedy"}
