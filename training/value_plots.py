"""The pictures of value: forecast and outcome by tenth of the customers, and orders tracked over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib as mpl
import numpy as np

from app.domain.history import Array
from training.plots import INK, MODEL, RULE, canvas, png

_LEFT: Final = 0.17
"""Room for thousands beside the axis."""


def decile_plot(deciles: Sequence[Mapping[str, float]], title: str) -> bytes:
    """Return mean predicted and actual spend in tenths of the customers, the most valuable first."""
    place = np.arange(len(deciles))
    with mpl.rc_context({"font.size": 9}):
        figure, drawn = canvas()
        figure.subplots_adjust(left=_LEFT)
        drawn.bar(place - 0.2, [one["predicted"] for one in deciles], 0.4, color=MODEL, label="predicted")
        drawn.bar(place + 0.2, [one["actual"] for one in deciles], 0.4, color=RULE, label="actual")
        drawn.set(
            xlabel="tenth of the customers by predicted value, highest first",
            ylabel="mean spend",
            title=f"Deciles: {title}",
        )
        drawn.set_xticks(place, [str(k + 1) for k in place])
        drawn.legend(frameon=False)
        return png(figure)


def tracking_plot(days: Array, expected: Array, actual: Array, title: str) -> bytes:
    """Return cumulative orders after the newest origin, expected and actual, day by day."""
    with mpl.rc_context({"font.size": 9}):
        figure, drawn = canvas()
        figure.subplots_adjust(left=_LEFT)
        drawn.plot(days, actual, color=INK, label="actual")
        drawn.plot(days, expected, color=MODEL, linestyle="--", label="expected")
        drawn.set(xlabel="days after the newest origin", ylabel="orders so far", title=f"Tracking: {title}")
        drawn.legend(frameon=False, loc="upper left")
        return png(figure)
