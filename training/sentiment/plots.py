"""The pictures of the text model's card, as PNG bytes, drawn without a screen."""

from __future__ import annotations

from typing import Final

import matplotlib as mpl

from app.domain.history import Array
from training.plots import MODEL, RULE, calibration_plot, canvas, png
from training.sentiment.judging import abstention_curve
from training.sentiment.report import calibration_pairs

CALIBRATION: Final = "sentiment.calibration.png"
ABSTENTION: Final = "sentiment.abstention.png"


def sentiment_plots(label: Array, p: Array, abstain_below: float, title: str) -> dict[str, bytes]:
    """Return the pictures by file name; none without texts.

    Parameters
    ----------
    label, p : ndarray, shapes (N,) and (N, 3)
        Of texts that the model has not seen.
    """
    if not len(label):
        return {}
    confidence, right = calibration_pairs(label, p)
    return {
        CALIBRATION: calibration_plot(right, confidence, title),
        ABSTENTION: abstention_plot(label, p, abstain_below, title),
    }


def abstention_plot(label: Array, p: Array, abstain_below: float, title: str) -> bytes:
    """Return accuracy against the share answered; the threshold in force is marked."""
    curve = [(one.share, one.accuracy) for one in abstention_curve(label, p) if one.accuracy is not None]
    confidence, right = calibration_pairs(label, p)
    answered = confidence >= abstain_below
    with mpl.rc_context({"font.size": 9}):
        figure, axes = canvas()
        figure.subplots_adjust(left=0.15)
        axes.plot(
            [share for share, _ in curve],
            [accuracy for _, accuracy in curve],
            color=MODEL,
            marker="o",
            label="thresholds from 0.35 to 0.95",
        )
        if answered.any():
            axes.plot(
                [answered.mean()],
                [right[answered].mean()],
                color=RULE,
                marker="D",
                linestyle="none",
                label=f"in force: {abstain_below:.2f}",
            )
        axes.set(
            xlabel="share of texts answered",
            ylabel="share right of those",
            title=f"Abstention: {title}",
        )
        axes.legend(frameon=False)
        return png(figure)
