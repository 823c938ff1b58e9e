"""Pictures of value: they are PNG, repeat byte for byte, and show the numbers that they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from training import value_plots
from training.plots import png
from training.value_plots import decile_plot, tracking_plot

DECILES = [{"rows": 5.0, "predicted": 10.0 - k, "actual": 9.0 - k / 2} for k in range(10)]
DAYS = np.linspace(0.0, 90.0, 27)


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return where the figure that was drawn last is kept."""
    kept: dict[str, Any] = {}

    def keeping(figure: Any) -> bytes:
        kept["axes"] = figure.axes[0]
        return png(figure)

    monkeypatch.setattr(value_plots, "png", keeping)
    return kept


def test_deciles_are_bars_of_forecast_and_outcome(caught: dict[str, Any]) -> None:
    assert decile_plot(DECILES, "full").startswith(b"\x89PNG")
    axes = caught["axes"]
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[:10] == [one["predicted"] for one in DECILES]
    assert heights[10:] == [one["actual"] for one in DECILES]
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(k) for k in range(1, 11)]
    assert axes.get_title() == "Deciles: full"
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"predicted", "actual"}


def test_tracking_shows_both_lines(caught: dict[str, Any]) -> None:
    assert tracking_plot(DAYS, DAYS * 2.0, DAYS * 1.5, "full").startswith(b"\x89PNG")
    drawn = {line.get_label(): line.get_ydata() for line in caught["axes"].lines}
    np.testing.assert_array_equal(drawn["expected"], DAYS * 2.0)
    np.testing.assert_array_equal(drawn["actual"], DAYS * 1.5)


def test_pictures_repeat() -> None:
    assert decile_plot(DECILES, "a") == decile_plot(DECILES, "a") != decile_plot(DECILES[:9], "a")
    assert tracking_plot(DAYS, DAYS, DAYS, "a") == tracking_plot(DAYS, DAYS, DAYS, "a")
    assert tracking_plot(DAYS, DAYS, DAYS, "a") != tracking_plot(DAYS, DAYS, DAYS * 2, "a")


def test_fewer_customers_than_tenths_are_drawn_too(caught: dict[str, Any]) -> None:
    decile_plot(DECILES[:3], "few")
    assert len(caught["axes"].patches) == 6
