"""Train, score in bulk, serve, and ask the service the same about the same customers.

``python -m tests.drills.parity`` does so on a part of each data set, ``--full`` on all of it and for 1,000
customers, which takes minutes. The answers over HTTP come from payloads that :mod:`tests.drills.raw` builds
from the raw lines; they must equal what ``python -m training score`` writes.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from app.capabilities import SCORERS
from tests.drills.raw import RETAIL, TELECOM, Example
from tests.integration.running import ROOT, Server, environment, start
from training.__main__ import main as training

TOLERANCE: Final = 1e-9
MODEL: Final = ("version", "population", "tier", "grade")
BATCH: Final = 200
"""Customers per call: a batch may hold 1,000, but 16 MiB at most."""
SINGLE: Final = 20
"""Customers who are also asked about one by one."""
PATIENCE_SECONDS: Final = 1_800


@dataclass(frozen=True)
class Outcome:
    """What the comparison of one data set came to."""

    name: str
    release: str
    as_of: str
    customers: int
    eligible: int
    by_population: Mapping[str, int]
    singles: int
    largest_difference: float
    faults: Sequence[str]
    """Where the two roads differ in words, or in numbers by more than the tolerance."""


def compare(example: Example, folder: Path, *, customers: int, full: bool) -> Outcome:
    """Train and score by command, serve, and compare the answers.

    What the folder has published already is not trained again.
    """
    business, raw = (example.business, example.raw) if full else example.smaller(folder)
    command = run if full else run_here
    models, out = folder / "models", folder / "scores.parquet"
    if not (models / "release.json").exists():
        command("train", "--business", business, "--models", models, "--json")
    release = json.loads((models / "release.json").read_bytes())
    version = release["artifacts"]["churn"]["version"]
    as_of = json.loads((models / "churn" / version / "manifest.json").read_bytes())["trained_as_of"]
    command("score", "--business", business, "--models", models, "--out", out, "--as-of", as_of)
    rows = {row["customer_id"]: row for row in pq.read_table(out).to_pylist()}
    chosen = random.Random(0).sample(sorted(rows), min(customers, len(rows)))  # noqa: S311  a sample, no secret
    payloads = [{"as_of": as_of, **payload} for payload in _in_order(example, raw, chosen)]
    server = start(folder, KITH_TRIAL_SECONDS="300")
    try:
        server.wait_ready(release["name"])
        answers = batch_answers(server, payloads)
        singles = [single_answer(server, payload) for payload in payloads[:SINGLE]]
    finally:
        server.stop()
    faults = [f"{k}: one by one differs" for k, one in enumerate(singles) if one != answers[k]]
    largest = 0.0
    populations: dict[str, int] = {}
    for name, answer in zip(chosen, answers, strict=True):
        difference, found = differences(rows[name], answer)
        largest = max(largest, difference)
        faults += [f"{example.name}, customer {chosen.index(name)}: {fault}" for fault in found]
        population = str(rows[name]["churn_population"])
        populations[population] = populations.get(population, 0) + 1
    eligible = sum(bool(rows[name]["churn_eligible"]) for name in chosen)
    return Outcome(
        example.name,
        release["name"],
        as_of,
        len(chosen),
        eligible,
        populations,
        len(singles),
        largest,
        faults,
    )


def differences(row: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[float, list[str]]:
    """Return the largest difference between two answers in numbers, and all that is a fault."""
    pairs = [(name, row[name], answer[name]) for name in ("customer_id", "release", "personalised")]
    for name, scorer in SCORERS.items():
        if f"{name}_eligible" not in row:
            continue
        block = answer[name]
        model = block["model"] or {}
        outputs = [output.name for output in scorer.outputs] + ["data_sufficiency"]
        columns = {field: f"{name}_{field.replace('.', '_')}" for field in outputs}
        pairs += [(f"{name}.{field}", row[column], _at(block, field)) for field, column in columns.items()]
        pairs += [(f"{name}.{field}", row[f"{name}_{field}"], model.get(field)) for field in MODEL]
    if row.get("triggers") is not None:
        pairs.append(("triggers", row["triggers"], [one["rule_id"] for one in answer["triggers"]]))
    largest, faults = 0.0, []
    for name, offline, online in pairs:
        if isinstance(offline, float) and isinstance(online, (int, float)):
            # Amounts may be large: a difference counts beside their size.
            difference = abs(online - offline) / max(1.0, abs(offline))
            largest = max(largest, difference)
            if difference <= TOLERANCE:
                continue
        elif offline == online:
            continue
        faults.append(f"{name} is {online!r}, offline {offline!r}")
    return largest, faults


def _at(block: Mapping[str, Any], field: str) -> Any:
    """Return a field of a block; a name with a dot is a field of an object in it."""
    outer, _, inner = field.partition(".")
    value = block.get(outer)
    return value.get(inner) if inner and value is not None else value


def batch_answers(server: Server, payloads: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers of ``/v1/scores/batch``, in order."""
    answers: list[dict[str, Any]] = []
    for at in range(0, len(payloads), BATCH):
        reply = server.call("POST", "/v1/scores/batch", {"requests": payloads[at : at + BATCH]})
        if reply.status != 200:
            raise ValueError(f"status {reply.status}: {reply.body[:500]!r}")
        for result in reply.json()["results"]:
            if result["status"] != 200:
                raise ValueError(f"a customer was refused: {result}")
            answers.append(result["score"])
    return answers


def single_answer(server: Server, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/v1/scores``."""
    reply = server.call("POST", "/v1/scores", payload)
    if reply.status != 200:
        raise ValueError(f"status {reply.status}: {reply.body[:500]!r}")
    answer: dict[str, Any] = reply.json()
    return answer


def run(command: str, *arguments: object) -> None:
    """Run ``python -m training`` as a user does."""
    done = subprocess.run(
        [sys.executable, "-m", "training", command, *map(str, arguments)],
        cwd=ROOT,
        env={**environment(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    if done.returncode:
        raise ValueError(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")


def run_here(command: str, *arguments: object) -> None:
    """Run the same in this process, which saves starting two more."""
    code = training([command, *map(str, arguments)])
    if code:
        raise ValueError(f"{command} ended with {code}")


def _in_order(example: Example, raw: Path, customers: Sequence[str]) -> list[dict[str, Any]]:
    payloads = example.payloads(raw, customers)
    return [payloads[name] for name in customers]


def main() -> int:
    """Compare each data set that is there; return 1 where the roads differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="all of the data, 1,000 customers; minutes")
    parser.add_argument("--folder", type=Path, help="keep models there, and do not train those again")
    args = parser.parse_args()
    code = 0
    for example in (TELECOM, RETAIL):
        if not example.raw.exists():
            print(f"{example.name}: skipped, {example.raw} is not there")  # noqa: T201  a command prints
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = (args.folder or Path(scratch)) / example.name
            folder.mkdir(parents=True, exist_ok=True)
            outcome = compare(example, folder, customers=1_000 if args.full else 200, full=args.full)
        print(  # noqa: T201
            f"{outcome.name} {outcome.release} as of {outcome.as_of}: {outcome.customers} customers "
            f"({outcome.eligible} eligible; {dict(outcome.by_population)}), "
            f"{outcome.singles} also one by one; "
            f"largest difference {outcome.largest_difference:.3g}; {len(outcome.faults)} faults"
        )
        for fault in outcome.faults[:20]:
            print(f"  {fault}")  # noqa: T201
        code |= bool(outcome.faults)
    return code


if __name__ == "__main__":
    sys.exit(main())
