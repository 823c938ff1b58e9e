from __future__ import annotations

import pytest

from app.store.records import CONFIRMED, CONFIRMING, OUTCOME_TYPES, RELEASED, RELEASING, RESERVED, SUCCESS
from app.store.reporting import reservation_state


@pytest.mark.parametrize(
    ("is_confirmed", "is_unsent", "state"),
    [
        (False, False, RESERVED),
        (False, True, RELEASED),
        (True, False, CONFIRMED),
        (True, True, CONFIRMED),
    ],
)
def test_state_of_a_reservation_follows_from_the_set_of_its_outcomes(
    is_confirmed: bool, is_unsent: bool, state: str
) -> None:
    assert reservation_state(is_confirmed=is_confirmed, is_unsent=is_unsent) == state


def test_every_kind_of_outcome_has_one_meaning() -> None:
    assert set(OUTCOME_TYPES) == CONFIRMING | SUCCESS | {RELEASING}
    assert not CONFIRMING & (SUCCESS | {RELEASING})
