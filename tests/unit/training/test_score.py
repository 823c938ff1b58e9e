from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.capabilities import SCORERS
from app.domain.errors import TableError
from app.serving.release import LoadedRelease
from app.serving.score import Ask, score
from tests.unit.training.conftest import Small
from training import score as module
from training.__main__ import main
from training.score import current_release, write_scores
from training.tables import Tables, load_business, read_tables
from training.train import known_at

pytestmark = pytest.mark.xdist_group("small-business")


@pytest.fixture(scope="module")
def release(small: Small) -> LoadedRelease:
    return current_release(small.models)


@pytest.fixture(scope="module")
def tables(small: Small) -> Iterator[Tables]:
    with read_tables(load_business(small.business)) as tables:
        yield tables


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def test_there_is_one_row_for_each_customer(small: Small, tables: Tables) -> None:
    ids = [row["customer_id"] for row in rows(small.scores)]
    assert len(ids) == 200
    assert ids == list(tables.customer_ids)


def test_columns_are_those_of_the_contract(small: Small) -> None:
    schema = pq.read_schema(small.scores)
    assert schema.names[:15] == [
        "customer_id",
        "as_of",
        "release",
        "personalised",
        "churn_eligible",
        "churn_ineligible_reason",
        "churn_probability",
        "churn_percentile",
        "churn_risk_level",
        "churn_horizon_days",
        "churn_data_sufficiency",
        "churn_version",
        "churn_population",
        "churn_tier",
        "churn_grade",
    ]
    assert {
        "clv_predicted_value",
        "clv_predicted_low",
        "purchase_probability",
        "purchase_expected_at",
        "segment_name",
        "segment_rfm_recency",
        "segment_rfm_code",
        "segment_cluster_distance",
    } <= set(schema.names)
    assert not [name for name in schema.names if "." in name]
    types = {
        "churn_probability": "double",
        "churn_horizon_days": "int64",
        "clv_predicted_value": "double",
        "clv_currency": "string",
        "purchase_expected_at": "string",
        "purchase_p_alive": "double",
        "segment_rfm_recency": "int64",
        "segment_rfm_code": "string",
    }
    assert {name: str(schema.field(name).type) for name in types} == types


def test_every_block_stands_in_columns_as_the_service_answers_it(
    small: Small, release: LoadedRelease, tables: Tables
) -> None:
    history = tables.history()
    wanted = ("clv", "purchase", "segment")
    answers = score(release, history, np.full(history.size, known_at(tables)), Ask(want=wanted))
    told = 0
    for row, answer in zip(rows(small.scores), answers, strict=True):
        for name in wanted:
            block, outputs = answer[name], SCORERS[name].outputs
            for output in outputs:
                outer, _, inner = output.name.partition(".")
                value = (block.get(outer) or {}).get(inner) if inner else block.get(outer)
                found = row[f"{name}_{output.name.replace('.', '_')}"]
                if isinstance(value, float):
                    assert found == pytest.approx(value, rel=1e-9, abs=1e-9), output.name
                else:
                    assert found == value, output.name
                told += found is not None
    assert told > 2000


def test_scores_are_the_answers_of_the_service(small: Small, release: LoadedRelease, tables: Tables) -> None:
    history = tables.history()
    answers = score(release, history, np.full(history.size, known_at(tables)), Ask(want=("churn",)))
    scored = 0
    for row, answer in zip(rows(small.scores), answers, strict=True):
        block, model = answer["churn"], answer["churn"]["model"] or {}
        for name in ("customer_id", "as_of", "release", "personalised"):
            assert row[name] == answer[name]
        for name in ("eligible", "ineligible_reason", "risk_level", "horizon_days", "data_sufficiency"):
            assert row[f"churn_{name}"] == block.get(name)
        for name in ("version", "population", "tier", "grade"):
            assert row[f"churn_{name}"] == model.get(name)
        for name in ("probability", "percentile"):
            value = block.get(name)
            assert row[f"churn_{name}"] == (None if value is None else pytest.approx(value, abs=1e-9))
            scored += value is not None
    assert scored > 100


def test_who_denied_profiling_has_a_row_and_no_score(small: Small) -> None:
    denied = [row for row in rows(small.scores) if not row["personalised"]]
    assert denied
    for row in denied:
        assert row["churn_ineligible_reason"] == "profiling_denied"
        assert row["churn_probability"] is None
        assert row["churn_tier"] is None


def test_as_of_shows_the_world_as_it_was_known_then(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "then.parquet"
    told = ["--business", str(small.business), "--models", str(small.models), "--out", str(out)]
    assert main(["score", *told, "--as-of", "2026-01-01T00:00:00+08:00"]) == 0
    then = {row["customer_id"]: row for row in rows(out)}
    assert {row["as_of"] for row in then.values()} == {"2026-01-01T00:00:00+08:00"}
    now = {row["customer_id"]: row for row in rows(small.scores)}
    assert then.keys() < now.keys()
    both = [name for name in then if then[name]["churn_probability"] and now[name]["churn_probability"]]
    assert any(then[name]["churn_probability"] != now[name]["churn_probability"] for name in both)


def test_chunks_give_the_same_file(
    small: Small, release: LoadedRelease, tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 37)
    assert write_scores(release, tables, tmp_path / "chunks.parquet") == 200
    assert rows(tmp_path / "chunks.parquet") == rows(small.scores)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("currency: CNY", "currency: USD"), "trained for another currency"),
        (("name: sample-retailer", "name: other"), "trained for another name"),
        (("timezone: Asia/Shanghai", "timezone: Asia/Tokyo"), "trained for another timezone"),
    ],
)
def test_another_business_is_refused(
    small: Small,
    change: tuple[str, str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in small.business.parent.glob("*.parquet"):
        (tmp_path / path.name).symlink_to(path)
    text = small.business.read_text("utf-8")
    assert change[0] in text
    (tmp_path / "business.yaml").write_text(text.replace(*change), "utf-8")
    out = tmp_path / "scores.parquet"
    business = str(tmp_path / "business.yaml")
    code = main(["score", "--business", business, "--models", str(small.models), "--out", str(out)])
    error = capsys.readouterr().err
    assert (code, out.exists()) == (2, False)
    assert told in error
    assert "remedy:" in error


def test_attributes_that_the_models_read_must_be_declared(
    release: LoadedRelease, tables: Tables, tmp_path: Path
) -> None:
    bare = replace(tables, business=tables.business.model_copy(update={"attributes": {}}))
    with pytest.raises(TableError, match=r"does not declare: .*plan") as refused:
        write_scores(release, bare, tmp_path / "scores.parquet")
    assert refused.value.table == "customers"
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_is_left(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["score", "--business", str(small.business), "--models", str(small.models), "--out"]
    assert main([*told, str(tmp_path)]) == 2
    assert main([*told, str(tmp_path / "none" / "scores.parquet")]) == 2
    assert "remedy:" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_no_release_is_refused_with_what_to_do(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "scores.parquet")
    told = ["score", "--business", str(small.business), "--models", str(tmp_path), "--out", out, "--json"]
    assert main(told) == 2
    printed = capsys.readouterr()
    assert "run python -m training train first" in printed.err
    assert '"message"' in printed.out


def test_a_damaged_release_is_a_failure(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = tmp_path / "models"
    shutil.copytree(small.models, models)
    manifest = next((models / "churn").iterdir()) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"churn", b"chern", 1))
    out = tmp_path / "scores.parquet"
    told = ["score", "--business", str(small.business), "--models", str(models), "--out", str(out)]
    assert main(told) == 1
    assert "error:" in capsys.readouterr().err
    assert not out.exists()
