"""The price of a budget: it lasts for its period, the best contacts get it, and a batch fits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import Array
from app.estimators.pacing import FEWEST, batch_price, batch_prices, next_price


def run(nets: Array, amount: float) -> tuple[float, Array]:
    """Play a period of wishes, one after the other; return what was spent at each, and what it was worth."""
    price, spent, total, sent = 0.0, 0.0, 0.0, []
    for wishes, net in enumerate(nets, 1):
        total += abs(net)
        charge = 1.0 if net > price and spent + 1.0 <= amount else 0.0
        spent += charge
        sent.append(net * charge)
        price = next_price(price, charge, 1.0, amount - spent, 1 - wishes / len(nets), wishes, total / wishes)
    return spent, np.array(sent)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_budget_lasts_and_goes_to_the_best(share: float, seed: int) -> None:
    nets = np.random.default_rng(seed).exponential(10.0, 4_000)
    amount = share * len(nets)
    spent, sent = run(nets, amount)
    ideal = np.sort(nets)[::-1][: int(amount)].sum()
    first_come = nets[: int(amount)].sum()
    assert 0.9 * amount <= spent <= amount
    assert sent.sum() > 0.85 * ideal
    assert sent.sum() > first_come
    assert (sent[len(sent) * 9 // 10 :] > 0).any()


def test_ample_budget_costs_nothing() -> None:
    nets = np.random.default_rng(1).exponential(10.0, 2_000)
    spent, _ = run(nets, 5_000.0)
    assert spent > 1_990


def test_few_wishes_do_not_move_the_price() -> None:
    assert next_price(3.0, 1.0, 1.0, 1.0, 0.5, FEWEST - 1, 10.0) == 3.0


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 20)), max_size=60),
    st.floats(0, 300),
    st.floats(0, 20),
)
def test_batch_fits_at_its_price_and_no_lower_one_would_do(
    wishes: list[tuple[float, float]], left: float, price: float
) -> None:
    net, charge = np.array([n for n, _ in wishes]), np.array([c for _, c in wishes])
    found = batch_price(net, charge, left, price)
    assert found >= price
    more = np.nextafter(found, np.inf)
    assert charge[net > more].sum() <= left * (1 + 1e-6) + 1e-9
    if found > price:
        assert charge[net > found].sum() > left


@pytest.mark.parametrize("count", [5, 12, 40])
def test_equals_are_let_in_up_to_what_is_left(count: int) -> None:
    net, charge = np.full(count, 4.0), np.full(count, 0.1)
    exact = batch_price(net, charge, 0.1 * count, 0.0)
    assert exact == 0.0
    less = batch_price(net, charge, 0.05 * count, 0.0)
    assert 3.99 < less < 4.0
    assert batch_price(net, charge, -2.0, 0.0) < 4.0
    assert batch_price(np.empty(0), np.empty(0), -2.0, 1.5) == 1.5


def test_prices_of_two_budgets_keep_both_for_the_best() -> None:
    """Who is priced out of the first budget competes for the second one."""
    worth = np.column_stack([np.arange(10.0, 30.0), np.arange(10.0, 30.0) - 1.0])
    prices = batch_prices(
        worth,
        np.ones_like(worth, dtype=bool),
        np.array([0, 1]),
        np.ones(2),
        np.zeros(20),
        np.array([5.0, 5.0]),
        np.zeros(2),
    )
    first, second = worth[:, 0] > prices[0], worth[:, 1] > prices[1]
    assert first.nonzero()[0].tolist() == list(range(14, 20))  # the last one finds the budget spent
    assert (second & ~first).nonzero()[0].tolist() == list(range(8, 14))
