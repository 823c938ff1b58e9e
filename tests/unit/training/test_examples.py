from __future__ import annotations

import numpy as np
import pytest

from app.features.library import LIBRARY
from app.features.schema import Feature
from training.examples import (
    VOCABULARY_LIMIT,
    WORD_ROWS,
    Declared,
    Examples,
    candidates,
    feature_set,
    optional_columns,
    stack,
    take,
)

DECLARED = Declared({"plan": "categorical", "size": "numeric", "vip": "boolean"}, frozenset({"plan"}))
COLOUR = Feature("attribute.colour", "word", kind="category", table="customers")


def names(tables: set[str], *, is_summary: bool = False, is_dated: bool = True) -> set[str]:
    chosen = candidates(frozenset(tables), DECLARED, is_summary=is_summary, is_dated=is_dated)
    return {feature.name for feature in chosen}


def test_a_dated_backtest_leaves_out_what_has_no_date() -> None:
    assert "attribute.plan" in names({"orders"})
    assert not {"attribute.size", "attribute.vip", "loyalty_tier"} & names({"orders"})
    assert {"attribute.size", "attribute.vip", "loyalty_tier"} <= names({"orders"}, is_dated=False)


def test_features_need_their_table() -> None:
    assert "events_30d" not in names({"orders"})
    assert "events_30d" in names({"orders", "events"})
    assert "tenure_days" in names(set())


def test_a_summary_knows_only_what_a_summary_holds() -> None:
    chosen = names({"orders", "events"}, is_summary=True)
    assert {"summary.order_count", "tenure_days", "attribute.plan"} <= chosen
    assert all(LIBRARY[name].summary for name in chosen if name in LIBRARY)


def test_declared_attributes_keep_their_kind() -> None:
    chosen = candidates(frozenset(), DECLARED, is_summary=False, is_dated=False)
    kinds = {feature.name: feature.kind for feature in chosen}
    assert kinds["attribute.plan"] == "category"
    assert kinds["attribute.size"] == "number"
    assert kinds["attribute.vip"] == "flag"


def test_columns_that_say_nothing_are_left_out() -> None:
    chosen = [LIBRARY[name] for name in ("order_days", "revenue_total", "return_share", "coupon_share")]
    columns = {
        "days_since_last_order": np.full(4, 3.0),
        "order_days": np.array([1.0, 2.0, 3.0, 4.0]),
        "revenue_total": np.full(4, 7.0),
        "return_share": np.full(4, np.nan),
        "coupon_share": np.array([0.0, np.nan, 0.0, 0.0]),
    }
    kept = feature_set(chosen, columns, ("days_since_last_order",), 0.0)
    # Those that decide who is asked stay whatever they say; what is missing for some may say something.
    assert kept.names == ("days_since_last_order", "order_days", "coupon_share")


@pytest.mark.parametrize(("days", "is_kept"), [(300.0, False), (730.0, True)])
def test_the_season_is_left_out_unless_the_cuts_span_two_years(days: float, is_kept: bool) -> None:
    columns = {"season_sine": np.array([0.1, 0.5, -0.3])}
    kept = feature_set([LIBRARY["season_sine"]], columns, (), days)
    assert bool(kept.names) is is_kept


def test_rare_words_read_as_missing_and_vocabularies_are_in_order() -> None:
    words = ["red"] * WORD_ROWS + ["blue"] * (WORD_ROWS + 5) + ["rare"] * (WORD_ROWS - 1) + [None] * 3
    column = np.array(words, dtype=object)
    kept = feature_set([COLOUR], {COLOUR.name: column}, (), 0.0)
    assert kept.vocabularies[COLOUR.name] == ("blue", "red")
    X = kept.matrix({COLOUR.name: column}, len(column))[:, 0]
    assert np.isnan(X[column == "rare"]).all()
    assert (X[column == "blue"] == 0.0).all()


def test_a_vocabulary_holds_the_most_frequent_words() -> None:
    counts = {f"w{k:03}": WORD_ROWS + k for k in range(VOCABULARY_LIMIT + 6)}
    column = np.array([word for word, count in counts.items() for _ in range(count)], dtype=object)
    kept = feature_set([COLOUR], {COLOUR.name: column}, (), 0.0)
    assert kept.vocabularies[COLOUR.name] == tuple(sorted(counts)[6:])


@pytest.mark.parametrize("words", [["one"] * 50, [None] * 50, ["a", "b", "c"]])
def test_words_that_tell_nobody_apart_are_left_out(words: list[str | None]) -> None:
    assert feature_set([COLOUR], {COLOUR.name: np.array(words, dtype=object)}, (), 0.0).names == ()


def test_rows_of_several_cuts_stand_one_after_the_other() -> None:
    def part(cut: int) -> Examples:
        return Examples(
            {"a": np.full(2, float(cut))}, np.zeros(2), np.zeros(2), np.full(2, cut), np.arange(2)
        )

    both = stack([part(5), part(3)])
    assert both.size == 4
    assert both.cut.tolist() == [5, 5, 3, 3]
    assert both.columns["a"].tolist() == [5.0, 5.0, 3.0, 3.0]
    assert take(both.columns, np.array([3, 0]))["a"].tolist() == [3.0, 5.0]


def test_what_a_payload_may_lack_is_grouped_by_table() -> None:
    chosen = ("days_since_last_order", "order_days", "events_30d", "open_cases", "active_days_30d", "country")
    features = feature_set(
        [LIBRARY[name] for name in chosen],
        {
            name: np.array(["CN", "DE"] * 20, dtype=object) if name == "country" else np.arange(40.0)
            for name in chosen
        },
        (),
        0.0,
    )
    groups = optional_columns(features, frozenset({"orders"}))
    assert [columns for _, columns in groups] == [(2, 4), (3,)]


def test_the_windows_of_a_summary_may_be_lacking_together() -> None:
    chosen = ("summary.order_count", "summary.orders_90d", "summary.revenue_90d")
    features = feature_set(
        [LIBRARY[name] for name in chosen], {name: np.arange(4.0) for name in chosen}, (), 0
    )
    [(_, columns)] = optional_columns(features, frozenset({"orders"}))
    assert columns == (1, 2)


def test_what_only_rules_ask_about_is_no_input() -> None:
    asked = {name for name, feature in LIBRARY.items() if not feature.is_input}
    assert "days_since_sign_of_life" in asked
    everything = {feature.table for feature in LIBRARY.values()}
    for is_summary in (False, True):
        assert not asked & names(everything, is_summary=is_summary)
