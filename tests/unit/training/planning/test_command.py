"""The command ``plan`` writes the whole report, and refuses what it cannot plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.conftest import Small
from training.__main__ import main

pytestmark = pytest.mark.xdist_group("small-business")

FILES = ["report.json", "report.md", "report.zh-CN.md", "revenue.png", "migration.png", "lift.png"]


def plan(small: Small, out: Path, *more: str) -> int:
    told = ["--business", str(small.business), "--models", str(small.models), "--out", str(out)]
    return main(["plan", *told, *more])


def read(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "report.json").read_text("utf-8"))
    return found


def test_the_report_stands_in_the_folder(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "plan"
    assert plan(small, out, "--json") == 0
    outcome = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in outcome["files"]] == FILES
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    assert outcome["customers"] == read(out)["customers"]["planned"] > 0
    assert len(read(out)["forecast"]["months"]) == 12
    for name in ("report.md", "report.zh-CN.md"):
        text = (out / name).read_text("utf-8")
        assert "sim-" not in text
        assert "![revenue.png](revenue.png)" in text


def test_months_times_and_words_are_those_asked_for(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = ["--as-of", "2026-03-10T12:00:00+08:00", "--since", "2025-12-31T00:00:00+08:00"]
    assert plan(small, tmp_path, *times, "--months", "2") == 0
    assert "customers planned for" in capsys.readouterr().out
    report = read(tmp_path)
    assert report["as_of"] == "2026-03-10T12:00:00+08:00"
    assert report["since"] == "2025-12-31T00:00:00+08:00"
    assert [month["month"] for month in report["forecast"]["months"]] == ["2026-03", "2026-04"]
    assert report["is_trained_later"] is True


def test_the_snapshot_is_ninety_days_earlier_where_none_is_asked_for(small: Small, tmp_path: Path) -> None:
    assert plan(small, tmp_path, "--as-of", "2026-03-10T12:00:00+08:00", "--months", "1") == 0
    assert read(tmp_path)["since"] == "2025-12-10T12:00:00+08:00"


def test_a_picture_of_an_earlier_report_does_not_stay(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lift.png").write_bytes(b"old")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    monkeypatch.setattr("training.planning.report.missing_tables", lambda _: ("products",))
    assert plan(small, tmp_path, "--months", "1") == 0
    assert not (tmp_path / "lift.png").exists()
    assert (tmp_path / "notes.txt").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--since", "2030-01-01T00:00:00+08:00"], "--since is not before"),
        (["--since", "yesterday"], "--since is not a time"),
        (["--since", "2025-01-01"], "--since is not a time"),
        (["--as-of", "2025-01-01"], "--as-of is not a time"),
    ],
)
def test_a_time_that_is_none_is_refused(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    assert plan(small, tmp_path, *more, "--json") == 2
    found = capsys.readouterr()
    assert told in json.loads(found.out)["error"]["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("months", ["0", "37", "many"])
def test_months_are_one_to_thirty_six(small: Small, tmp_path: Path, months: str) -> None:
    with pytest.raises(SystemExit) as left:
        plan(small, tmp_path, "--months", months)
    assert left.value.code == 2


def test_a_file_is_no_folder(small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert plan(small, tmp_path / "file") == 2
    assert "--out is a file" in capsys.readouterr().err


def test_another_business_is_refused(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = small.business.parent
    text = small.business.read_text("utf-8").replace("sample-retailer", "another-one")
    for name in ("orders", "customers"):
        text = text.replace(f"{name}.parquet", str(folder / f"{name}.parquet"))
    (tmp_path / "business.yaml").write_text(text, "utf-8")
    told = ["--business", str(tmp_path / "business.yaml"), "--models", str(small.models)]
    assert main(["plan", *told, "--out", str(tmp_path / "plan")]) == 2
    assert "another name" in capsys.readouterr().err


def test_a_business_that_lost_an_attribute_is_refused(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.score.attribute_kinds", lambda _: {"shoe_size": "numeric"})
    assert plan(small, tmp_path) == 2
    assert "shoe_size" in capsys.readouterr().err
