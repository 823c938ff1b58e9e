"""The command ``voice`` writes the whole report, with or without a release, and refuses what is none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.conftest import Small
from tests.unit.training.voices import order, shop, sql_of
from training.__main__ import main

FILES = ["voice.json", "voice.md", "voice.zh-CN.md", "topics.png", "trend.png", "stake.png", "cases.png"]


def written(folder: Path, tables: Mapping[str, Sequence[Any]]) -> Path:
    """Write a business file, which is JSON and so YAML, with its tables in it."""
    said = {"name": "shop", "currency": "GBP", "timezone": "Europe/London", "tables": sql_of(**tables)}
    (folder / "business.yaml").write_text(json.dumps(said), "utf-8")
    return folder / "business.yaml"


def voice(business: Path, out: Path, *more: str) -> int:
    told = ["--business", str(business), "--models", str(business.parent / "none"), "--out", str(out)]
    return main(["voice", *told, *more])


def read(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "voice.json").read_text("utf-8"))
    return found


def test_the_report_stands_in_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "voice"
    out.mkdir(parents=True)
    (out / "notes.txt").write_bytes(b"mine")
    assert voice(written(tmp_path, shop()), out, "--json") == 0
    outcome = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in outcome["files"]] == FILES
    assert sorted(path.name for path in out.iterdir()) == sorted([*FILES, "notes.txt"])
    assert (outcome["release"], outcome["read_by"], outcome["texts"]) == (None, "base", 80)
    assert read(out)["reader"]["source"] == "base"


def test_a_time_and_a_stale_picture_are_minded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    business = written(tmp_path, {"feedback": shop()["feedback"]})
    (tmp_path / "cases.png").write_bytes(b"old")
    assert voice(business, tmp_path, "--as-of", "2026-05-01T00:00:00+01:00") == 0
    assert "52 answers, 52 of them texts" in capsys.readouterr().out
    assert not (tmp_path / "cases.png").exists()
    assert read(tmp_path)["as_of"] == "2026-05-01T00:00:00+01:00"


@pytest.mark.parametrize(
    ("tables", "more", "told"),
    [
        ({"orders": [order("a", 1)]}, [], "no voice to report"),
        ({"feedback": shop()["feedback"]}, ["--as-of", "2020-01-01T00:00:00+00:00"], ""),
        ({"feedback": shop()["feedback"]}, ["--as-of", "2026-01-01"], "--as-of is not a time"),
    ],
    ids=["nothing said", "too early", "no time"],
)
def test_what_cannot_be_told_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tables: Any, more: list[str], told: str
) -> None:
    assert voice(written(tmp_path, tables), tmp_path / "out", *more, "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert told in error["message"]
    assert error["remedy"]
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    business = written(tmp_path, shop())
    assert voice(business, business) == 2
    assert "--out is a file" in capsys.readouterr().err


@pytest.mark.xdist_group("small-business")
def test_a_release_adds_worth_and_risk(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ["--business", str(small.business), "--models", str(small.models), "--out", str(tmp_path)]
    assert main(["voice", *told]) == 0
    report = read(tmp_path)
    assert report["pains"]["value_basis"] == "clv"
    assert report["pains"]["has_segments"]
    assert report["pains"]["has_churn"]
    assert "sim-" not in (tmp_path / "voice.json").read_text("utf-8")
    monkeypatch.setattr("training.score.attribute_kinds", lambda _: {"shoe_size": "numeric"})
    assert main(["voice", *told]) == 2
    assert "shoe_size" in capsys.readouterr().err
