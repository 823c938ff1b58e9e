"""The pictures of a model card, as PNG bytes, drawn without a screen."""

from __future__ import annotations

import io
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from app.domain.history import Array
from training.evaluation import calibration_table

_SIZE: Final = (5.2, 4.0)
_INK, _MODEL, _RULE = "#444444", "#1b6ca8", "#c0792a"


def calibration_plot(y: Array, p: Array, title: str) -> bytes:
    """Return observed against predicted shares in ten equal-count bins; on the diagonal is right."""
    table = calibration_table(y, p)
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    top = max(max(bin_.predicted, bin_.observed) for bin_ in table) * 1.05
    axes.plot([0, top], [0, top], color=_INK, linewidth=0.8, linestyle="--", label="perfect")
    predicted = np.array([bin_.predicted for bin_ in table])
    observed = np.array([bin_.observed for bin_ in table])
    rows = np.array([bin_.rows for bin_ in table])
    error = 1.96 * np.sqrt(observed * (1 - observed) / rows)
    axes.errorbar(predicted, observed, yerr=error, color=_MODEL, marker="o", capsize=2, label="held-out rows")
    axes.set(xlabel="predicted probability", ylabel="observed share", title=f"Calibration: {title}")
    axes.legend(frameon=False)
    return _png(figure)


def gains_plot(y: Array, p: Array, rule: Array, title: str) -> bytes:
    """Return the share of positives found when the riskiest are taken first, beside the rule and chance."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    share = np.arange(len(y) + 1) / len(y)
    for scores, name, colour in ((p, "published", _MODEL), (rule, "rule", _RULE)):
        found = np.r_[0, np.cumsum(y[np.argsort(-scores, kind="stable")])] / max(y.sum(), 1)
        axes.plot(share, found, color=colour, label=name)
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle="--", label="chance")
    axes.set(xlabel="share of customers, riskiest first", ylabel="share of churners found", title=f"Gains: {title}")
    axes.legend(frameon=False)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # No software version or date in the file: the same model draws the same bytes.
    with mpl.rc_context({"font.size": 9}):
        figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
