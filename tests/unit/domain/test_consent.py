"""Who allowed what, as known at a time."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.consent import CONSENT_DEFAULTS, granted
from app.domain.history import PURPOSES
from app.domain.rows import build_history

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "purpose": st.sampled_from(PURPOSES),
            "status": st.sampled_from(["granted", "denied", "revoked"]),
            "status_at": st.integers(0, 6),
        }
    ),
    max_size=6,
)


def ask(*customers: list[dict[str, Any]] | None, purpose: str = "profiling", at: int = 5) -> list[bool]:
    history = build_history([{"customer_id": "c", "consents": rows} for rows in customers], "UTC")
    answer: list[bool] = granted(history, purpose, np.full(len(customers), at), CONSENT_DEFAULTS).tolist()
    return answer


def row(status: str, at: int, purpose: str = "profiling") -> dict[str, Any]:
    return {"purpose": purpose, "status": status, "status_at": at}


@given(st.lists(ROWS | st.none(), max_size=4), st.sampled_from(PURPOSES), st.randoms(use_true_random=False))
def test_the_latest_row_of_the_purpose_wins(
    customers: list[list[dict[str, Any]] | None], purpose: str, chance: random.Random
) -> None:
    expected = []
    for rows in customers:
        known = [one for one in rows or [] if one["purpose"] == purpose and one["status_at"] <= 5]
        last = max((one["status_at"] for one in known), default=0)
        said = {one["status"] for one in known if one["status_at"] == last}
        expected.append(said == {"granted"} if said else CONSENT_DEFAULTS[purpose] == "granted")
        chance.shuffle(rows or [])
    assert ask(*customers, purpose=purpose) == expected


def test_a_later_row_is_not_known_yet() -> None:
    rows = [row("granted", 1), row("denied", 5)]
    assert ask(rows, at=4) == [True]
    assert ask(rows, at=5) == [False]


def test_who_takes_a_denial_back_is_granted_again() -> None:
    assert ask([row("denied", 1), row("granted", 2)]) == [True]


def test_of_two_that_contradict_each_other_the_refusal_holds() -> None:
    assert ask([row("granted", 2), row("denied", 2)]) == [False]
    assert ask([row("revoked", 2), row("granted", 2)]) == [False]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_without_a_row_the_default_holds(purpose: str) -> None:
    assert ask(None, [], purpose=purpose) == [purpose != "marketing"] * 2


def test_the_business_may_say_otherwise() -> None:
    history = build_history([{"customer_id": "c"}], "UTC")
    assert not granted(history, "profiling", np.zeros(1, np.int64), {"profiling": "denied"}).any()
    assert granted(history, "profiling", np.zeros(1, np.int64), {}).all()
