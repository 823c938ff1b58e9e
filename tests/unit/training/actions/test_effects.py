"""Effects of trials: known truth is found, what is not sound is refused, no control says nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.actions.contacted import contacts_of, trial
from training.actions.effects import (
    ANSWERS_UNTIMED,
    ARM_SIZES,
    MISMATCH,
    NO_CONTROL,
    NO_PROPENSITY,
    OUTCOMES_MISSING,
    PROPENSITY_RANGE,
    TOO_FEW,
    TOO_RARE,
    hajek,
    measure,
    mismatch_p,
)
from training.actions.rows import Contacts, no_contacts


def only(contacts: Contacts) -> object:
    (found,) = measure(contacts)
    return found.silent


def test_an_effect_clear_of_chance_is_an_experiment() -> None:
    (found,) = measure(trial(1, 4000, 0.2, 0.1))
    assert found.effect is not None
    assert found.evidence == "experiment"
    assert found.effect.low <= 0.1 <= found.effect.high
    assert found.setting()["evidence"] == "experiment"


def test_an_effect_that_may_be_chance_is_a_pilot() -> None:
    (found,) = measure(trial(2, 400, 0.2, 0.0))
    assert found.effect is not None
    assert found.evidence == "pilot"
    assert found.effect.low < 0 < found.effect.high


def test_a_harmful_action_is_an_experiment_too() -> None:
    (found,) = measure(trial(3, 4000, 0.4, -0.1))
    assert found.evidence == "experiment"
    assert found.effect is not None
    assert found.effect.high < 0


def test_unequal_chances_are_weighed_out() -> None:
    # Who lapses is treated more often and answers less: the plain difference of shares is far off.
    rng = np.random.default_rng(4)
    lapsing = rng.random(40_000) < 0.5
    chance = np.where(lapsing, 0.8, 0.2)
    treated = (rng.random(40_000) < chance).astype(np.float64)
    y = (rng.random(40_000) < np.where(lapsing, 0.1, 0.5) + 0.05 * treated).astype(np.float64)
    effect = hajek(y, treated, chance, np.arange(40_000)).effect
    plain = y[treated == 1].mean() - y[treated == 0].mean()
    assert effect.low <= 0.05 <= effect.high
    assert plain < -0.1


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        chance = np.where(rng.random(600) < 0.5, 0.7, 0.4)
        (found,) = measure(trial(seed + 1000, 600, 0.3, 0.08, chance))
        if found.effect is None:
            continue
        inside += found.effect.low <= 0.08 <= found.effect.high
    assert 0.85 <= inside / 300 <= 0.95


def test_rows_of_one_customer_err_together() -> None:
    once = trial(5, 1000, 0.3, 0.05)
    ten_times = once.take(np.repeat(np.arange(1000), 10))
    effect = hajek(once.y, once.treated, once.propensity, once.customer).effect
    again = hajek(ten_times.y, ten_times.treated, ten_times.propensity, ten_times.customer).effect
    assert again.low == pytest.approx(effect.low, abs=1e-9)
    assert again.high == pytest.approx(effect.high, abs=1e-9)


def test_logs_without_a_control_arm_say_nothing() -> None:
    assert only(contacts_of(np.ones(500))) == NO_CONTROL
    assert only(contacts_of(np.ones(500), np.full(500, np.nan))) == NO_CONTROL


def test_chances_must_be_logged_and_leave_both_arms_possible() -> None:
    found = trial(6, 1000, 0.3, 0.1)
    chance = found.propensity.copy()
    chance[3] = np.nan
    assert only(replace(found, propensity=chance)) == NO_PROPENSITY
    chance[3] = 1.0
    assert only(replace(found, propensity=chance)) == PROPENSITY_RANGE
    assert only(replace(found, propensity=np.zeros(1000))) == PROPENSITY_RANGE


def test_arms_of_other_sizes_than_logged_are_refused() -> None:
    found = trial(7, 4000, 0.3, 0.1, 0.5)
    assert only(replace(found, propensity=np.full(4000, 0.6))) == ARM_SIZES
    # Right on the whole, wrong within each chance.
    swapped = np.where(found.treated == 1, 0.4, 0.6)
    assert only(replace(found, propensity=swapped)) == ARM_SIZES


def test_true_chances_are_seldom_refused() -> None:
    values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        chance = rng.uniform(0.1, 0.9, 500)
        treated = (rng.random(500) < chance).astype(np.float64)
        values.append(mismatch_p(treated, chance, np.arange(500)))
    assert np.mean(np.array(values) < 0.05) < 0.10


def test_customers_that_were_drawn_once_for_all_their_contacts_are_no_mismatch() -> None:
    refused = []
    for seed in range(200):
        treated = np.repeat((np.random.default_rng(seed).random(500) < 0.5).astype(np.float64), 10)
        p = mismatch_p(treated, np.full(5000, 0.5), np.repeat(np.arange(500), 10))
        refused.append(p < MISMATCH)
    assert np.mean(refused) < 0.02


def test_trials_of_nothing_are_seldom_called_experiments() -> None:
    is_any = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        one = trial(seed, 14 * 400, 0.3, 0.0)
        names = rng.permutation(np.repeat([f"a{k:02}" for k in range(14)], 400))
        found = measure(replace(one, action=names.astype(object)))
        assert len(found) == 14
        is_any.append(any(each.evidence == "experiment" for each in found))
    assert np.mean(is_any) < 0.2


def test_effect_is_told_of_channels_that_were_tried() -> None:
    one = trial(3, 2000, 0.3, 0.1)
    channel = np.array(["email"] * 1500 + ["sms"] * 480 + ["phone"] * 20, dtype=object)
    (found,) = measure(replace(one, channel=channel))
    assert found.channels == ("email", "sms")
    assert found.setting()["channels"] == ["email", "sms"]


def test_missing_outcomes_are_refused() -> None:
    found = trial(8, 1000, 0.3, 0.1)
    y = found.y.copy()
    y[np.flatnonzero(found.treated == 0)[:80]] = np.nan
    assert only(replace(found, y=y)) == OUTCOMES_MISSING


def test_answers_without_a_time_are_refused_and_not_counted_as_none() -> None:
    found = trial(9, 2000, 0.05, 0.02)
    answered = np.flatnonzero(found.y == 1)
    y = found.y.copy()
    y[answered] = np.nan
    is_untimed = np.isin(np.arange(2000), answered)
    assert only(replace(found, y=y, is_untimed=is_untimed)) == ANSWERS_UNTIMED


@pytest.mark.parametrize(("size", "without", "code"), [(150, 0.3, TOO_FEW), (2000, 0.002, TOO_RARE)])
def test_small_trials_say_nothing(size: int, without: float, code: str) -> None:
    assert only(trial(10, size, without, 0.0)) == code


def test_weights_count_as_the_information_that_they_leave() -> None:
    # Some 370 were treated, but most of their weight is on a dozen of them.
    chance = np.r_[np.full(400, 0.9), np.full(600, 0.02)]
    rng = np.random.default_rng(12)
    treated = (rng.random(1000) < chance).astype(np.float64)
    y = (rng.random(1000) < 0.3).astype(np.float64)
    assert treated.sum() > 300
    assert only(contacts_of(y, treated, propensity=chance)) == TOO_FEW


def test_actions_are_told_apart_and_contacts_without_an_action_are_not_one() -> None:
    found = trial(13, 900, 0.3, 0.1)
    action = np.array(["b", "a", ""] * 300, dtype=object)
    assert [one.action for one in measure(replace(found, action=action))] == ["a", "b"]
    assert measure(no_contacts()) == ()
