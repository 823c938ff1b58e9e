"""The command ``python -m benchmarks.decisions``: CPU per decision, draws, and decisions written a second.

All sides of a comparison run in turn in every round, and the median of the rounds' ratios counts: a disk
that others use too is slower from one second to the next.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.pages import on_one_thread
from benchmarks.serving.rounds import Spread, ratio, run_rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.decisions.writing import Database

LIBRARIES: Final = ("numpy", "cel-expr-python", "sqlalchemy", "fastapi", "pydantic")
CPU_LIMIT: Final = 500.0
"""µs of a decision among 20 actions, without the store."""
TIMES: Final = 10.0
"""Decisions a second with a commit for many, over those with a commit for each."""
LEAST_P: Final = 0.001
GROUPED, SINGLE = "one commit for many", "one commit for each"
READY_GROUPED, READY_SINGLE = "chosen beforehand, one commit for many", "chosen beforehand, one for each"
SLOW_SECONDS: Final = 0.005
SLOW_GROUPED, SLOW_SINGLE = "slower commits, one for many", "slower commits, one for each"
OUTCOMES, SYNCS = "outcomes, one commit for many", "bare appends with fdatasync"


@dataclass(frozen=True, slots=True)
class Thinking:
    """CPU µs by what is timed, ratios to the yardsticks, and how well draws match their probabilities."""

    cpu: Mapping[str, Spread]
    over_linear: Spread
    over_echo: Spread
    p: float
    draw_seconds: float


@dataclass(frozen=True, slots=True)
class Writing:
    """What a database takes in a second; ratios of one commit for many over one for each."""

    database: str
    rates: Mapping[str, Spread]
    whole: Spread
    ready: Spread
    slow: Spread


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 0, or 1 where a bound is missed."""
    on_one_thread()
    from benchmarks.machine import RESULTS, in_words, machine  # noqa: PLC0415  after the threads

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions", description="What a decision costs, and how many are written."
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds of each comparison")
    parser.add_argument("--size", type=int, default=1_920, help="decisions of a side that shares commits")
    parser.add_argument("--disk", type=Path, default=Path("/var/tmp"), help="where databases are made")  # noqa: S108
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page is written")
    args = parser.parse_args(argv)
    found = machine(LIBRARIES)
    thinking = think(args.rounds)
    writings = write(args.disk, args.size, args.rounds)
    text = page(thinking, writings, in_words(found))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "decisions.md").write_text(text, encoding="utf-8")
    document = {
        "machine": found,
        "thinking": asdict(thinking),
        "writing": [asdict(writing) for writing in writings],
    }
    (args.out / "decisions.json").write_text(
        json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    print(text)
    lines = missed(thinking, writings)
    for line in lines:
        print(f"MISSED: {line}", file=sys.stderr)
    return 1 if lines else 0


def think(rounds: int) -> Thinking:
    """Measure what a decision costs without the store."""
    from benchmarks.decisions import deciding  # noqa: PLC0415  after the threads
    from benchmarks.decisions.made import made_people, made_release, prepared  # noqa: PLC0415

    release, people = made_release(), made_people(deciding.QUESTIONS)
    turn = deciding.by_turns(prepared(release, people, "cpu"))
    turn()  # the first one warms up
    turns = [turn() for _ in range(rounds)]
    found = {name: [one[name] for one in turns] for name in turns[0]}
    found |= run_rounds(deciding.preparing(release, people), rounds)
    with tempfile.TemporaryDirectory() as var, deciding.over_http(release, people, Path(var)) as sides:
        found |= run_rounds(sides, rounds)
    p, seconds = deciding.drawn()
    return Thinking(
        {name: Spread.of(values) for name, values in found.items()},
        ratio(found, deciding.DECISION, deciding.LINEAR),
        ratio(found, deciding.WHOLE, deciding.ECHO),
        p,
        seconds,
    )


def write(disk: Path, size: int, rounds: int) -> list[Writing]:
    """Measure how many decisions are written a second: SQLite, and PostgreSQL where it is named."""
    from benchmarks.decisions import writing  # noqa: PLC0415  after the threads

    kind = writing.file_system(disk)
    if kind in writing.IN_MEMORY:
        raise SystemExit(f"{disk} is kept in memory ({kind}): name a folder on a disk with --disk")
    databases = [(f"SQLite, synchronous FULL, on {kind}", writing.on_disk(disk))]
    server = os.environ.get("KITH_TEST_POSTGRES")
    if server:
        databases.append(("PostgreSQL", writing.on_server(server)))
    return [_written(name, database, disk, size, rounds) for name, database in databases]


def missed(thinking: Thinking, writings: Sequence[Writing]) -> list[str]:
    """Return the bounds that are missed, in words; of databases the first alone has one."""
    from benchmarks.decisions.deciding import DECISION  # noqa: PLC0415  after the threads

    found = []
    if thinking.cpu[DECISION].median > CPU_LIMIT:
        found.append(
            f"a decision takes {thinking.cpu[DECISION].median:.0f} µs of CPU, at most {CPU_LIMIT:.0f}"
        )
    if thinking.p < LEAST_P:
        found.append(f"draws do not match what is logged of them: p = {thinking.p:.2g}")
    if writings[0].whole.median < TIMES:
        found.append(
            f"{writings[0].database}: {GROUPED} gives {writings[0].whole.median:.1f} times the decisions of "
            f"{SINGLE}, at least {TIMES:g}"
        )
    return found


def page(thinking: Thinking, writings: Sequence[Writing], machine: str) -> str:
    """Return the page in Markdown."""
    from benchmarks.decisions import deciding  # noqa: PLC0415  after the threads
    from benchmarks.decisions.made import ACTIONS, RULES  # noqa: PLC0415
    from benchmarks.decisions.writing import CLIENTS  # noqa: PLC0415

    about = (
        f"{ACTIONS} actions with {RULES} rules each, no two alike. CPU µs of one customer: "
        "medians of rounds (lowest–highest). A decision is weigh and choose: the rules, the profits, the "
        "filters, the draw, the answer and the record."
    )
    rows = [f"| {name} | {spread.text(0)} |" for name, spread in thinking.cpu.items()]
    ratios = (
        f"A decision over {deciding.LINEAR} of as many candidates, one feature a rule: "
        f"{thinking.over_linear.text(0)}. {deciding.WHOLE.capitalize()}, over {deciding.ECHO}: "
        f"{thinking.over_echo.text(1)}. {deciding.DRAWS:,} draws beside what is logged of them: "
        f"p = {thinking.p:.3f} (chi-square), in {thinking.draw_seconds:.0f} s."
    )
    parts = [
        "# Decisions: what one costs, and how many are written",
        machine,
        about,
        "\n".join(("| | CPU µs |\n| --- | ---: |", *rows)),
        ratios,
    ]
    for one in writings:
        lines = [f"| {name} | {spread.text(0)} |" for name, spread in one.rates.items()]
        parts += [
            f"## {one.database}, {CLIENTS} clients",
            "\n".join(("| | a second |\n| --- | ---: |", *lines)),
            _ratios(one),
        ]
    lines = missed(thinking, writings)
    held = [f"a decision takes at most {CPU_LIMIT:.0f} µs of CPU", f"{GROUPED}: at least {TIMES:g} times"]
    word = "MISSED" if lines else "held"
    parts.append("\n".join(f"* {word}: {line}" for line in (lines or held)))
    return "\n\n".join(parts) + "\n"


def _ratios(one: Writing) -> str:
    return (
        f"One commit for many over one for each: {one.whole.text(1)}; chosen beforehand, which leaves the "
        f"store's own work, {one.ready.text(1)}; with commits that take {SLOW_SECONDS * 1000:g} ms longer, "
        f"as on a slower disk, {one.slow.text(1)}."
    )


def _written(name: str, database: Database, disk: Path, size: int, rounds: int) -> Writing:
    """Measure one database; a side with a commit for each gets fewer decisions, enough for a second or so."""
    from benchmarks.decisions import writing  # noqa: PLC0415  after the threads
    from benchmarks.decisions.made import NOW, made_people, made_release, prepared  # noqa: PLC0415

    tasks = writing.tasks_of(prepared(made_release(), made_people(size), "written"))
    ready = writing.chosen_beforehand(tasks)
    outcomes = writing.outcomes_of(ready, NOW)
    few = max(size // 6, 1)

    def slow(side: str) -> float:
        with writing.slower_commits(SLOW_SECONDS):
            return sides[side]()

    sides: dict[str, Callable[[], float]] = {
        GROUPED: lambda: writing.rate(database, tasks),
        SINGLE: lambda: writing.rate(database, tasks[:few], batch_limit=1),
        READY_GROUPED: lambda: writing.rate(database, ready),
        READY_SINGLE: lambda: writing.rate(database, ready[:few], batch_limit=1),
        SLOW_GROUPED: lambda: slow(GROUPED),
        SLOW_SINGLE: lambda: slow(SINGLE),
        OUTCOMES: lambda: writing.rate(database, outcomes, first=ready),
        SYNCS: lambda: writing.syncs_per_second(disk),
    }
    found = run_rounds(sides, rounds)
    return Writing(
        name,
        {side: Spread.of(values) for side, values in found.items()},
        ratio(found, GROUPED, SINGLE),
        ratio(found, READY_GROUPED, READY_SINGLE),
        ratio(found, SLOW_GROUPED, SLOW_SINGLE),
    )


if __name__ == "__main__":
    sys.exit(main())
