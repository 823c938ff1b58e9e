from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.serving.report import Figures, page
from benchmarks.serving.rounds import Spread, ratio, run_rounds
from benchmarks.serving.start import Start


def test_sides_take_turns_and_the_first_time_does_not_count() -> None:
    calls: list[str] = []

    def side(name: str) -> Callable[[], float]:
        def run() -> float:
            calls.append(name)
            return float(len(calls))

        return run

    found = run_rounds({"a": side("a"), "b": side("b")}, 3)
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab"
    assert found == {"a": [3.0, 6.0, 7.0], "b": [4.0, 5.0, 8.0]}


def test_a_ratio_is_taken_round_by_round() -> None:
    spread = ratio({"a": [2.0, 30.0, 3.0], "b": [1.0, 10.0, 1.0]}, "a", "b")
    assert spread == Spread(3.0, 2.0, 3.0)


def figures(loopback: float, in_process: float) -> Figures:
    one = Spread(1.0, 1.0, 1.0)
    ways = {"Over loopback, 1 connection": loopback, "In this process, without a server": in_process}
    made = Figures({"summary": 500}, Start(0.5, 1.0, 80.0, 82.0))
    for way, value in ways.items():
        made.cpu[way] = made.echo[way] = {"summary": one}
        made.ratios[way] = {"summary": Spread(value, value, value)}
    return made


@pytest.mark.parametrize(("loopback", "missed"), [(2.9, 0), (3.1, 1)])
def test_the_bound_holds_for_the_real_server(loopback: float, missed: int) -> None:
    made = figures(loopback, 9.0)
    assert len(made.missed()) == missed
    assert ("MISSED" in page(made, "machine")) == bool(missed)


def test_a_system_that_hides_memory_is_told_so() -> None:
    made = replace(figures(1.0, 1.0), start=Start(0.5, 1.0, None, None))
    assert "does not tell the memory" in page(made, "machine")
