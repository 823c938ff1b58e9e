"""The pictures of the voice report, as PNG bytes, drawn without a screen. Their words are English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from app.texts.aspects import aspect_label
from training.plots import png

TOPICS, TREND, STAKE, CASES = "topics.png", "trend.png", "stake.png", "cases.png"
PICTURES: Final = (TOPICS, TREND, STAKE, CASES)
TRENDS: Final = 4
"""Topics whose months are drawn, by texts."""

_NEGATIVE, _OPEN, _POSITIVE, _INK = "#b2402f", "#c9c9c9", "#2f7f6f", "#333333"
_LONGEST: Final = 40
"""Letters of a business's name in a title."""
_SIDES: Final = (
    ("negative", _NEGATIVE, "negative"),
    ("undecided", _OPEN, "undecided"),
    ("positive", _POSITIVE, "positive"),
)
_CASE_WORDS: Final = {"complaint": "complaints", "return": "returns", "technical": "technical trouble"}

_Part = Mapping[str, Any]


def plots_of(report: _Part) -> dict[str, bytes]:
    """Return the pictures of a report by file name; those that have something to show."""
    name = str(report["business"])
    name = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    # A dollar begins a formula.
    title = f"{name} (simulated)".replace("$", r"\$") if report["simulated"] else name.replace("$", r"\$")
    found = {}
    topics = [one for one in report["topics"] if not one["texts"]["is_hidden"]]
    pains = [one for one in report["pains"]["ranking"] if not one["is_hidden"]]
    with mpl.rc_context({"font.size": 9}):
        if topics:
            found[TOPICS] = topics_plot(topics, title)
            found[TREND] = trend_plot(topics[:TRENDS], title)
        if pains:
            found[STAKE] = stake_plot(pains, report["currency"], report["pains"]["value_basis"], title)
        if report["cases"] is not None and _has_bars(report["cases"]["months"]):
            found[CASES] = cases_plot(report["cases"]["months"], _starred(report), title)
    return found


def topics_plot(topics: Sequence[_Part], title: str) -> bytes:
    """Return the texts of each topic, by how they sound of it; the largest topic on top."""
    figure, axes = _bars(len(topics))
    places, left = np.arange(len(topics)), np.zeros(len(topics))
    for name, colour, told in _SIDES:
        width = np.array([float(one[name]["count"]) for one in topics])
        axes.barh(places, width, 0.68, left=left, color=colour, label=told)
        left += width
    for place, one in enumerate(topics):
        axes.annotate(
            f"{one['negative']['share']:.0%} negative",
            (left[place], place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_INK,
        )
    _name(axes, [aspect_label("en", one["topic"]) for one in topics])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    # Room for what is written behind the bars.
    axes.set_xlim(0, left.max() * 1.22)
    axes.set(xlabel="texts of twelve months that speak of it", title=f"Topics: {title}")
    _legend(figure, axes)
    return png(figure)


def trend_plot(topics: Sequence[_Part], title: str) -> bytes:
    """Return the negative share of some topics by month, with its interval; hidden months are left out."""
    rows = -(-len(topics) // 2)
    height = 0.9 + 2.1 * rows
    figure = Figure(figsize=(8.4, height))
    figure.subplots_adjust(
        left=0.08, right=0.98, bottom=0.75 / height, top=1.0 - 0.75 / height, hspace=0.45, wspace=0.12
    )
    figure.suptitle(f"Negative share by month, with 95 % intervals: {title}", fontsize=10)
    panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False).ravel()
    months = [one["month"] for one in topics[0]["months"]]
    places = np.arange(len(months), dtype=np.float64)
    highest = max(
        (one["negative"]["high"] or 0.0 for topic in topics for one in topic["months"]), default=0.0
    )
    # The next fifth above the highest interval.
    ceiling = min(np.ceil(5.0 * max(highest, 0.01)) / 5.0, 1.0)
    for axes, topic in zip(panels, topics, strict=False):
        share, low, high = (
            np.array([_number(one["negative"][end]) for one in topic["months"]])
            for end in ("share", "low", "high")
        )
        axes.fill_between(places, low, high, color=_NEGATIVE, alpha=0.18, linewidth=0)
        axes.plot(places, share, color=_NEGATIVE, marker="o", markersize=3.5)
        axes.set_title(aspect_label("en", topic["topic"]), fontsize=9)
        axes.set_ylim(0.0, ceiling)
        axes.set_xlim(-0.5, len(months) - 0.5)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xticks(places, months, rotation=60, ha="right", fontsize=8)
        axes.tick_params(labelbottom=True)
    for axes in panels[: max(len(topics) - 2, 0)]:
        axes.tick_params(labelbottom=False)
    for axes in panels[len(topics) :]:
        axes.set_axis_off()
    return png(figure)


def stake_plot(pains: Sequence[_Part], currency: str, basis: str, title: str) -> bytes:
    """Return what the customers concerned are worth, by pain; the largest on top."""
    order = sorted(pains, key=lambda one: -one["value"])
    figure, axes = _bars(len(order))
    values = np.array([one["value"] for one in order])
    colours = [_NEGATIVE if one["source"] == "topic" else "#5b6b8c" for one in order]
    places = np.arange(len(order))
    axes.barh(places, values, 0.68, color=colours)
    for place, one in enumerate(order):
        axes.annotate(
            f"{one['customers']:,} customers",
            (max(values[place], 0.0), place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_INK,
        )
    _name(axes, [pain_label(one) for one in order])
    top, bottom = max(float(values.max()), 0.0), min(float(values.min()), 0.0)
    axes.set_xlim(bottom * 1.05, (top or 1.0) * 1.25)
    what = "predicted value" if basis == "clv" else "net revenue of 365 days"
    axes.set(xlabel=f"{what} of the customers concerned, {currency}", title=f"Value at stake: {title}")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    for colour, told in ((_NEGATIVE, "blamed in texts"), ("#5b6b8c", "support cases")):
        axes.barh([0], [0], color=colour, label=told)
    _legend(figure, axes)
    return png(figure)


def cases_plot(months: Sequence[_Part], is_starred: Sequence[bool], title: str) -> bytes:
    """Return the cases of each month, stacked by type; hidden numbers are left out."""
    figure = Figure(figsize=(8.4, 3.8))
    figure.subplots_adjust(left=0.08, right=0.80, bottom=0.20, top=0.91)
    axes = figure.subplots()
    names = [one["type"] for one in months[0]["types"]]
    counts = np.array([[float(one["cases"] or 0) for one in month["types"]] for month in months])
    places, bottom = np.arange(len(months)), np.zeros(len(months))
    colours = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]
    for k, name in enumerate(names):
        if counts[:, k].any():
            axes.bar(places, counts[:, k], 0.72, bottom=bottom, color=colours[k], label=name)
            bottom += counts[:, k]
    told = [
        f"{month['month']}{'*' if starred else ''}" for month, starred in zip(months, is_starred, strict=True)
    ]
    axes.set_xticks(places, told, rotation=45, ha="right")
    axes.set(ylabel="cases opened", title=f"Support cases: {title}")
    axes.set_ylim(0, max(bottom.max() * 1.05, 1.0))
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        # As they are stacked: the topmost first.
        axes.legend(handles[::-1], labels[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    if any(is_starred):
        figure.text(0.98, 0.03, "* the running month", fontsize=8, color=_INK, ha="right")
    return png(figure)


def pain_label(pain: _Part) -> str:
    """Return what a pain is called in a picture."""
    if pain["source"] == "topic":
        return aspect_label("en", pain["name"])
    return f"cases: {_CASE_WORDS[pain['name']]}"


def _has_bars(months: Sequence[_Part]) -> bool:
    return any(one["cases"] for month in months for one in month["types"])


def _starred(report: _Part) -> list[bool]:
    return [one["is_partial"] for one in report["months"]]


def _bars(count: int) -> tuple[Figure, Axes]:
    height = 1.35 + 0.36 * count
    figure = Figure(figsize=(8.4, height))
    figure.subplots_adjust(left=0.25, right=0.97, bottom=0.95 / height, top=1.0 - 0.35 / height)
    return figure, figure.subplots()


def _name(axes: Axes, names: Sequence[str]) -> None:
    """Write the names of lying bars, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()


def _legend(figure: Figure, axes: Axes) -> None:
    """Put the legend below the picture, where no bar is."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="lower center", ncols=len(labels))


def _number(value: float | None) -> float:
    return np.nan if value is None else value
