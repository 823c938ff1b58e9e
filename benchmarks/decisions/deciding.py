"""CPU time of a decision without the store, beside the least that can be done with as many candidates."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
from fastapi import FastAPI
from scipy.stats import chisquare

from app.api.schemas.act import NextBestActionRequest
from app.domain.clock import from_microseconds
from app.main import create_app
from app.serving.decide import Prepared
from app.serving.release import LoadedRelease
from app.serving.weighing import Wanted, weigh
from app.settings import Settings
from app.store.records import Known
from benchmarks.decisions.made import (
    ACTIONS,
    ID_KEY,
    NOW,
    RULES,
    body_of,
    made_people,
    made_release,
    prepared,
)
from benchmarks.decisions.writing import opened
from benchmarks.recommendations.catalogues import HeldStore
from benchmarks.serving.in_process import caller

WEIGH, CHOOSE, DECISION, LINEAR = "weigh", "choose", "decision", "linear scoring in NumPy"
ALONE, TOGETHER = "prepare, one customer", "prepare, each of 1,000 together"
WHOLE, ECHO = "the whole request, written", "its echo"
BATCH: Final = 1_000
FEATURES: Final = ACTIONS * RULES
QUESTIONS: Final = 200
DRAWS: Final = 100_000
DRAWN_ACTIONS: Final = 4
HTTP_REQUESTS: Final = 128
_PATH: Final = "/v1/next-best-actions"
_ECHO_PATH: Final = "/echo"


def by_turns(questions: Prepared) -> Callable[[], dict[str, float]]:
    """Return a function that measures CPU µs of a decision and of the yardstick, by turns for each customer.

    The yardstick scores as many candidates from one feature for each rule, and takes the best.
    """
    model = questions.model
    if model is None:
        raise RuntimeError("no playbook answers")
    generator = np.random.default_rng(0)
    matrix, weights = generator.normal(size=(ACTIONS, FEATURES)), generator.normal(size=FEATURES)
    wanted = Wanted(None, None, questions.release.business.timezone)

    def linear(_: int) -> Any:
        return (matrix @ weights).argmax()

    def weighed(position: int) -> Any:
        return weigh(model, questions.cases[position].person, wanted, NOW)

    def chosen(position: int) -> Any:
        return questions.choose([position], [Known()], {})

    work = {LINEAR: linear, WEIGH: weighed, CHOOSE: chosen}

    def measure() -> dict[str, float]:
        took = dict.fromkeys(work, 0)
        for position in range(len(questions.cases)):
            for name, run in work.items():
                began = time.thread_time_ns()
                run(position)
                took[name] += time.thread_time_ns() - began
        found = {name: nanoseconds / 1000 / len(questions.cases) for name, nanoseconds in took.items()}
        return {**found, DECISION: found[WEIGH] + found[CHOOSE]}

    return measure


def preparing(release: LoadedRelease, people: Sequence[Mapping[str, Any]]) -> dict[str, Callable[[], float]]:
    """Return the CPU µs of preparing one customer, alone and among 1,000: features, rules, promises."""
    many = [people[k % len(people)] for k in range(BATCH)]
    few = people[:64]

    def alone() -> float:
        began = time.thread_time_ns()
        for person in few:
            prepared(release, [person], "alone")
        return (time.thread_time_ns() - began) / 1000 / len(few)

    def together() -> float:
        began = time.thread_time_ns()
        prepared(release, many, "together")
        return (time.thread_time_ns() - began) / 1000 / len(many)

    return {ALONE: alone, TOGETHER: together}


@contextmanager
def over_http(
    release: LoadedRelease, people: Sequence[Mapping[str, Any]], var: Path
) -> Iterator[dict[str, Callable[[], float]]]:
    """Give the whole request, called in this process as a server would, and a route that only echoes it.

    Every decision is written to a database before it is told, one by one: its CPU time counts.
    """
    numbers = count()
    with opened(f"sqlite:///{var}/kith.db") as memory:
        service = create_app(
            replace(Settings(), var=var, id_key=ID_KEY),
            clock=lambda: from_microseconds(NOW),
            store=HeldStore(release),
            memory=memory,
            write=lambda _: None,
        )

        def whole() -> float:
            bodies = [body_of(person, f"http-{next(numbers)}") for person in people[:HTTP_REQUESTS]]
            return caller(service, _PATH, bodies, len(bodies))()

        bodies = [body_of(person, f"echo-{k}") for k, person in enumerate(people[:HTTP_REQUESTS])]
        yield {WHOLE: whole, ECHO: caller(_echo(), _ECHO_PATH, bodies, len(bodies))}


def drawn(draws: int = DRAWS) -> tuple[float, float]:
    """Return how well so many draws match what is logged of them (p of chi-square), and the seconds it took.

    One customer, no limits, a fifth of the decisions spread evenly; every draw is a request of its own.
    """
    began = time.perf_counter()
    release = made_release(actions=DRAWN_ACTIONS, epsilon=0.2, holdout=0.0, random_slice=0.0, limits=[])
    people = made_people(QUESTIONS)
    person = max(people, key=lambda one: max(order["ordered_at"] for order in one["orders"]))
    observed: Counter[tuple[str, str | None]] = Counter()
    expected: Counter[tuple[str, str | None]] = Counter()
    for start in range(0, draws, BATCH):
        size = min(BATCH, draws - start)
        questions = prepared(release, [person] * size, f"draw-{start}")
        for one in questions.choose(range(size), [Known()] * size, {}).decisions:
            observed[one.action_id, one.channel] += 1
            for told in one.candidates:
                expected[told["action_id"], told["channel"]] += told["probability"]
    if not math.isclose(expected.total(), draws, rel_tol=1e-9) or not observed.keys() <= expected.keys():
        raise RuntimeError("the logged probabilities are none")
    p = chisquare([observed[name] for name in expected], list(expected.values())).pvalue
    return float(p), time.perf_counter() - began


def _echo() -> FastAPI:
    app = FastAPI()

    async def answer(body: NextBestActionRequest) -> NextBestActionRequest:
        return body

    # The annotations are names of this function: given as they are.
    answer.__annotations__ = {"body": NextBestActionRequest, "return": NextBestActionRequest}
    app.post(_ECHO_PATH)(answer)
    return app
