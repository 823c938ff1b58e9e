from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import yaml

from app.artifacts.manifest import RELEASE_NAME
from app.domain.clock import to_microseconds
from app.domain.errors import BusinessFileError, PublicationError, TableError
from app.features.compute import columns_of
from app.features.schema import Columns
from app.features.view import View
from tests.unit.training.rows import attributes, labelled_sql, orders_sql
from training.__main__ import main
from training.capabilities import TRAINERS
from training.capabilities.churn import label_splits, train_churn
from training.churn_rows import Question
from training.examples import Examples
from training.ladder import Data
from training.run import Run, Trained
from training.snapshots import Split, Splits
from training.train import add_arguments, parse_time, run_train

Output = pytest.CaptureFixture[str]
SHOP: Final = {"orders": orders_sql(60, 700, 700)}


@dataclass
class FakeRelease:
    """A publisher that notes what it is asked for."""

    asked: list[tuple[dict[str, str], bool]] = field(default_factory=list)

    def __call__(self, models: Path, entries: dict[str, str], *, keep_others: bool) -> str:
        self.asked.append((entries, keep_others))
        (models / RELEASE_NAME).write_text("released")
        return "20260630T120000Z-00000000"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a business file over tables in SQL."""

    def write_business(tables: dict[str, str], **said: Any) -> Path:
        document = {"name": "shop", "currency": "GBP", "timezone": "Europe/London", "tables": tables, **said}
        path = tmp_path / "business.yaml"
        path.write_text(yaml.safe_dump(document), "utf-8")
        return path

    return write_business


def asked(business: Path, models: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(["--business", str(business), "--models", str(models), *more])


def refusing(run: Run) -> Trained:
    raise TableError(f"{run.business.name} has no basket", table="order_lines", remedy="map order_lines")


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()} if folder.exists() else set()


# What is trained and published


def test_training_writes_an_artifact_and_publishes_it(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    release, models = FakeRelease(), tmp_path / "models"
    assert run_train(asked(write(SHOP), models, "--json"), releasing=release) == 0
    told = json.loads(capsys.readouterr().out)
    [(entries, keep_others)] = release.asked
    assert entries == {"churn": told["artifacts"]["churn"]["version"]}
    assert not keep_others
    assert told["release"] == "20260630T120000Z-00000000"
    assert told["refused"] == {}
    assert {"manifest.json", "golden.json", "card.json", "card.md"} <= files(models)
    populations = told["artifacts"]["churn"]["populations"]
    assert [(one["variant"], one["population"]) for one in populations] == [
        (variant, population) for variant in ("full", "summary") for population in ("repeat", "first_order")
    ]


def test_the_same_data_and_seed_make_the_same_artifact(write: Callable[..., Path], tmp_path: Path) -> None:
    business, models = write(SHOP), tmp_path / "models"
    for _ in range(2):
        assert run_train(asked(business, models, "--no-publish")) == 0
    assert len(list((models / "churn").iterdir())) == 1
    assert run_train(asked(business, models, "--no-publish", "--seed", "8")) == 0
    assert len(list((models / "churn").iterdir())) == 2


def test_no_publish_writes_and_does_not_release(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    release = FakeRelease()
    assert run_train(asked(write(SHOP), tmp_path / "models", "--no-publish"), releasing=release) == 0
    assert release.asked == []
    told = capsys.readouterr().out
    assert "card.md" in told
    assert "released" not in told


def test_only_carries_the_other_capabilities_over(write: Callable[..., Path], tmp_path: Path) -> None:
    release = FakeRelease()
    business = write(SHOP, objectives={"churn": {}, "clv": {}})
    trainers = {"churn": TRAINERS["churn"], "clv": refusing}
    assert run_train(asked(business, tmp_path / "models", "--only", "churn"), trainers, release) == 0
    [(entries, keep_others)] = release.asked
    assert (list(entries), keep_others) == (["churn"], True)


def test_a_capability_that_is_refused_does_not_stop_the_others(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    release = FakeRelease()
    business = write(SHOP, objectives={"clv": {}, "churn": {}})
    trainers = {"clv": refusing, "churn": TRAINERS["churn"]}
    assert run_train(asked(business, tmp_path / "models"), trainers, release) == 2
    [(entries, keep_others)] = release.asked
    # What was refused stays in force as it was.
    assert (list(entries), keep_others) == (["churn"], True)
    told = capsys.readouterr()
    assert "clv is refused: shop has no basket" in told.err
    assert "remedy: map order_lines" in told.err
    assert "churn 20" in told.out


def test_as_of_trains_on_what_was_known_then(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    when = ("--as-of", "2026-03-01T00:00:00+00:00", "--no-publish", "--json")
    assert run_train(asked(write(SHOP), tmp_path / "models", *when)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["as_of"] == "2026-03-01T00:00:00+00:00"
    assert told["artifacts"]["churn"]["version"].startswith("20260301-")


@pytest.mark.parametrize("customers", [10, 50])
def test_few_customers_get_an_honest_answer(
    customers: int, write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    business = write({"orders": orders_sql(customers, 8 * customers, 700)})
    assert main(["train", "--business", str(business), "--models", str(tmp_path / "m"), "--no-publish"]) == 0
    told = capsys.readouterr().out
    assert "rules" in told
    assert "grade" in told


# What is refused: named, with exit code 2, and nothing of it is released


def refused(
    business: Path, tmp_path: Path, capsys: Output, trainer: Callable[[Run], Trained] = train_churn
) -> str:
    """Train where a release is in force already; return what was said."""
    models = tmp_path / "models"
    models.mkdir()
    (models / RELEASE_NAME).write_bytes(b"the release in force")
    release = FakeRelease()
    assert run_train(asked(business, models), {"churn": trainer}, release) == 2
    assert release.asked == []
    assert files(models) == {RELEASE_NAME}
    assert (models / RELEASE_NAME).read_bytes() == b"the release in force"
    return capsys.readouterr().err


def labelled(label: str, *columns: str, rows: int = 400) -> dict[str, Any]:
    """Return a business by label with the numbers x and z and whatever else is given."""
    given = ("hash(i) % 997 AS x", "hash(i + 5) % 991 AS z", *columns)
    names = [column.rsplit(" ", 1)[-1] for column in given]
    return {
        "tables": labelled_sql(rows, label, given),
        "attributes": attributes(*names),
        "objectives": {"churn": {"definition": "label"}},
    }


def test_a_column_that_nearly_is_the_label_is_refused(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    said = labelled(
        "(hash(i + 9) % 4 = 0)", "CAST(hash(i + 9) % 4 = 0 AS INT) * 9 + hash(i) % 9 AS days_since_closing"
    )
    told = refused(write(**said), tmp_path, capsys)
    assert "near label: attribute.days_since_closing" in told


def test_a_column_that_is_allowed_is_not(write: Callable[..., Path], tmp_path: Path) -> None:
    said = labelled(
        "(hash(i + 9) % 4 = 0)", "CAST(hash(i + 9) % 4 = 0 AS INT) * 9 + hash(i) % 9 AS complained"
    )
    said["objectives"]["churn"]["allow_near_label"] = ["complained"]
    assert run_train(asked(write(**said), tmp_path / "models", "--no-publish")) == 0


def looks_ahead(view: View) -> Columns:
    """Compute features of which one counts the orders of the whole history."""
    columns = dict(columns_of(view))
    if "orders" in view.history.tables:
        columns["longest_gap_days"] = np.diff(view.history.tables["orders"].offsets).astype(np.float64)
    return columns


def test_a_feature_that_looks_past_the_cut_is_refused(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    told = refused(write(SHOP), tmp_path, capsys, partial(train_churn, features_of=looks_ahead))
    assert "past the cut: longest_gap_days" in told


def leaky(question: Question, data: Data, examples: Examples, is_dated: bool) -> Splits:
    """Split so that every row that is tested is learned from too."""
    honest = label_splits(question, data, examples, is_dated)
    backtests = tuple(
        Split(one.origin, np.r_[one.train, one.test], one.test, one.inner) for one in honest.backtests
    )
    return Splits(backtests, honest.final, honest.final_inner, honest.protocol)


def test_rows_on_both_sides_of_a_split_are_refused(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    told = refused(
        write(**labelled("(hash(i + 9) % 4 = 0)")), tmp_path, capsys, partial(train_churn, split=leaky)
    )
    assert "shuffled label: a model of shuffled labels reaches AUC" in told


def test_a_model_of_noise_is_published_as_no_more_than_a_rule_of_grade_c(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    business = write(**labelled("(hash(i + 9) % 4 = 0)"))
    assert run_train(asked(business, tmp_path / "models", "--no-publish", "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    [one] = told["artifacts"]["churn"]["populations"]
    assert (one["tier"], one["grade"]) == ("rules", "C")
    card = json.loads(next((tmp_path / "models").rglob("card.json")).read_bytes())
    tried = card["variants"][0]["populations"][0]["verdicts"]
    assert {tier: verdict["grade"] for tier, verdict in tried.items()} == {"rules": "C", "statistical": "C"}
    assert any("weak model" in limit for limit in card["limits"])
    assert not any(name.endswith((".npz", ".txt")) for name in files(tmp_path / "models"))


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (labelled("1"), "labels.label"),
        ({"tables": {"orders": orders_sql(30, 200, 30)}}, "the history is too short"),
        ({"tables": {"orders": "SELECT 'o' AS order_id"}}, "orders"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_a_remedy(
    said: dict[str, Any], named: str, write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    code = main(["train", "--business", str(write(**said)), "--models", str(tmp_path / "models")])
    told = capsys.readouterr().err
    assert code == 2
    assert named in told
    assert "remedy:" in told
    assert files(tmp_path / "models") == set()


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (("--only", "horoscope"), "--only names horoscope"),
        (("--as-of", "2026-03-01"), "--as-of is not a time with an offset"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_read(
    more: tuple[str, ...], named: str, write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    business = str(write(SHOP))
    assert main(["train", "--business", business, "--models", str(tmp_path / "m"), *more, "--json"]) == 2
    printed = capsys.readouterr()
    assert named in printed.err
    told = json.loads(printed.out)["error"]
    assert named in told["message"]
    assert told["remedy"]


def test_a_business_that_wants_nothing_that_can_be_trained_is_refused(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    business = write(SHOP, objectives={"next_best_action": {}})
    trainers = {name: trainer for name, trainer in TRAINERS.items() if name != "next_best_action"}
    with pytest.raises(BusinessFileError, match="no objective"):
        run_train(asked(business, tmp_path / "models"), trainers)


def test_a_tripwire_of_the_publisher_is_a_failure(write: Callable[..., Path], tmp_path: Path) -> None:
    def refuse(models: Path, entries: dict[str, str], *, keep_others: bool) -> str:
        raise PublicationError("the current release cannot be read")

    with pytest.raises(PublicationError):
        run_train(asked(write(SHOP), tmp_path / "models"), releasing=refuse)
    assert RELEASE_NAME not in files(tmp_path / "models")


def test_a_models_folder_that_cannot_be_written_is_a_failure_without_a_trace(
    write: Callable[..., Path], tmp_path: Path, capsys: Output
) -> None:
    (tmp_path / "file").write_text("in the way")
    code = main(["train", "--business", str(write(SHOP)), "--models", str(tmp_path / "file" / "models")])
    told = capsys.readouterr().err
    assert code == 1
    assert "Traceback" not in told
    assert "error:" in told


def test_seeds_that_no_library_takes_are_refused(capsys: Output) -> None:
    for seed in ("-1", "4294967296", "x"):
        with pytest.raises(SystemExit) as left:
            asked(Path("b"), Path("m"), "--seed", seed)
        assert left.value.code == 2
    assert "expected 0 to 2147483647" in capsys.readouterr().err


def test_times_need_an_offset() -> None:
    assert parse_time(None) is None
    assert parse_time("2026-03-01T08:00:00+08:00") == to_microseconds(datetime(2026, 3, 1, tzinfo=UTC))
    for text in ("2026-03-01T08:00:00", "yesterday", ""):
        with pytest.raises(TableError, match="not a time with an offset"):
            parse_time(text)
