"""Where the time of one answer goes, stage by stage.

Each request runs through the stages in the order of the handler, and the clock is read between them. A loop
over one stage alone would find every instruction and every table in the cache, as no real request does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter

from app.api.checks import contradictions, resolve_as_of, uncounted_rows
from app.api.schemas.request import canonical, read_request, repeats_a_key, to_rows
from app.domain.clock import to_microseconds
from app.domain.rows import build_history
from app.serving.blocks import Answered, Part
from app.serving.plan import plan_of, published
from app.serving.release import LoadedRelease
from app.serving.score import Ask, attribute_kinds, score

REPEATS: Final = 7
_JSON: Final = TypeAdapter(dict[str, Any])
_WHOLE: Final = "score, whole"
_INSIDE: Final = ("features (compute)", "matrix", "predict", "explain")


@dataclass(frozen=True, slots=True)
class _Walk:
    """Runs requests through the stages, and keeps what each took in nanoseconds."""

    release: LoadedRelease
    variant: str
    took: dict[str, int]

    def run(self, body: bytes, *, is_split: bool) -> None:
        """Run one request; with ``is_split`` the parts of ``score`` run instead of it."""
        business, kinds = self.release.business, attribute_kinds(self.release)
        request = self._step("validate the bytes", lambda: read_request(body))
        self._step("check what the schema cannot", lambda: _checked(body, request, business.currency, kinds))
        rows = self._step("to rows", lambda: to_rows(request))
        history = self._step(
            "to columns (build_history)", lambda: build_history([rows], business.timezone, kinds)
        )
        at = np.array([to_microseconds(request.as_of)], dtype=np.int64)
        ask = Ask(tuple(request.want or ()), None, request.locale or "en", bool(request.explain))
        if is_split:
            self._split(history, at, ask)
            return
        (answer,) = self._step(_WHOLE, lambda: score(self.release, history, at, ask))
        self._step("check the rows that count", lambda: uncounted_rows(history, at))
        self._step("score id", lambda: canonical(request))
        self._step("JSON of the answer", lambda: _JSON.dump_json(answer))

    def _split(self, history: Any, at: Any, ask: Ask) -> None:
        plans = {
            name: plan_of(self.release.artifacts[name], self.variant)
            for name in published(self.release)
            if name in ask.want
        }
        needed = frozenset().union(*(plan.needed for plan in plans.values()))
        part = Part(self.release, history, at, needed)
        self._step("features (compute)", lambda: part.columns)
        for plan in plans.values():
            one = Answered(part, plan, ask.horizon_days)
            self._step("matrix", lambda: one.X)  # noqa: B023  runs at once
            self._step("predict", lambda: one.answers)  # noqa: B023  as above
            if ask.explain:
                self._step("explain", lambda: plan.scorer.explain(plan.model, one.X, one.moment))  # noqa: B023

    def _step(self, name: str, run: Callable[[], Any]) -> Any:
        began = time.thread_time_ns()
        answer = run()
        self.took[name] = self.took.get(name, 0) + time.thread_time_ns() - began
        return answer


def _checked(body: bytes, request: Any, currency: str, kinds: Any) -> None:
    repeats_a_key(body, request)
    contradictions(request, resolve_as_of(request, request.as_of), currency, kinds, "")


def stage_microseconds(release: LoadedRelease, bodies: Sequence[bytes], variant: str) -> dict[str, float]:
    """Return the CPU microseconds of each stage of one answer; the median over repeats.

    Parameters
    ----------
    release : LoadedRelease
        Must hold what is wanted.
    bodies : sequence of bytes
        Requests that name their ``as_of`` and are answered by ``variant``.
    """
    found: dict[str, list[float]] = {}
    for repeat in range(REPEATS + 1):
        for is_split in (False, True):
            walk = _Walk(release, variant, {})
            for body in bodies:
                walk.run(body, is_split=is_split)
            if repeat > 0:  # the first one warms up
                for name, nanoseconds in walk.took.items():
                    found.setdefault(name, []).append(nanoseconds / 1000 / len(bodies))
    medians = {name: median(values) for name, values in found.items()}
    whole = medians.pop(_WHOLE)
    rest = max(whole - sum(medians.get(name, 0.0) for name in _INSIDE), 0.0)
    return {**medians, "consent, blocks, rules and texts": rest}
