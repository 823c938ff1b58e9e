"""The pictures of the planning report, as PNG bytes, drawn without a screen. Their words are English."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from app.domain.history import Array
from app.estimators.scores import NAMES
from training.planning.customers import ALL, UNNAMED
from training.plots import png

REVENUE, MIGRATION, LIFT = "revenue.png", "migration.png", "lift.png"
PICTURES: Final = (REVENUE, MIGRATION, LIFT)
CATEGORIES: Final = 12
"""Categories that the heat map shows, by customers."""

_INK: Final = "#333333"
_PALE: Final = "#eeeeee"
_DOUBLINGS: Final = 2.0
"""Lifts of four times, or a quarter, have the darkest colours."""
_LONGEST: Final = 16

_Part = Mapping[str, Any]


def plots_of(report: _Part) -> dict[str, bytes]:
    """Return the pictures of a report by file name; those that have something to show."""
    title = f"{report['business']} (simulated)" if report["simulated"] else str(report["business"])
    found = {}
    with mpl.rc_context({"font.size": 9}):
        if report["forecast"] is not None:
            found[REVENUE] = revenue_plot(report["forecast"], report["segments"], report["currency"], title)
        if report["migration"] is not None and report["migration"]["rows"]:
            found[MIGRATION] = migration_plot(report["migration"], title)
        if report["lift"] is not None:
            found[LIFT] = lift_plot(report["lift"], title)
    return found


def segment_colours(names: Sequence[str]) -> dict[str, Any]:
    """Return a colour for each segment, the same in every report."""
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    places = {name: k for k, name in enumerate((*NAMES, ALL, UNNAMED))}
    return {name: colours[places[name] % len(colours)] for name in names}


def revenue_plot(forecast: _Part, segments: Sequence[str], currency: str, title: str) -> bytes:
    """Return the expected revenue of each month, stacked by segment, with the range of the whole month."""
    months = [month["month"] for month in forecast["months"]]
    cells = {(cell["month"], cell["segment"]): cell["revenue"]["expected"] for cell in forecast["cells"]}
    totals = {name: sum(cells[month, name] for month in months) for name in segments}
    order = sorted(segments, key=lambda name: -totals[name])
    width = max(8.4, 3.0 + 0.42 * len(months))
    margins = {"left": 0.85 / width, "right": 1.0 - 2.0 / width, "bottom": 0.17, "top": 0.92}
    figure, axes = _canvas(width, 4.2, margins)
    places, bottom = np.arange(len(months)), np.zeros(len(months))
    colours = segment_colours(order)
    for name in order:
        height = np.array([cells[month, name] for month in months])
        axes.bar(places, height, 0.72, bottom=bottom, color=colours[name], label=_words(name))
        bottom += height
    ends = [(one["revenue"]["low"], one["revenue"]["high"]) for one in forecast["by_month"]]
    if all(low is not None and high is not None for low, high in ends):
        low, high = np.array(ends, dtype=np.float64).T
        axes.errorbar(
            places,
            bottom,
            yerr=[bottom - low, high - bottom],
            fmt="none",
            ecolor=_INK,
            capsize=4,
            linewidth=1.2,
            label=f"{forecast['level']:.0%} range",
        )
    told = [f"{month['month']}*" if month["is_partial"] else month["month"] for month in forecast["months"]]
    axes.set_xticks(places, told, rotation=45, ha="right")
    axes.set(ylabel=f"expected revenue, {currency}", title=f"Forecast, customers of today only: {title}")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(bottom=0)
    handles, labels = axes.get_legend_handles_labels()
    # As they are stacked: the topmost first.
    is_range = [label.endswith("range") for label in labels]
    turned = sorted(range(len(labels)), key=lambda k: (is_range[k], -k))
    axes.legend(
        [handles[k] for k in turned],
        [labels[k] for k in turned],
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
    )
    if any(month["is_partial"] for month in forecast["months"]):
        figure.text(0.98, 0.03, "* the rest of the running month", fontsize=8, color=_INK, ha="right")
    return png(figure)


def migration_plot(migration: _Part, title: str) -> bytes:
    """Return how many customers of each earlier segment stand where now; colours are shares of the row."""
    earlier, now = (sides(migration["rows"], side) for side in ("earlier", "now"))
    shares, counts = (np.zeros((len(earlier), len(now))) for _ in range(2))
    for row in migration["rows"]:
        spot = earlier.index(row["earlier"]), now.index(row["now"])
        shares[spot], counts[spot] = row["share"], row["customers"]
    height = max(3.2, 2.0 + 0.36 * len(earlier))
    figure, axes = _canvas(
        max(5.2, 2.2 + 0.52 * len(now)),
        height,
        {"left": 0.24, "right": 0.97, "bottom": 1.5 / height, "top": 1.0 - 0.35 / height},
    )
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    _write(axes, shares, lambda r, c: f"{int(counts[r, c]):,}" if counts[r, c] else "", shares > 0.55)
    axes.set_xticks(range(len(now)), [_words(name) for name in now], rotation=45, ha="right")
    axes.set_yticks(range(len(earlier)), [_words(name) for name in earlier])
    axes.set(xlabel="now", ylabel="earlier", title=f"Who moved: {title}")
    return png(figure)


def sides(rows: Sequence[_Part], side: str) -> list[str | None]:
    """Return the segments that customers come from (``earlier``) or are in (``now``), in order."""
    return [name for name in (*NAMES, None) if any(row[side] == name for row in rows)]


def lift_plot(lift: _Part, title: str) -> bytes:
    """Return the lift of each segment in the largest categories; a star stands out, a dash is not told."""
    categories = [one["category"] for one in lift["categories"]][: CATEGORIES + 1]
    segments = list(lift["segment_sizes"])
    values = np.full((len(segments), len(categories)), np.nan)
    words = [["–"] * len(categories) for _ in segments]
    for cell in lift["cells"]:
        if cell["category"] in categories and not cell["is_hidden"]:
            r, c = segments.index(cell["segment"]), categories.index(cell["category"])
            values[r, c] = cell["lift"]
            words[r][c] = f"{cell['lift']:.2f}{'*' if cell['stands_out'] else ''}"
    shown = np.log2(np.clip(values, 2.0**-_DOUBLINGS, 2.0**_DOUBLINGS))
    height = max(2.6, 1.5 + 0.36 * len(segments))
    figure, axes = _canvas(
        max(5.0, 2.2 + 0.62 * len(categories)),
        height,
        {"left": 0.23, "right": 0.98, "bottom": 1.05 / height, "top": 1.0 - 0.35 / height},
    )
    axes.set_facecolor(_PALE)
    colours = mpl.colormaps["RdBu_r"]
    axes.imshow(np.ma.masked_invalid(shown), cmap=colours, vmin=-_DOUBLINGS, vmax=_DOUBLINGS, aspect="auto")
    _write(axes, shown, lambda r, c: words[r][c], np.abs(np.nan_to_num(shown)) > 0.7 * _DOUBLINGS)
    axes.set_xticks(
        range(len(categories)),
        ["anything" if one is None else drawable(one, k) for k, one in enumerate(categories)],
        rotation=45,
        ha="right",
    )
    axes.set_yticks(range(len(segments)), [_words(name) for name in segments])
    axes.set(title=f"Lift over all customers, last {lift['days']} days: {title}")
    return png(figure)


def drawable(text: str, number: int) -> str:
    """Return a category's name, cut where it is long, or its number where the font lacks its letters."""
    if not all(ord(letter) in _letters() for letter in text):
        return f"#{number}"
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    # A dollar begins a formula.
    return cut.replace("$", r"\$")


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    """Return the letters of the font that comes with matplotlib."""
    path = font_manager.findfont("DejaVu Sans")
    return frozenset(font_manager.get_font(path).get_charmap())


def _words(name: str | None) -> str:
    return "no segment" if name is None else name.replace("_", " ")


def _write(axes: Axes, values: Array, text: Callable[[int, int], str], is_dark: Array) -> None:
    """Write into each cell of a heat map, in white where it is dark."""
    for r, c in np.ndindex(values.shape):
        colour = "white" if is_dark[r, c] else _INK
        axes.text(c, r, text(r, c), ha="center", va="center", color=colour, fontsize=8)


def _canvas(width: float, height: float, margins: Mapping[str, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(**margins)
    return figure, figure.subplots()
