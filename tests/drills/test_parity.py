"""A customer's payload from the raw lines is answered as ``training score`` answers the same customer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.drills.parity import TOLERANCE, compare, differences
from tests.drills.raw import RETAIL, TELECOM, Example

FULL = os.environ.get("KITH_DRILLS_FULL") == "1"
"""All of the data and 1,000 customers, as ``python -m tests.drills.parity --full`` does: minutes."""

ROW = {
    "customer_id": "c",
    "release": "r",
    "personalised": True,
    **{
        f"churn_{name}": None for name in ("risk_level", "ineligible_reason", "population", "version", "tier")
    },
    **{f"churn_{name}": None for name in ("grade", "data_sufficiency", "horizon_days", "percentile")},
    "churn_eligible": True,
    "churn_probability": 0.5,
}
ANSWER = {
    "customer_id": "c",
    "release": "r",
    "personalised": True,
    "churn": {"eligible": True, "probability": 0.5, "percentile": None, "model": None},
}


@pytest.mark.slow
@pytest.mark.parametrize("example", [TELECOM, RETAIL], ids=lambda one: one.name)
def test_answers_from_raw_lines_equal_bulk_scores(example: Example, tmp_path: Path) -> None:
    if not example.raw.exists():
        pytest.skip(
            f"the public data set is not beside the project: {example.raw.parent.name}/{example.raw.name}"
        )
    outcome = compare(example, tmp_path, customers=1_000 if FULL else 200, full=FULL)
    assert not outcome.faults
    assert outcome.largest_difference <= TOLERANCE
    assert outcome.customers == (1_000 if FULL else 200)
    assert outcome.eligible > 50


def test_equal_answers_have_no_difference() -> None:
    assert differences(ROW, ANSWER) == (0.0, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("probability", 0.5 + 2e-9),
        ("probability", None),
        ("percentile", 3.0),
        ("eligible", False),
        ("tier", "ml"),
    ],
)
def test_each_difference_is_a_fault(field: str, value: object) -> None:
    _, faults = differences({**ROW, f"churn_{field}": value}, ANSWER)
    assert [fault.split()[0] for fault in faults] == [f"churn.{field}"]
