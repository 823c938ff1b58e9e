"""The library lists every definition once, and random histories reach all of them."""

from __future__ import annotations

from collections import defaultdict

from app.domain.history import TABLES
from app.features.library import GROUPS, LIBRARY
from app.features.summary import FEATURES as SUMMARY_FEATURES
from app.features.support import TEXT_FEATURES
from tests.unit.features.histories import Chance, customer, features_of


def test_no_name_stands_twice() -> None:
    assert len(LIBRARY) == sum(len(group.features) for group in GROUPS)


def test_features_name_a_table_that_a_caller_can_send() -> None:
    assert {feature.table for feature in LIBRARY.values()} <= {*TABLES, "customers", "summary", ""}


def test_a_summary_is_enough_for_its_own_features_and_the_record() -> None:
    enough = {name for name, feature in LIBRARY.items() if feature.summary}
    assert enough >= {feature.name for feature in SUMMARY_FEATURES}
    assert all(LIBRARY[name].table in {"summary", "customers", ""} for name in enough)


def test_todays_status_on_record_is_no_input_of_a_dated_backtest() -> None:
    assert {name for name, feature in LIBRARY.items() if not feature.dated} == {
        "loyalty_tier",
        "company_size",
    }


def test_gender_and_age_are_no_inputs() -> None:
    assert not {"gender", "birth_year", "age"} & LIBRARY.keys()


def test_random_histories_give_every_feature_several_values_and_none() -> None:
    seen = defaultdict(set)
    for seed in range(120):
        for name, value in features_of(customer(Chance(seed))).items():
            seen[name].add(value)
    # How texts sound is read by a model, before features are computed.
    read = {feature.name for feature in TEXT_FEATURES}
    assert {name for name in read if seen[name] != {None}} == set()
    fixed = read | {"season_cosine", "season_sine", "acquisition_channel", "company_industry", "company_size"}
    assert not {name for name, values in seen.items() if len(values) < 3 and name not in fixed}
