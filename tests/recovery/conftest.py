"""The simulated business of 1,500 customers, and churn learned from it, once for all tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from training.__main__ import main
from training.purchasing import learn_purchases, without_lapsed
from training.run import Run
from training.tables import load_business, read_tables
from training.train import SEED, known_at
from training.variants import Fitted

CUSTOMERS, SAMPLE_SEED = "1500", "11"


@dataclass(frozen=True)
class Recovered:
    """What was learned from the tables alone, and what is really true."""

    fitted: Fitted
    drivers: dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("sample")
    assert main(["sample", "--out", str(folder), "--customers", CUSTOMERS, "--seed", SAMPLE_SEED]) == 0
    business = load_business(folder / "business.yaml")
    with read_tables(business) as tables:
        tables.refuse_errors()
        yield Run(business, tables, tables.history(), known_at(tables), SEED, "", {}, lambda _: None)


@pytest.fixture(scope="session")
def recovered(run: Run) -> Recovered:
    churn = run.business.objectives.churn
    assert churn is not None
    fitted = without_lapsed(learn_purchases(run, churn.horizon_days)["full"]).fitted
    truth = json.loads((Path(run.business.path).parent / "truth" / "truth.json").read_text("utf-8"))
    return Recovered(fitted, {one["driver"]: one for one in truth["churn_drivers"]})
