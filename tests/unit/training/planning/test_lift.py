"""The lift is a ratio of shares, its interval keeps its word, and nobody's habit can be read out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.clock import from_microseconds
from app.domain.history import Array
from tests.unit.training.conftest import Small
from training.planning.lift import Bought, bought, hidden, lift_of, lift_part, missing_tables, wilson
from training.tables import Tables, load_business, read_tables
from training.train import known_at

pytestmark = pytest.mark.xdist_group("small-business")


@pytest.fixture(scope="module")
def tables(small: Small) -> Iterator[Tables]:
    with read_tables(load_business(small.business)) as tables:
        yield tables


def by_hand(tables: Tables, groups: dict[str, int]) -> dict[tuple[int, str], set[str]]:
    """Return who bought what in the last 365 days, row by row."""
    now = from_microseconds(known_at(tables))
    category = {row["product_id"]: row["category"] for row in tables.arrow("products").to_pylist()}
    orders = {
        row["order_id"]: row["customer_id"]
        for row in tables.arrow("orders").to_pylist()
        if now - timedelta(days=365) < row["ordered_at"] <= now
        and row["status"] not in {"cancelled", "pending"}
        and row["cancelled_at"] is None
    }
    found = defaultdict(set)
    for row in tables.arrow("order_lines").to_pylist():
        who = orders.get(row["order_id"])
        if who in groups and row["quantity"] > 0:
            found[groups[who], category[row["product_id"]]].add(who)
    return found


@pytest.mark.parametrize("chunk", [1_000, 33])
def test_customers_are_counted_once_for_each_category(tables: Tables, chunk: int) -> None:
    positions = np.arange(0, tables.size, 2)
    group = positions // 2 % 3
    found = bought(tables, known_at(tables), positions, group, 3, chunk)
    ids = dict(zip([tables.customer_ids[i] for i in positions], group.tolist(), strict=True))
    told = by_hand(tables, ids)
    assert len(found.categories) == 10
    for c, category in enumerate(found.categories):
        for g in range(3):
            assert found.counts[g, c] == len(told.get((g, category), set()))
    for g in range(3):
        anybody: set[str] = set().union(*(who for (other, _), who in told.items() if other == g))
        assert found.anything[g] == len(anybody) > 0
    assert found.sizes.tolist() == np.bincount(group).tolist()
    assert found.left_out == 0
    totals = found.counts.sum(axis=0)
    assert totals.tolist() == sorted(totals.tolist(), reverse=True)


def test_nothing_after_the_time_is_counted(tables: Tables) -> None:
    everybody = np.arange(tables.size)
    whole = bought(tables, known_at(tables), everybody, everybody * 0, 1, 1_000)
    long_ago = bought(
        tables, known_at(tables) - 20 * 365 * 86_400_000_000, everybody, everybody * 0, 1, 1_000
    )
    assert whole.counts.sum() > 0
    assert long_ago.categories == ()
    assert long_ago.counts.shape == (1, 0)


def test_lift_is_the_segments_share_over_that_of_all() -> None:
    found = lift_of(np.array([[30], [10], [20]]), np.array([50, 50, 100]))
    np.testing.assert_allclose(found.lift[:, 0], [2.0, 2 / 3, 2 / 3])
    assert np.all(found.low < found.lift)
    assert np.all(found.lift < found.high)
    assert found.low[0, 0] > 1 > found.high[2, 0]


def test_a_segment_of_everybody_has_a_lift_of_one() -> None:
    found = lift_of(np.array([[7, 0]]), np.array([9]))
    assert (found.lift[0, 0], found.low[0, 0], found.high[0, 0]) == (1.0, 1.0, 1.0)
    assert np.isnan([found.lift[0, 1], found.low[0, 1], found.high[0, 1]]).all()


@pytest.mark.parametrize(("share", "ratio", "sizes"), [(0.1, 1.0, (100, 400)), (0.3, 2.0, (80, 300))])
def test_the_interval_holds_the_truth_as_often_as_it_says(
    share: float, ratio: float, sizes: tuple[int, int]
) -> None:
    rng = np.random.default_rng(0)
    n, rest = sizes
    counts = np.array([rng.binomial(n, share * ratio, 4_000), rng.binomial(rest, share, 4_000)])
    found = lift_of(counts, np.array(sizes))
    truth = ratio / (n * ratio + rest) * (n + rest)
    inside = (found.low[0] <= truth) & (truth <= found.high[0])
    assert 0.93 < inside.mean() < 0.975


def test_wilson_is_the_published_interval() -> None:
    # Newcombe (1998), table I: 81 of 263 and 15 of 148.
    low, high = wilson(np.array([81.0, 15.0, 0.0]), np.array([263.0, 148.0, 20.0]))
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0.0], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611], atol=5e-5)


counted = st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=1, max_size=6)


@given(counted)
def test_what_is_told_never_gives_a_small_cell_away(rows: list[list[int]]) -> None:
    counts = np.array(rows)
    is_hidden = hidden(counts)
    assert np.all(is_hidden[counts < 5])
    for c in range(4):
        untold = int(counts[is_hidden[:, c], c].sum())
        assert untold == 0 or untold >= 5 or bool(is_hidden[:, c].all())


@given(counted)
def test_intervals_are_finite_and_hold_the_lift(rows: list[list[int]]) -> None:
    counts = np.array(rows)
    found = lift_of(counts, np.full(len(rows), 30))
    known = np.isfinite(found.lift)
    assert np.array_equal(known, np.broadcast_to(counts.sum(axis=0) > 0, counts.shape))
    assert np.isfinite([found.low[known], found.high[known]]).all()
    assert np.all(found.low[known] <= found.lift[known] + 1e-9)
    assert np.all(found.high[known] >= found.lift[known] - 1e-9)


def made(counts: list[list[int]], anything: list[int]) -> Bought:
    names = tuple("abc"[: len(counts[0])])
    sizes: Array = np.full(len(counts), 60)
    return Bought(names, np.array(counts), np.array(anything), sizes, 2)


def test_a_hidden_cell_has_no_number() -> None:
    part = lift_part(made([[40, 3], [10, 30], [5, 12]], [50, 40, 20]), ("x", "y", "z"))
    cells = {(cell["segment"], cell["category"]): cell for cell in part["cells"]}
    assert cells["x", "b"] == {"category": "b", "segment": "x", "is_hidden": True}
    # 3 alone would be the total less what is told.
    assert cells["z", "b"]["is_hidden"]
    assert not cells["y", "b"]["is_hidden"]
    assert part["hidden_cells"] == 2
    first = cells["x", "a"]
    assert first["customers"] == 40
    assert first["share"] == pytest.approx(2 / 3)
    assert first["lift"] == pytest.approx((40 / 60) / (55 / 180))
    assert first["stands_out"]
    assert first["over_anything"] == pytest.approx(first["lift"] / cells["x", None]["lift"])
    assert part["categories"][1] == {"category": "a", "customers": 55, "share": 55 / 180}
    assert part["categories_left_out"] == 2


def test_a_category_of_too_few_is_not_told_at_all() -> None:
    part = lift_part(made([[2, 9], [1, 9]], [9, 9]), ("x", "y"))
    assert part["categories"][1] == {"category": "a", "customers": None, "share": None}


def test_tables_that_are_missing_are_named(tables: Tables) -> None:
    assert missing_tables(tables) == ()

    class Without:
        def has(self, table: str) -> bool:
            return table == "orders"

    assert missing_tables(Without()) == ("order_lines", "products")  # type: ignore[arg-type]
