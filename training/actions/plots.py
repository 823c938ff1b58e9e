"""The picture of the card of next best action, as PNG bytes, drawn without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import matplotlib as mpl
import numpy as np

from training.actions.effects import LEVEL, Measured
from training.plots import INK, MODEL, RULE, canvas, png

EFFECTS: Final = "actions.effects.png"


def effect_plot(measured: Sequence[Measured], title: str) -> dict[str, bytes]:
    """Return the measured effect of each action with its interval; no picture where none was measured."""
    told = [(one, one.effect) for one in measured if one.effect is not None]
    told.sort(key=lambda pair: pair[1].mid)
    if not told:
        return {}
    with mpl.rc_context({"font.size": 9}):
        figure, axes = canvas()
        figure.subplots_adjust(left=0.34)
        for place, (one, effect) in enumerate(told):
            axes.errorbar(
                effect.mid,
                place,
                xerr=np.array([[effect.mid - effect.low], [effect.high - effect.mid]]),
                color=MODEL if one.evidence == "experiment" else RULE,
                marker="o",
                capsize=3,
            )
        axes.axvline(0, color=INK, linewidth=0.8, linestyle="--")
        axes.set_yticks(range(len(told)), [f"{one.action}\n{one.evidence}" for one, _ in told])
        axes.set_ylim(-0.6, len(told) - 0.4)
        axes.set(xlabel=f"difference of probabilities, {LEVEL:.0%} interval", title=f"Effects: {title}")
        return {EFFECTS: png(figure)}
