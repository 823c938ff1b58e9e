"""The rows that satisfaction is learned from: who gave which score when, and what was known just before.

Rules: a row is one answer; its inputs are what was known a moment before it was given, so neither the answer
nor its text is among them; who denies profiling today, or denied it then, has no row; an answer on another
scale than most, or outside its own, is left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from app.domain.consent import granted
from app.domain.errors import TableError
from app.domain.history import (
    CASE_TYPES,
    FEEDBACK_KINDS,
    MICROSECONDS_PER_DAY,
    NAT,
    TABLES,
    Array,
    History,
    Table,
)
from app.domain.selection import take
from training.run import Run
from training.satisfaction.inputs import CHUNK
from training.snapshots import cut_times
from training.tables.objectives import SatisfactionObjective

ROW_LIMIT: Final = 200_000
"""Rows to learn from; beyond it they are drawn at random, by the seed."""
LEVELS: Final = 21
"""Scores that a scale tells apart; a finer one is read in ten equal steps."""
NPS_MAX: Final = 10.0
"""The best answer of a net promoter score, by definition; of other kinds the scale must be said."""
DETRACTOR: Final = 6.0
"""The highest answer of a detractor in a net promoter score, by definition."""
_SIGNS_OF_LIFE: Final = ("orders", "support_cases", "events", "subscriptions")


@dataclass(frozen=True, slots=True)
class Given:
    """R scores: whose, when (``NAT`` in data without dates), and their position on a scale of K scores.

    ``cut`` is the position of the best score that counts as dissatisfied; ``left_out`` counts, by reason, the
    answers that do not stand here.
    """

    definition: str
    customer: Array
    at: Array
    level: Array
    scores: Array
    cut: int
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def dissatisfied(self) -> Array:
        """Whether each score is dissatisfied, 0 or 1, shape (R,)."""
        answer: Array = (self.level <= self.cut).astype(np.float64)
        return answer

    @property
    def is_dated(self) -> bool:
        """Whether the scores have dates."""
        return bool(len(self.at)) and bool((self.at != NAT).all())

    def take(self, rows: Array) -> Given:
        """Return some of the scores."""
        return replace(self, customer=self.customer[rows], at=self.at[rows], level=self.level[rows])


def given_scores(run: Run, objective: SatisfactionObjective) -> Given:
    """Return the scores to learn from, by the definition of the business.

    Raises
    ------
    TableError
        A table is missing, nobody gave a score, or all scores are on one side of the cut.
    """
    definition = objective.definition or _most_frequent(run)
    if definition == "complaint":
        found = _complaints(run, objective)
    elif definition == "label":
        found = _labels(run, objective)
    else:
        found = _answers(run, definition, objective)
    found = _allowed(run, found)
    if len(found.level) > ROW_LIMIT:
        rng = np.random.default_rng(run.seed)
        beyond = {**found.left_out, "beyond_the_limit": len(found.level) - ROW_LIMIT}
        found = replace(found.take(np.sort(rng.permutation(len(found.level))[:ROW_LIMIT])), left_out=beyond)
    y = found.dissatisfied
    if not len(y) or y.min() == y.max():
        raise TableError(
            f"satisfaction by {definition}: {_lacking(found)}, so nothing can be learned",
            table={"complaint": "support_cases", "label": "labels"}.get(definition, "feedback"),
            remedy="choose another objectives.satisfaction.definition or dissatisfied_at, map score and "
            "scale_max, or bring more",
        )
    return found


def _lacking(found: Given) -> str:
    """Return why scores teach nothing."""
    if len(found.level):
        return "all scores are on one side of what is dissatisfied"
    left_out = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in found.left_out.items() if count
    )
    return f"there is no score to use ({left_out})" if left_out else "nobody gave a score"


def _most_frequent(run: Run) -> str:
    """Return the kind of feedback with the most scores; labels or complaints where there is none."""
    if run.tables.has("feedback"):
        feedback = run.history.tables["feedback"]
        kinds = feedback["kind"]
        usable = ~np.isnan(feedback["score"]) & (feedback["submitted_at"] <= run.as_of) & (kinds >= 0)
        usable &= (feedback["scale_max"] > 0) | (kinds == FEEDBACK_KINDS.index("nps"))
        usable &= _allowed_today(run)[_owners(run, feedback)]
        counts = np.bincount(kinds[usable], minlength=len(FEEDBACK_KINDS))
        if counts.any():
            return FEEDBACK_KINDS[int(np.argmax(counts))]
    if run.tables.has("labels") and len(run.tables.labels.of("satisfaction").label):
        return "label"
    if run.tables.has("support_cases"):
        return "complaint"
    raise TableError(
        "satisfaction needs answers to surveys, reviews, labels or complaints",
        table="feedback",
        remedy="map feedback or support_cases under tables, or leave objectives.satisfaction out",
    )


def _answers(run: Run, kind: str, objective: SatisfactionObjective) -> Given:
    """Return the answers of one kind of feedback."""
    if not run.tables.has("feedback"):
        raise TableError(
            f"satisfaction by {kind} needs the table feedback",
            table="feedback",
            remedy="map feedback under tables, or choose another objectives.satisfaction.definition",
        )
    table = run.history.tables["feedback"]
    owner = _owners(run, table)
    score, scale = table["score"], table["scale_max"]
    if kind == "nps":
        scale = np.where(np.isnan(scale), NPS_MAX, scale)
    asked = (table["kind"] == FEEDBACK_KINDS.index(kind)) & (table["submitted_at"] <= run.as_of)
    # Who denies profiling today counts nowhere, not even in what the scale is.
    allowed = _allowed_today(run)[owner]
    denied, asked = int((asked & ~allowed).sum()), asked & allowed
    is_scored = asked & ~np.isnan(score)
    answered = is_scored & (scale > 0)
    values, counts = np.unique(scale[answered], return_counts=True)
    best = float(values[np.argmax(counts)]) if len(values) else NPS_MAX
    on_scale = answered & (scale == best)
    usable = on_scale & (score >= 0) & (score <= best)
    scores, level = levels_of(score[usable], 0.0 if kind == "nps" else None, best)
    return Given(
        kind,
        owner[usable],
        table["submitted_at"][usable],
        level,
        scores,
        cut_of(scores, DETRACTOR if kind == "nps" and best == NPS_MAX else None, objective),
        {
            "without_a_score": int((asked & np.isnan(score)).sum()),
            "without_a_scale": int((is_scored & ~answered).sum()),
            "on_another_scale": int((answered & ~on_scale).sum()),
            "outside_the_scale": int((on_scale & ~usable).sum()),
            "profiling_denied": denied,
        },
    )


def levels_of(score: Array, lowest: float | None, best: float) -> tuple[Array, Array]:
    """Return the scores of a scale, rising, and the position of each given score on it.

    Whole numbers are told apart, halves where some are given; a scale finer than 21 scores is read in ten
    equal steps. A scale begins at 1 unless somebody gave less, or it ends there.
    """
    if lowest is None and best <= 1:
        lowest = 0.0
    if lowest is None:
        lowest = 1.0 if not len(score) or score.min() >= 1 else float(min(score.min(), 0.0))
    for step in (1.0, 0.5):
        count = round((best - lowest) / step) + 1
        is_whole = np.allclose((score - lowest) / step, np.round((score - lowest) / step), atol=1e-9)
        if is_whole and count <= LEVELS and abs(lowest + (count - 1) * step - best) < 1e-9:
            return lowest + step * np.arange(count), np.round((score - lowest) / step).astype(np.int64)
    if best > LEVELS:
        lowest = min(lowest, 0.0)
    scores = np.linspace(lowest, best, 11)
    gap = scores[1] - scores[0]
    return scores, np.clip(np.round((score - lowest) / gap), 0, 10).astype(np.int64)


def cut_of(scores: Array, usual: float | None, objective: SatisfactionObjective) -> int:
    """Return the position of the best score that is dissatisfied: the lower half where nobody says.

    Raises
    ------
    TableError
        ``dissatisfied_at`` leaves no score, or every score, dissatisfied.
    """
    at = objective.dissatisfied_at
    if at is not None and not scores[0] <= at < scores[-1]:
        raise TableError(
            "objectives.satisfaction.dissatisfied_at does not part the scale from "
            f"{scores[0]:g} to {scores[-1]:g}",
            remedy=f"choose a score from {scores[0]:g} to {scores[-2]:g}, or leave it out",
        )
    if at is None:
        # The middle of a scale is neither: of 1 to 5 it is 1 and 2 that are dissatisfied.
        at = usual if usual is not None else np.nextafter((scores[0] + scores[-1]) / 2, scores[0])
    position = int((scores <= at).sum()) - 1
    return min(max(position, 0), len(scores) - 2)


def _labels(run: Run, objective: SatisfactionObjective) -> Given:
    """Return the labels that the business gave, each at its own date or without one."""
    labels = run.tables.labels.of("satisfaction")
    keep = ~np.isnan(labels.label) & ((labels.as_of == NAT) | (labels.as_of <= run.as_of))
    label, at = labels.label[keep], labels.as_of[keep]
    low, best = (float(label.min()), float(label.max())) if len(label) else (0.0, 1.0)
    if low > 1 and float(low).is_integer():
        low = 1.0  # a scale from 1 on that nobody used to its end
    scores, level = levels_of(label, low, best if best > low else low + 1)
    if not (at != NAT).all():
        at = np.full(len(at), NAT)
    return Given("label", labels.customers[keep], at, level, scores, cut_of(scores, None, objective))


def _complaints(run: Run, objective: SatisfactionObjective) -> Given:
    """Return, at past cut-offs, who of those on record complained within the horizon."""
    if not run.tables.has("support_cases"):
        raise TableError(
            "satisfaction by complaints needs the table support_cases",
            table="support_cases",
            remedy="map support_cases under tables, or choose another objectives.satisfaction.definition",
        )
    history, horizon = run.history, objective.horizon_days * MICROSECONDS_PER_DAY
    first = first_known(history)
    known = first[first != NAT]
    latest = run.as_of if run.tables.latest == NAT else min(run.as_of, run.tables.latest)
    cuts = cut_times(int(known.min()), latest, objective.horizon_days) if len(known) else ()
    if not cuts:
        raise TableError(
            f"the history is too short for complaints within {objective.horizon_days} days: it takes one "
            "complete horizon, and at least 30 days before it",
            table="support_cases",
            remedy="shorten objectives.satisfaction.horizon_days or bring a longer history",
        )
    cases = history.tables["support_cases"]
    owner = np.repeat(np.arange(history.size), np.diff(cases.offsets))
    is_complaint = cases["type"] == CASE_TYPES.index("complaint")
    parts = []
    for cut in cuts:
        after = is_complaint & (cases["opened_at"] > cut) & (cases["opened_at"] <= cut + horizon)
        complains = np.bincount(owner[after], minlength=history.size) > 0
        rows = np.flatnonzero((first != NAT) & (first <= cut))
        parts.append((rows, np.full(len(rows), cut), 1 - complains[rows].astype(np.int64)))
    customer, at, level = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Given("complaint", customer, at, level, np.array([0.0, 1.0]), 0)


def first_known(history: History) -> Array:
    """Return when each customer is first on record, ``NAT`` where never; shape (N,)."""
    created = history.profile["created_at"]
    first = np.where(created == NAT, np.iinfo(np.int64).max, created)
    for name in _SIGNS_OF_LIFE:
        column = TABLES[name].time
        table = history.tables.get(name)
        if table is not None and len(table[column]):
            owner = np.repeat(np.arange(history.size), np.diff(table.offsets))
            np.minimum.at(first, owner, table[column])
    answer: Array = np.where(first == np.iinfo(np.int64).max, NAT, first)
    return answer


def _allowed(run: Run, found: Given) -> Given:
    """Return the scores of those who allow profiling, then and today."""
    defaults = run.business.consent_defaults
    allowed = _allowed_today(run)[found.customer]
    if found.is_dated:
        consents = take_only(run.history, ("consents",))
        for start in range(0, len(allowed), CHUNK):
            rows = slice(start, start + CHUNK)
            asked = take(consents, found.customer[rows])
            allowed[rows] &= granted(asked, "profiling", found.at[rows], defaults)
    denied = int((~allowed).sum()) + found.left_out.get("profiling_denied", 0)
    return replace(
        found.take(np.flatnonzero(allowed)), left_out={**found.left_out, "profiling_denied": denied}
    )


def _allowed_today(run: Run) -> Array:
    """Return who allows profiling today, bool of shape (N,)."""
    today = np.full(run.history.size, run.as_of)
    return granted(run.history, "profiling", today, run.business.consent_defaults)


def _owners(run: Run, table: Table) -> Array:
    """Return whose row each is, shape (R,)."""
    return np.repeat(np.arange(run.history.size), np.diff(table.offsets))


def take_only(history: History, tables: tuple[str, ...]) -> History:
    """Return a history with some of its tables."""
    return replace(history, tables={name: table for name, table in history.tables.items() if name in tables})
