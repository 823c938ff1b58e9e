"""The pictures of the card of segments, as PNG bytes, drawn without a screen."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from app.domain.history import Array

_SIZE: Final = (5.2, 4.0)
_MARGINS: Final = {"left": 0.12, "right": 0.97, "bottom": 0.12, "top": 0.91}
_WIDE_MARGINS: Final = {"left": 0.34, "right": 0.97, "bottom": 0.22, "top": 0.91}
_COLOURS: Final = ("Blues", "RdBu_r")


def rfm_heat_map(recency: Array, frequency: Array, title: str) -> bytes:
    """Return how many customers have each pair of scores.

    Parameters
    ----------
    recency, frequency : ndarray, shape (N,)
        Scores from 1 to 5.
    """
    counts = np.zeros((5, 5))
    np.add.at(counts, (recency.astype(np.int64) - 1, frequency.astype(np.int64) - 1), 1)
    with mpl.rc_context({"font.size": 9}):
        figure, axes = _axes(_MARGINS)
        axes.imshow(counts, cmap=_COLOURS[0], origin="lower", aspect="auto")
        dark = counts.max() * 0.6
        for r in range(5):
            for f in range(5):
                colour = "white" if counts[r, f] > dark else "black"
                axes.text(f, r, f"{int(counts[r, f]):,}", ha="center", va="center", color=colour)
        axes.set_xticks(range(5), list("12345"))
        axes.set_yticks(range(5), list("12345"))
        axes.set(xlabel="frequency", ylabel="recency", title=f"Customers by score: {title}")
        return _png(figure)


def cluster_profile(centroids: Array, names: Sequence[str], inputs: Sequence[str], title: str) -> bytes:
    """Return where each cluster stands on each input, in spreads from the median.

    Parameters
    ----------
    centroids : ndarray, shape (K, D)
    names, inputs : sequence of str
        Of the K clusters and the D inputs.
    """
    with mpl.rc_context({"font.size": 9}):
        figure, axes = _axes(_WIDE_MARGINS)
        reach = max(float(np.abs(centroids).max()), 1e-9)
        axes.imshow(centroids, cmap=_COLOURS[1], vmin=-reach, vmax=reach, aspect="auto")
        for row, values in enumerate(centroids):
            for column, value in enumerate(values):
                colour = "white" if abs(value) > 0.7 * reach else "black"
                axes.text(column, row, f"{value:+.1f}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(inputs)), inputs, rotation=20, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set(title=f"Clusters: {title}")
        return _png(figure)


def _axes(margins: dict[str, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE)
    figure.subplots_adjust(**margins)
    return figure, figure.subplots()


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # No software version or date in the file: the same model draws the same bytes.
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
