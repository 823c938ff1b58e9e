"""The pictures of satisfaction: the scores that were foretold beside those that were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib as mpl
import numpy as np

from app.domain.history import Array
from training.plots import INK, MODEL, RULE, canvas, png

_TENTHS: Final = 10
_CERTAIN: Final = 1.96


def distribution_plot(distribution: Sequence[Mapping[str, float]], title: str) -> bytes:
    """Return the share of every score, predicted and given.

    Parameters
    ----------
    distribution : sequence of mapping
        ``score``, ``predicted`` and ``observed`` of every score, rising.
    """
    place = np.arange(len(distribution))
    with mpl.rc_context({"font.size": 9}):
        figure, drawn = canvas()
        for shift, name, colour, words in (
            (-0.2, "predicted", MODEL, "predicted"),
            (0.2, "observed", RULE, "given"),
        ):
            drawn.bar(place + shift, [one[name] for one in distribution], 0.4, color=colour, label=words)
        drawn.set(xlabel="score", ylabel="share of held-out rows", title=f"Scores: {title}")
        drawn.set_xticks(place, [f"{one['score']:g}" for one in distribution])
        drawn.legend(frameon=False)
        return png(figure)


def scores_plot(expected: Array, score: Array, title: str) -> bytes:
    """Return the mean score that was given in tenths of the answers by expected score; on the line is right.

    The bars are 95 % intervals of the mean.

    Parameters
    ----------
    expected, score : ndarray, shape (N,)
        What was foretold of held-out rows, and what came.
    """
    parts = [part for part in np.array_split(np.argsort(expected, kind="stable"), _TENTHS) if len(part)]
    told = np.array([expected[part].mean() for part in parts])
    came = np.array([score[part].mean() for part in parts])
    reach = np.array([_CERTAIN * score[part].std() / np.sqrt(len(part)) for part in parts])
    ends = [float(min(told.min(), came.min())), float(max(told.max(), came.max()))]
    with mpl.rc_context({"font.size": 9}):
        figure, drawn = canvas()
        drawn.plot(ends, ends, color=INK, linewidth=0.8, linestyle="--", label="perfect")
        drawn.errorbar(told, came, yerr=reach, color=MODEL, marker="o", capsize=2, label="held-out answers")
        drawn.set(xlabel="expected score", ylabel="mean score given", title=f"Expected score: {title}")
        drawn.legend(frameon=False, loc="upper left")
        return png(figure)
