"""The pictures of a model card, as PNG bytes, drawn without a screen."""

from __future__ import annotations

import io
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from app.domain.history import Array
from training.evaluation import calibration_table

_SIZE: Final = (5.2, 4.0)
_MARGINS: Final = {"left": 0.12, "right": 0.97, "bottom": 0.12, "top": 0.91}
INK, MODEL, RULE = "#444444", "#1b6ca8", "#c0792a"
_POINTS: Final = 500
"""Points of a curve; more cannot be told apart."""


def calibration_plot(y: Array, p: Array, title: str) -> bytes:
    """Return observed against predicted shares in ten equal-count bins; on the diagonal is right.

    The bars are 95 % intervals of what was observed (Wilson).
    """
    table = calibration_table(y, p)
    predicted = np.array([bin_.predicted for bin_ in table])
    observed = np.array([bin_.observed for bin_ in table])
    low, high = _wilson(observed, np.array([float(bin_.rows) for bin_ in table]))
    with mpl.rc_context({"font.size": 9}):
        figure, axes = canvas()
        top = min(max(predicted.max(), high.max()) * 1.05, 1.02)
        axes.plot([0, top], [0, top], color=INK, linewidth=0.8, linestyle="--", label="perfect")
        axes.errorbar(
            predicted,
            observed,
            yerr=np.maximum([observed - low, high - observed], 0.0),
            color=MODEL,
            marker="o",
            capsize=2,
            label="held-out rows",
        )
        axes.set(xlabel="predicted probability", ylabel="observed share", title=f"Calibration: {title}")
        axes.legend(frameon=False)
        return png(figure)


def gains_plot(y: Array, p: Array, rule: Array, title: str, wanted: str = "those lost") -> bytes:
    """Return the share of positives found when the riskiest are taken first, beside the rule and chance.

    ``wanted`` is what the positives are, in words.
    """
    kept = np.unique(np.linspace(0, len(y), _POINTS).astype(np.int64))
    with mpl.rc_context({"font.size": 9}):
        figure, axes = canvas()
        for scores, name, colour in ((p, "published", MODEL), (rule, "rule", RULE)):
            found = np.r_[0, np.cumsum(y[np.argsort(-scores, kind="stable")])] / max(y.sum(), 1)
            axes.plot(kept / len(y), found[kept], color=colour, label=name)
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", label="chance")
        axes.set(
            xlabel="share of customers, riskiest first",
            ylabel=f"share of {wanted} who are found",
            title=f"Gains: {title}",
        )
        axes.legend(frameon=False, loc="lower right")
        return png(figure)


def _wilson(share: Array, rows: Array) -> tuple[Array, Array]:
    """Return the ends of the 95 % interval of an observed share.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    z = 1.96
    center = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    reach = z * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2)) / (1 + z**2 / rows)
    return center - reach, center + reach


def canvas() -> tuple[Figure, Axes]:
    """Return an empty picture of the cards' size."""
    figure = Figure(figsize=_SIZE)
    figure.subplots_adjust(**_MARGINS)
    return figure, figure.subplots()


def png(figure: Figure) -> bytes:
    """Return a picture as PNG bytes, the same for the same picture."""
    buffer = io.BytesIO()
    # No software version or date in the file: the same model draws the same bytes.
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
