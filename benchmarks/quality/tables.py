"""One table per data set, in Markdown and as JSON, and whether its bounds hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.quality.contenders import CONTENDERS
from benchmarks.quality.judging import OURS, Judged, Line, lines

HEADER = (
    "| model | AUC | lowest–highest | log-loss | ECE | our AUC minus it (95 %) | CPU s |\n"
    "| --- | ---: | :---: | ---: | ---: | :---: | ---: |"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """What our line must reach: an AUC, an AUC beside the best contender's, or at most an ECE."""

    figure: Literal["auc", "auc_lead", "ece"]
    limit: float

    def held(self, found: Sequence[Line]) -> tuple[bool, str]:
        """Return whether the bound holds, and the figures in words."""
        ours = _ours(found)
        if self.figure == "ece":
            value = ours.ece if ours.ece is not None else float("nan")
            return value <= self.limit, f"ECE {value:.4f}, at most {self.limit}"
        if self.figure == "auc":
            return ours.auc >= self.limit, f"AUC {ours.auc:.4f}, at least {self.limit}"
        best = max((line for line in found if line.name in CONTENDERS), key=lambda line: line.auc)
        lead = ours.auc - best.auc
        words = f"AUC {ours.auc:.4f}, {lead:+.4f} beside the best ({best.name}), at least {self.limit:+}"
        return lead >= self.limit, words


@dataclass(frozen=True, slots=True)
class Report:
    """One data set's tables: as Markdown, as a document, and the bounds that are missed."""

    markdown: str
    document: dict[str, Any]
    missed: tuple[str, ...]


def report(title: str, about: str, rounds: Sequence[Judged], bounds: Sequence[Bound]) -> Report:
    """Return the tables of one data set.

    Parameters
    ----------
    title, about : str
        What the data are, and by which protocol models are judged.
    rounds : sequence of Judged
        At least one.
    bounds : sequence of Bound
        None where figures are only reported.
    """
    found = lines(rounds)
    rows, positives = sum(len(one.y) for one in rounds), sum(float(one.y.sum()) for one in rounds)
    parts = [
        f"## {title}",
        about,
        f"{rows:,} judged rows in {len(rounds)} round(s), {positives / rows:.1%} positive.",
        "\n".join((HEADER, *map(_row, found))),
        _perfect(found),
        f"What {OURS} chose: {'; '.join(_counted(_ours(found).choices))}.",
    ]
    document: dict[str, Any] = {
        "title": title,
        "about": about,
        "judged_rows": rows,
        "positives": positives,
        "lines": [asdict(line) for line in found],
        "groups": {},
    }
    for name in rounds[0].groups:
        inside = lines([one.only(one.groups[name]) for one in rounds])
        size = sum(int(one.groups[name].sum()) for one in rounds)
        share = sum(float(one.y[one.groups[name]].sum()) for one in rounds) / size
        parts += [
            f"### {name}",
            f"{size:,} rows, {share:.1%} positive.",
            "\n".join((HEADER, *map(_row, inside))),
        ]
        document["groups"][name] = {"judged_rows": size, "lines": [asdict(line) for line in inside]}
    verdicts = [bound.held(found) for bound in bounds]
    if verdicts:
        parts.append("\n".join(f"* {'held' if held else 'MISSED'}: {words}" for held, words in verdicts))
    document["bounds"] = [{"held": held, "figures": words} for held, words in verdicts]
    missed = tuple(f"{title}: {words}" for held, words in verdicts if not held)
    return Report("\n\n".join(parts) + "\n", document, missed)


def _ours(found: Sequence[Line]) -> Line:
    return next(line for line in found if line.name == OURS)


def _row(line: Line) -> str:
    """Return one line of the table; a dash where a figure does not apply."""
    name = f"**{line.name}**" if line.name == OURS else line.name
    low, high = min(line.auc_by_round), max(line.auc_by_round)
    spread = f"{low:.4f}–{high:.4f}" if len(line.auc_by_round) > 1 else "–"
    lead = "–" if line.lead is None else "{:+.4f} ({:+.4f} to {:+.4f})".format(*line.lead)
    seconds = "–" if line.cpu_seconds is None else f"{line.cpu_seconds:.1f}"
    cells = (name, f"{line.auc:.4f}", spread, _four(line.log_loss), _four(line.ece), lead, seconds)
    return f"| {' | '.join(cells)} |"


def _four(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _perfect(found: Sequence[Line]) -> str:
    """Say what ECE chance alone would show on so many rows."""
    expected = _four(_ours(found).perfect_ece)
    return (
        f"By chance alone a model whose every probability is exactly right would show an ECE of {expected}."
    )


def _counted(choices: Sequence[str]) -> list[str]:
    """Return each choice with the number of its round."""
    if len(choices) == 1:
        return list(choices)
    return [f"{number}. {choice}" for number, choice in enumerate(choices, start=1)]
