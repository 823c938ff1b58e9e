"""The choice among candidates: exact probabilities, fair draws, and what each part of the programme gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from app.capabilities.next_best_action import Draw, draw, expected_profit

Assigned = Literal["policy", "random", "holdout"]

DRAWS = 100_000


def chosen(
    worth: Sequence[float],
    allowed: Sequence[bool],
    u: float = 0.0,
    *,
    assigned: Assigned = "policy",
    epsilon: float = 0.05,
    exempt: Sequence[bool] | None = None,
) -> Draw:
    is_exempt = [False] * len(worth) if exempt is None else exempt
    return draw(
        np.array(worth, dtype=float),
        np.array(allowed, dtype=bool),
        np.array(is_exempt, dtype=bool),
        assigned=assigned,
        epsilon=epsilon,
        u=u,
    )


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.booleans(), st.booleans()), max_size=30),
    st.sampled_from(["policy", "random", "holdout"]),
    st.floats(0.0, 0.5),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_probabilities_sum_to_one_and_only_what_is_allowed_is_drawn(
    candidates: list[tuple[float, bool, bool]], assigned: Assigned, epsilon: float, u: float
) -> None:
    worth, allowed, exempt = zip(*candidates, strict=True) if candidates else ((), (), ())
    found = chosen(worth, allowed, u, assigned=assigned, epsilon=epsilon, exempt=exempt)
    assert found.probabilities.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.probabilities[found.chosen] > 0
    for k, (_, may, is_exempt) in enumerate(candidates):
        if not may or (assigned == "holdout" and not is_exempt):
            assert found.probabilities[k] == 0
    if assigned == "policy":
        floor = epsilon / (sum(allowed) + 1)
        assert all(found.probabilities[k] >= floor for k, may in enumerate(allowed) if may)
        assert found.probabilities[-1] >= floor


@pytest.mark.parametrize(
    ("worth", "allowed", "assigned"),
    [
        ([3.0, 1.0, -2.0, 5.0], [True, True, True, False], "policy"),
        ([-1.0, -2.0], [True, True], "policy"),
        ([3.0, 1.0, -2.0, 5.0], [True, True, True, True], "random"),
        ([1.0] * 19, [True] * 19, "policy"),
    ],
)
def test_shares_of_many_draws_match_the_probabilities(
    worth: list[float], allowed: list[bool], assigned: Assigned
) -> None:
    rng = np.random.default_rng(7)
    counts = np.zeros(len(worth) + 1)
    probabilities = chosen(worth, allowed, assigned=assigned, epsilon=0.2).probabilities
    for u in rng.random(DRAWS):
        found = chosen(worth, allowed, u, assigned=assigned, epsilon=0.2)
        counts[found.chosen] += 1
    possible = probabilities > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], probabilities[possible] * DRAWS).pvalue > 1e-3


def test_best_is_chosen_and_says_so() -> None:
    found = chosen([1.0, 4.0, 4.0], [True, True, True], 0.5)
    assert (found.chosen, found.slice) == (1, "exploit")
    assert chosen([1.0, 4.0, 4.0], [True, True, True], 0.999).slice == "explore"


@pytest.mark.parametrize("worth", [[0.0], [-3.0], []])
def test_nothing_is_done_where_nothing_pays(worth: list[float]) -> None:
    found = chosen(worth, [True] * len(worth))
    assert found.chosen == len(worth)


def test_holdout_gets_what_is_exempt_alone() -> None:
    assert chosen([9.0, 1.0], [True, True], 0.99, assigned="holdout").chosen == 2
    spared = chosen([9.0, 1.0], [True, True], 0.99, assigned="holdout", exempt=[False, True])
    assert (spared.chosen, spared.slice, spared.probabilities.tolist()) == (1, "holdout", [0, 1, 0])


def test_without_exploration_the_best_has_all() -> None:
    found = chosen([1.0, 2.0], [True, True], 0.9999, epsilon=0.0)
    assert (found.chosen, found.probabilities.tolist()) == (1, [0, 1, 0])


def test_expected_profit_is_effect_times_value_less_cost() -> None:
    profit = expected_profit(
        np.array([[0.0, 0.1, 0.2], [0.0, 0.1, 0.2], [-0.1, 0.0, 0.1]]),
        np.array([50.0, np.nan, -10.0]),
        np.array([1.0, 1.0, 0.0]),
    )
    np.testing.assert_allclose(profit[0], [-1.0, 4.0, 9.0])
    assert np.isnan(profit[1]).all()
    np.testing.assert_allclose(profit[2], [-1.0, 0.0, 1.0])
