"""The price of a budget: it lasts for its period, the best contacts get it, and a batch fits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import Array
from app.estimators.pacing import FEWEST, batch_price, next_price


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
    assert charge[net > found].sum() <= left + 1e-9
    if found > price:
        assert charge[net >= found].sum() > left
