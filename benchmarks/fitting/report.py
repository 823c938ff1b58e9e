"""The page of the fitting benchmark, and the bounds that it misses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.fitting.convergence import Tally
from benchmarks.fitting.speed import Race

NAMES = {
    "bg_nbd": "BG/NBD",
    "mbg_nbd": "MBG/NBD",
    "pareto_nbd": "Pareto/NBD",
    "gamma_gamma": "Gamma-Gamma",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was measured."""

    races: tuple[Race, ...]
    tallies: tuple[Tally, ...]
    skipped: tuple[str, ...] = ()

    def missed(self) -> list[str]:
        """Return the bounds that are missed, in words."""
        slow = [
            f"{NAMES[one.kind]} on {one.customers:,} customers: {_times(one.ratio)} times faster, "
            f"asked for is {one.bound:g}"
            for one in self.races
            if one.misses()
        ]
        failed = [
            f"{NAMES[one.model]} on {one.where}: {one.failed} of {one.fits} fits failed"
            for one in self.tallies
            if one.failed
        ]
        return slow + failed

    def document(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {**asdict(self), "missed": self.missed()}


def page(figures: Figures, machine: str) -> str:
    """Return the figures as Markdown."""
    lines = [
        "# Fitting",
        "",
        machine,
        "",
        "CPU seconds of one fit, grouping included; medians of rounds in turns.",
        "Apart: the largest difference of a parameter, in standard errors.",
        "",
        "| customers | model | Kith | lifetimes | times faster | bound | apart |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {one.customers:,} | {NAMES[one.kind]} | {one.ours:.4f} | "
            f"{'not run' if one.theirs is None else f'{one.theirs:.3f}'} | {_times(one.ratio)} | "
            f"{'' if one.bound is None else f'{one.bound:g}'} | "
            f"{'' if one.apart is None else f'{one.apart:.3f}'} |"
            for one in figures.races
        ),
        "",
        "Fits that did not converge, of bootstrap samples of real customers and of simulated businesses.",
        "",
        "| customers of | model | fits | failed | on a bound | most evaluations | CPU s |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {one.where} | {NAMES[one.model]} | {one.fits:,} | {one.failed} | {one.on_bound} | "
            f"{one.most_evaluations} | {one.cpu_seconds:.1f} |"
            for one in figures.tallies
        ),
        *(f"\nskipped {one}" for one in figures.skipped),
        "",
    ]
    return "\n".join(lines)


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"
