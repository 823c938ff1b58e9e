"""The figures in words: one Markdown page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.serving.rounds import Spread
from benchmarks.serving.start import REQUESTS, Start

OVER_HTTP = "Over loopback"
EVERYTHING = "summary, all blocks"
LIMITS = {"summary": 3.0, EVERYTHING: 4.0}
"""What a summary without reasons may cost beside its echo: with churn alone, and with every block."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured. ``cpu`` and ``ratios`` by way of calling, then by payload."""

    bytes_sent: Mapping[str, int]
    start: Start
    cpu: dict[str, dict[str, Spread]] = field(default_factory=dict)
    echo: dict[str, dict[str, Spread]] = field(default_factory=dict)
    ratios: dict[str, dict[str, Spread]] = field(default_factory=dict)
    per_second: dict[str, dict[str, Spread]] = field(default_factory=dict)
    stages: dict[str, dict[str, float]] = field(default_factory=dict)

    def missed(self) -> list[str]:
        """Return where the bound does not hold; it is one for the real server."""
        return [
            f"{way}: {name} costs {found[name].median:.2f} times its echo, at most {limit:g}"
            for way, found in self.ratios.items()
            if way.startswith(OVER_HTTP)
            for name, limit in LIMITS.items()
            if name in found and found[name].median > limit
        ]


def page(figures: Figures, machine: str) -> str:
    """Return the Markdown page."""
    parts = ["# Serving", machine]
    for way, found in figures.ratios.items():
        rows = [
            f"| {name} | {figures.bytes_sent[name]:,} | {figures.cpu[way][name].text(0)} | "
            f"{figures.echo[way][name].text(0)} | {spread.text(2)} | {_rate(figures, way, name)} |"
            for name, spread in found.items()
        ]
        head = (
            "| request | bytes | `/v1/scores`, CPU µs | echo, CPU µs | ratio | requests/s, an aside |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: |"
        )
        parts += [f"## {way}", "Median of the rounds (lowest–highest).", "\n".join((head, *rows))]
    for name, stages in figures.stages.items():
        whole = sum(stages.values())
        rows = [f"| {stage} | {value:.0f} | {value / whole:.0%} |" for stage, value in stages.items()]
        head = "| stage | CPU µs | share |\n| --- | ---: | ---: |"
        parts += [f"## Stages: {name}", "\n".join((head, *rows, f"| together | {whole:.0f} | 100% |"))]
    parts += ["## Start and memory", _start(figures.start)]
    within = [f"{name} costs at most {limit:g} times its echo" for name, limit in LIMITS.items()]
    verdict = figures.missed() or within
    word = "MISSED" if figures.missed() else "held"
    parts.append("\n".join(f"* {word}: {line}" for line in verdict))
    return "\n\n".join(parts) + "\n"


def _rate(figures: Figures, way: str, name: str) -> str:
    rate = figures.per_second.get(way, {}).get(name)
    return "–" if rate is None else f"{rate.median:,.0f}"


def _start(start: Start) -> str:
    memory = (
        "this system does not tell the memory of a process"
        if start.resident_ready is None or start.resident_used is None
        else f"resident {start.resident_ready:.0f} MiB when ready, {start.resident_used:.0f} MiB after "
        f"{REQUESTS:,} answers"
    )
    return (
        f"`python -m app`: listens after {start.seconds_to_listen:.2f} s, answers after "
        f"{start.seconds_to_ready:.2f} s (the release is tried in a child process first); {memory}."
    )
