"""Fitting every model of one round, and judging their answers side by side.

Rules: all models learn from the same rows and are judged by the same rows; the difference between two models
is taken row by row and fold by fold; calibration is read on all judged rows together, because on the thousand
rows of one fold even a perfect model seems off by more than the bound.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.domain.history import Array
from benchmarks.quality.contenders import CONTENDERS
from benchmarks.quality.questions import SEED, Round
from training.evaluation import auc, ece, log_loss
from training.ladder import climb

OURS: Final = "Kith"
RUNGS: Final = {"rules": "Kith's rule", "statistical": "Kith's statistical rung", "ml": "Kith's trees"}
SAMPLES: Final = 400
"""Bootstrap samples of an interval."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model said of the judged rows of one round.

    ``is_probability`` is False for a score that only ranks. ``cpu_seconds`` covers fitting and answering.
    """

    p: Array
    cpu_seconds: float | None = None
    choice: str = ""
    is_probability: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """One round's labels and every model's answers, by name; ``groups`` are further looks at its rows."""

    y: Array
    answers: Mapping[str, Answer]
    groups: Mapping[str, Array] = field(default_factory=dict)

    def only(self, rows: Array) -> Judged:
        """Return a part of the rows; time and choices are of the whole."""
        return Judged(
            self.y[rows],
            {
                name: Answer(one.p[rows], one.cpu_seconds, one.choice, one.is_probability)
                for name, one in self.answers.items()
            },
        )


def answers(one: Round) -> dict[str, Answer]:
    """Fit every contender and every rung of the ladder, and return what they say of the judged rows."""
    found: dict[str, Answer] = {}
    for name, contender in CONTENDERS.items():
        began = time.process_time()
        p = contender(one.learn.features, one.learn.X, one.learn.y, one.judge.X)
        found[name] = Answer(p, time.process_time() - began)
    return found | our_answers(one)


def our_answers(one: Round) -> dict[str, Answer]:
    """Return what each rung of the ladder says, and ours: what training would publish, or prefers.

    Where training made more of the rows than the ladder on them, its own fit answers.
    """
    began = time.process_time()
    ladder = climb(one.learn, one.inner, SEED) if one.fitted is None else one.fitted.ladder
    seconds = time.process_time() - began
    X, population = one.judge.X, one.judge.population
    told = {tier: rung.probability(X, population) for tier, rung in ladder.rungs.items()}
    found = {RUNGS[tier]: Answer(p, None, ladder.rungs[tier].choice) for tier, p in told.items()}
    if one.fitted is None:
        choice = ladder.rungs[ladder.preferred].choice
        return {**found, OURS: Answer(told[ladder.preferred], seconds, choice)}
    published = np.full(len(X), np.nan)
    for k, chosen in enumerate(one.fitted.chosen):
        own = population == k
        published[own] = told[chosen.tier][own]
    choice = ", ".join(f"{chosen.name}: {chosen.tier}" for chosen in one.fitted.chosen)
    return {**found, OURS: Answer(published, None, choice)}


@dataclass(frozen=True, slots=True)
class Line:
    """One model's figures over all rounds.

    ``auc`` is the mean over rounds. ``ece`` and ``log_loss`` are over all judged rows; ``perfect_ece``
    is what a model whose every probability is exactly right would show on so many rows. ``lead`` is our AUC
    minus this model's, with its 95 % interval; None for ours.
    """

    name: str
    auc: float
    auc_by_round: tuple[float, ...]
    log_loss: float | None
    ece: float | None
    perfect_ece: float | None
    lead: tuple[float, float, float] | None
    cpu_seconds: float | None
    choices: tuple[str, ...]


def lines(rounds: Sequence[Judged]) -> list[Line]:
    """Return the figures of every model that answered in every round."""
    names = [name for name in rounds[0].answers if all(name in one.answers for one in rounds)]
    ours = _draws(rounds, OURS)
    found = []
    for name in names:
        said = [one.answers[name] for one in rounds]
        y, p = np.concatenate([one.y for one in rounds]), np.concatenate([answer.p for answer in said])
        by_round = tuple(auc(one.y, answer.p) for one, answer in zip(rounds, said, strict=True))
        is_probability = all(answer.is_probability for answer in said)
        times = [answer.cpu_seconds for answer in said if answer.cpu_seconds is not None]
        found.append(
            Line(
                name=name,
                auc=float(np.mean(by_round)),
                auc_by_round=by_round,
                log_loss=log_loss(y, p) if is_probability else None,
                ece=ece(y, p) if is_probability else None,
                perfect_ece=perfect_ece(p) if is_probability else None,
                lead=None if name == OURS else _interval(ours - _draws(rounds, name)),
                cpu_seconds=sum(times) if times else None,
                choices=tuple(answer.choice for answer in said),
            )
        )
    return found


def _draws(rounds: Sequence[Judged], name: str) -> Array:
    """Return the mean AUC on the rows themselves and on bootstrap samples of them, shape (1 + SAMPLES,).

    Every model is drawn with the same rows, so that differences are paired; rows stay in their round.
    """
    total = np.zeros(1 + SAMPLES)
    for number, one in enumerate(rounds):
        rng = np.random.default_rng((SEED, number))
        p = one.answers[name].p
        total[0] += auc(one.y, p)
        for k in range(SAMPLES):
            rows = rng.integers(0, len(p), len(p))
            total[1 + k] += auc(one.y[rows], p[rows])
    answer: Array = total / len(rounds)
    return answer


def _interval(draws: Array) -> tuple[float, float, float]:
    low, high = np.nanquantile(draws[1:], [0.025, 0.975])
    return float(draws[0]), float(low), float(high)


def perfect_ece(p: Array) -> float:
    """Return the mean ECE that these probabilities would show if every one of them were exactly right."""
    rng = np.random.default_rng(SEED)
    draws = [ece((rng.random(len(p)) < p).astype(np.float64), p) for _ in range(100)]
    return float(np.mean(draws))
