"""What is measured, in which order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.serving.echo import PATH, echo_app
from benchmarks.serving.http_load import Load, Target, load, started, wait_ready
from benchmarks.serving.in_process import caller, loaded_store, release_of, service_app
from benchmarks.serving.payloads import everything_bodies, history_bodies, summary_bodies
from benchmarks.serving.report import EVERYTHING, OVER_HTTP, Figures
from benchmarks.serving.rounds import Spread, ratio, run_rounds
from benchmarks.serving.stages import stage_microseconds
from benchmarks.serving.start import cold_start

SCORES = "/v1/scores"
REQUESTS: Mapping[str, int] = {
    "summary": 512,
    EVERYTHING: 384,
    "summary, with reasons": 256,
    "30 orders, 100 events, reasons": 128,
}
"""Requests of one round, by payload."""
VARIANTS: Mapping[str, str] = {
    "summary": "summary",
    EVERYTHING: "summary",
    "summary, with reasons": "summary",
    "30 orders, 100 events, reasons": "full",
}


def measure(models: Path, rounds: int) -> Figures:
    """Measure everything with one release; takes a few minutes."""
    payloads = {
        "summary": summary_bodies(),
        EVERYTHING: everything_bodies(),
        "summary, with reasons": summary_bodies(is_explained=True),
        "30 orders, 100 events, reasons": history_bodies(),
    }
    figures = Figures(
        {name: sum(map(len, bodies)) // len(bodies) for name, bodies in payloads.items()},
        cold_start(models, payloads["summary"]),
    )
    with started("benchmarks.serving.host", models) as target:
        wait_ready(target)
        for connections in (1, 16):
            way = f"{OVER_HTTP}, {connections} connection{'s' if connections > 1 else ''}"
            _over_http(figures, way, target, payloads, rounds, connections)
    store = loaded_store(models)
    with tempfile.TemporaryDirectory() as var:
        service, echo = service_app(store, Path(var)), echo_app()
        way = "In this process, without a server"
        for name, bodies in payloads.items():
            found = run_rounds(
                {
                    "scores": caller(service, SCORES, bodies, REQUESTS[name]),
                    "echo": caller(echo, PATH, bodies, REQUESTS[name]),
                },
                rounds,
            )
            _keep(figures, way, name, found)
    for name, bodies in payloads.items():
        figures.stages[name] = _with_the_rest(
            stage_microseconds(release_of(store), bodies, VARIANTS[name]), figures.cpu[way][name].median
        )
    return figures


def _over_http(
    figures: Figures,
    way: str,
    target: Target,
    payloads: Mapping[str, Sequence[bytes]],
    rounds: int,
    connections: int,
) -> None:
    """Measure each payload and its echo, by the server's own CPU time."""
    for name, bodies in payloads.items():
        loads: list[Load] = []

        def side(
            path: str, bodies: Sequence[bytes] = bodies, count: int = REQUESTS[name]
        ) -> Callable[[], float]:
            def run() -> float:
                one = load(target, path, bodies, count, connections)
                if path == SCORES:
                    loads.append(one)  # noqa: B023  used before the next payload
                return one.cpu_microseconds

            return run

        found = run_rounds({"scores": side(SCORES), "echo": side(PATH)}, rounds)
        _keep(figures, way, name, found)
        figures.per_second.setdefault(way, {})[name] = Spread.of([one.per_second for one in loads[1:]])


def _keep(figures: Figures, way: str, name: str, found: Mapping[str, list[float]]) -> None:
    figures.cpu.setdefault(way, {})[name] = Spread.of(found["scores"])
    figures.echo.setdefault(way, {})[name] = Spread.of(found["echo"])
    figures.ratios.setdefault(way, {})[name] = ratio(found, "scores", "echo")


def _with_the_rest(stages: dict[str, float], whole: float) -> dict[str, float]:
    """Return the stages with what is left of the whole: routing, guard, metrics, log line, response."""
    return {**stages, "framework, guard, metrics, log line": max(whole - sum(stages.values()), 0.0)}
