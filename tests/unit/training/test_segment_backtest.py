"""Segments are judged by later purchases on cut points and rates of earlier customers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from app.domain.history import MICROSECONDS_PER_DAY, Array
from app.estimators.scores import NAMES
from app.features.view import purchased_between
from tests.unit.training.rows import run_over
from tests.unit.training.segments import regulars_sql
from training.capabilities.segment import _cuts, seen_at
from training.run import Run
from training.segment_backtest import Backtest, Seen, _rates, backtest, inputs_of, names_at
from training.segmenting import Wanted, fit_rules


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with run_over({"orders": regulars_sql()}) as found:
        yield found


def judged(run: Run, cuts: tuple[int, ...]) -> Backtest:
    return backtest(run, "full", Wanted(), 90, cuts, lambda cut: seen_at(run, "full", cut))


def test_three_origins_are_judged_by_what_came(run: Run) -> None:
    cuts = _cuts(run, 90)
    found = judged(run, cuts)
    assert found.origins == (cuts[0], cuts[3], cuts[6])
    newest = seen_at(run, "full", cuts[0])
    after = np.full(run.history.size, cuts[0])
    came = purchased_between(run.history, after, after + 90 * MICROSECONDS_PER_DAY)
    rows = slice(0, len(newest.customer))
    assert found.customer[rows].tolist() == newest.customer.tolist()
    assert found.y[rows].tolist() == came[newest.customer].astype(float).tolist()


def test_names_and_rates_are_those_of_the_earlier_cut_off(run: Run) -> None:
    cuts = _cuts(run, 90)
    found = judged(run, cuts[:4])
    assert found.origins == (cuts[0],)
    earlier, later = seen_at(run, "full", cuts[3]), seen_at(run, "full", cuts[0])
    settings = fit_rules(earlier.bought(inputs_of("full")), Wanted())
    names = names_at(settings, later, "full")
    assert found.name.tolist() == names.tolist()
    after = np.full(run.history.size, cuts[3])
    y = purchased_between(run.history, after, after + 90 * MICROSECONDS_PER_DAY)[earlier.customer]
    base = (y.sum() + 0.5) / (len(y) + 1)
    assert set(found.base.tolist()) == {base}
    own = y[names_at(settings, earlier, "full") == "champions"]
    rate = (own.sum() + 10 * base) / (len(own) + 10)
    np.testing.assert_allclose(found.p[names == "champions"], rate)
    assert found.learned == len(y)


def test_the_label_is_complete_before_the_later_cut_off(run: Run) -> None:
    cuts = _cuts(run, 90)
    assert cuts[0] - cuts[3] == 90 * MICROSECONDS_PER_DAY


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_cut_offs_leave_nothing_to_judge_by(run: Run, count: int) -> None:
    found = judged(run, _cuts(run, 90)[:count])
    assert found.origins == ()
    assert found.verdict.grade == "C"
    assert found.metrics == {}
    assert found.rate("champions") == (0, None)


def test_cut_offs_without_anybody_are_passed_over(run: Run) -> None:
    nobody = Seen(np.empty(0, dtype=np.int64), {})
    found = backtest(run, "full", Wanted(), 90, _cuts(run, 90), lambda _: nobody)
    assert found.origins == ()


def test_segments_of_permuted_customers_earn_c(run: Run) -> None:
    rng = np.random.default_rng(1)

    def anybody(cut: int) -> Seen:
        seen = seen_at(run, "full", cut)
        return Seen(rng.permutation(seen.customer), seen.columns)

    found = backtest(run, "full", Wanted(), 90, _cuts(run, 90), anybody)
    assert found.verdict.grade == "C"
    assert judged(run, _cuts(run, 90)).verdict.grade == "A"


def test_rates_are_drawn_towards_everybody() -> None:
    name: Array = np.array(["champions"] * 10 + ["lost"] * 2, dtype=object)
    rates = _rates(name, np.array([1.0] * 10 + [0.0] * 2), 0.5)
    assert rates.keys() == set(NAMES)
    assert rates["champions"] == pytest.approx(0.75)
    assert rates["lost"] == pytest.approx(5 / 12)
    assert rates["loyal"] == 0.5


def test_the_rate_of_a_name_has_its_interval(run: Run) -> None:
    found = judged(run, _cuts(run, 90))
    total = 0
    for name in NAMES:
        rows, rate = found.rate(name)
        total += rows
        if rate is not None:
            assert rate.low <= rate.value <= rate.high
            assert rate.value == pytest.approx(found.y[found.name == name].mean())
    assert total == len(found.y)
