"""The command ``python -m benchmarks.satisfaction``: the simulated business in one table."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.machine import RESULTS, in_words, machine
from benchmarks.satisfaction.truth import TRUE_SIGNS

if TYPE_CHECKING:
    from benchmarks.satisfaction.simulated import Found

LIBRARIES = ("lightgbm", "scikit-learn", "numpy")
LEVEL: Final = 0.80
BOUND: Final = frozenset({"review", "csat"})
"""The scores from 1 to 5, for which bounds hold; the others are reported."""
SLACK: Final = 0.03
"""How far the share of scores within their range may be from its level."""
ABOUT: Final = (
    "5,000 simulated customers; later answers judge, at three origins; ranges are set on the other origins. "
    "The hidden truth is the latent satisfaction at the end of the data, of those who are still there."
)
CLEAR: Final = 2.0
"""Standard errors from which on a sign counts as shown."""


def main(argv: Sequence[str] | None = None) -> int:
    """Judge every definition; return 0, or 1 where a bound is missed."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from benchmarks.satisfaction.simulated import DEFINITIONS, satisfaction_of  # noqa: PLC0415  see above
    from training.sample import write_sample  # noqa: PLC0415
    from training.tables import load_business  # noqa: PLC0415

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.satisfaction", description="Satisfaction where the truth is known."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"all, or some of {', '.join(DEFINITIONS)}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the table is written")
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in DEFINITIONS]
    if unknown:
        parser.error(f"unknown definition {', '.join(unknown)}; choose from {', '.join(DEFINITIONS)}")
    with tempfile.TemporaryDirectory() as name:
        write_sample(Path(name))
        business = load_business(Path(name) / "business.yaml")
        found = [satisfaction_of(business, definition) for definition in args.names or DEFINITIONS]
    missed = [line for one in found for line in missed_by(one)]
    told = f"{in_words(machine(LIBRARIES))}\n"
    page = page_of(found, missed)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "satisfaction.md").write_text(f"{page}\n{told}", encoding="utf-8")
    document = {
        "machine": machine(LIBRARIES),
        "definitions": [asdict(one) for one in found],
        "missed": missed,
    }
    (args.out / "satisfaction.json").write_text(
        json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    print(page)
    for line in missed:
        print(f"MISSED: {line}", file=sys.stderr)
    return 1 if missed else 0


def missed_by(one: Found) -> list[str]:
    """Return the bounds that a definition misses, in words; of one without bounds nothing is asked."""
    missed: list[str] = []
    if one.definition not in BOUND:
        return missed
    held = one.coverage["covered"]["value"]
    if abs(held - LEVEL) > SLACK:
        missed.append(f"{one.definition}: ranges of {LEVEL:.0%} held {held:.1%} of the scores")
    if one.segment["reduction"]["low"] <= 0:
        missed.append(f"{one.definition}: not below the log-loss of the segment's mean")
    missed += [f"{one.definition}: {name} is no input" for name in TRUE_SIGNS if name not in one.signs]
    missed += [
        f"{one.definition}: {name} does not show with its true sign ({z:+.1f} standard errors)"
        for name, z in one.signs.items()
        if not z >= CLEAR
    ]
    return missed


def page_of(found: Sequence[Found], missed: Sequence[str]) -> str:
    """Return the table in Markdown."""
    head = (
        "| score | rows | tier | AUC (rule) | log-loss (rule; segment mean) | below the segment mean | ECE "
        "| range of 80 % held | ranked probability score (rule) | rank correlation with the hidden truth |\n"
        "| --- | ---: | --- | --- | --- | --- | ---: | --- | --- | ---: |"
    )
    lines = [_line(one) for one in found]
    signs = [
        f"* {one.definition}: " + ", ".join(f"`{name}` {z:+.1f}" for name, z in one.signs.items())
        for one in found
    ]
    return "\n".join(
        [
            "## Satisfaction of the sample business (simulated)",
            "",
            ABOUT,
            "",
            head,
            *lines,
            "",
            "True drivers: rank correlation with P(dissatisfied) in standard errors, times the true sign:",
            "",
            *signs,
            "",
            *([f"* MISSED: {line}" for line in missed] or ["* held: every bound"]),
            "",
        ]
    )


def _line(one: Found) -> str:
    below, held = one.segment["reduction"], one.coverage["covered"]
    score = one.ordinal["ranked_probability_score"]
    cells = (
        one.definition,
        f"{one.rows:,}",
        one.tier,
        f"{one.metrics['auc']:.3f} ({one.rule['auc']:.3f})",
        f"{one.metrics['log_loss']:.4f} ({one.rule['log_loss']:.4f}; {one.segment['value']:.4f})",
        f"{below['value']:.3f} ({below['low']:.3f} to {below['high']:.3f})",
        f"{one.metrics['ece']:.4f}",
        f"{held['value']:.3f} ({held['low']:.3f} to {held['high']:.3f})",
        f"{score['model']:.4f} ({score['rule']:.4f})",
        f"{one.truth:.3f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
