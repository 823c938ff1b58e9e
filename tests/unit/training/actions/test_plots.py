"""The picture of the effects: drawn where something was measured, the same bytes for the same trial."""

from __future__ import annotations

from tests.unit.training.actions.contacted import contacts_of, trial
from training.actions.effects import measure
from training.actions.plots import EFFECTS, effect_plot


def test_measured_effects_are_drawn_alike_each_time() -> None:
    measured = measure(trial(1, 2000, 0.2, 0.1))
    first, again = effect_plot(measured, "shop"), effect_plot(measured, "shop")
    assert first == again
    assert first[EFFECTS].startswith(b"\x89PNG")
    assert first != effect_plot(measure(trial(2, 2000, 0.2, 0.1)), "shop")


def test_nothing_measured_is_no_picture() -> None:
    assert effect_plot((), "shop") == {}
    assert effect_plot(measure(contacts_of(trial(3, 500, 0.2, 0.1).y)), "shop") == {}
