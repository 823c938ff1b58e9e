from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.domain.errors import InputError
from app.features.library import LIBRARY
from training.actions.reading import default_playbook, playbook_for
from training.sample import SimulatedBusiness, add_arguments, run_sample, write_sample
from training.sample.campaigns import ACTIONS
from training.sample.describe import TABLES, TRUTH
from training.tables.business import load_business
from training.tables.read import read_tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "new" / "folder"
    write_sample(out, customers=120, seed=3)
    return out


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_files_hold_what_was_simulated(folder: Path, small: SimulatedBusiness) -> None:
    for name in TABLES:
        assert pq.read_table(folder / f"{name}.parquet").equals(small.tables[name]), name
    for name in TRUTH:
        assert pq.read_table(folder / "truth" / f"{name}.parquet").equals(small.truth[name]), name
    assert json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8")) == small.parameters


def test_every_file_says_that_it_is_simulated(folder: Path) -> None:
    for path in folder.rglob("*.parquet"):
        assert pq.read_schema(path).metadata[b"simulated"] == b"true", path.name
    assert load_business(folder / "business.yaml").simulated
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "SIMULATED" in readme
    assert "模拟" in readme


def test_the_tables_are_read_without_a_fault(folder: Path) -> None:
    business = load_business(folder / "business.yaml")
    assert business.objectives.churn is not None
    assert business.objectives.churn.horizon_days == 90
    with read_tables(business) as tables:
        faults = [finding for finding in tables.findings if finding.severity != "recommendation"]
        assert faults == []
        assert tables.size == 120
        assert set(tables.counts) == set(TABLES)


def test_the_campaigns_of_the_table_contacts_are_actions_of_the_playbook(
    folder: Path, small: SimulatedBusiness
) -> None:
    playbook = playbook_for(load_business(folder / "business.yaml"))
    own = [action for action in playbook.actions if action.content_key.startswith("sim/")]
    assert [action.id for action in own] == list(ACTIONS)
    assert set(small.tables["contacts"]["action_id"].to_pylist()) <= set(ACTIONS)
    told = {
        (row["action_id"], row["channel"]): row["cost"]
        for row in small.tables["contacts"].to_pylist()
        if row["arm"] == "treatment"
    }
    assert told
    costs = {(action.id, channel): cost for action in own for channel, cost in action.cost.items()}
    assert {key: costs[key] for key in told} == pytest.approx(told)
    assert len(playbook.actions) == len(default_playbook().actions) + len(ACTIONS)


def test_driver_features_are_features_of_the_library(small: SimulatedBusiness) -> None:
    for driver in small.parameters["churn_drivers"]:
        for feature, sign in driver["features"].items():
            assert feature.partition("=")[0] in LIBRARY
            assert sign in {"+", "-"}


def test_the_same_call_writes_the_same_bytes_over_what_was_there(folder: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "sample"
    shutil.copytree(folder, earlier)
    (earlier / "orders.parquet").write_bytes(b"half")
    (earlier / "notes.txt").write_text("mine", encoding="utf-8")
    write_sample(earlier, customers=120, seed=3)
    digests = _digests(earlier)
    assert digests.pop("notes.txt")
    assert digests == _digests(folder)


def test_a_real_business_is_never_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "business.yaml"
    mine.write_text("name: mine\ncurrency: EUR\n", encoding="utf-8")
    with pytest.raises(InputError, match="not simulated"):
        write_sample(tmp_path, customers=50)
    assert mine.read_text(encoding="utf-8").startswith("name: mine")
    assert [path.name for path in tmp_path.iterdir()] == ["business.yaml"]


def test_a_refused_call_leaves_the_earlier_sample_whole(folder: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "sample"
    shutil.copytree(folder, earlier)
    with pytest.raises(InputError, match="expected 50"):
        write_sample(earlier, customers=10, seed=1)
    assert _digests(earlier) == _digests(folder)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        write_sample(path, customers=50)


def test_an_unfinished_sample_has_no_business_file(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "customers.parquet").mkdir()
    (tmp_path / "business.yaml").write_bytes((folder / "business.yaml").read_bytes())
    with pytest.raises(InputError, match="cannot be written"):
        write_sample(tmp_path, customers=50)
    assert not (tmp_path / "business.yaml").exists()


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run_sample(parser.parse_args(words))


def test_the_command_prints_one_json_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--out", str(tmp_path), "--customers", "50", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["simulated"] is True
    assert document["rows"]["customers"] == document["customers"] == 50
    assert Path(document["business"]).exists()


def test_the_command_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--out", str(tmp_path), "--customers", "50") == 0
    out = capsys.readouterr().out
    assert "SIMULATED" in out
    assert f"check --business {tmp_path / 'business.yaml'}" in out
