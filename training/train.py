"""The command ``train``: tables in, published artifacts out."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.artifacts.canonical import canonical_bytes
from app.artifacts.writer import write_artifact
from app.capabilities import TEXT_SCORERS
from app.domain.clock import to_microseconds
from app.domain.errors import BusinessFileError, PublicationError, TableError
from app.domain.history import NAT
from app.features.schema import ATTRIBUTE_PREFIX
from app.serving.golden import write_golden, write_golden_items, write_golden_texts
from app.serving.loading import load_draft
from app.serving.release import LoadedArtifact
from training.capabilities import TRAINERS, Trainers
from training.golden import (
    GOLDEN_PRODUCTS,
    TEXTS,
    golden_customers,
    golden_questions,
    golden_requests,
)
from training.publish import publish
from training.recommendations.report import NOT_JUDGED
from training.run import Run, Trained
from training.tables import Business, Tables, load_business, read_tables

LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "lightgbm", "duckdb", "pydantic")
SEED: Final = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--business", type=Path, required=True, help="the file that describes the business")
    parser.add_argument(
        "--only", default="", help="capabilities to train, separated by commas; others carry over"
    )
    parser.add_argument("--as-of", dest="as_of", default=None, help="train on what was known then (ISO 8601)")
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="where artifacts and releases stand"
    )
    parser.add_argument("--no-publish", dest="no_publish", action="store_true", help="write, do not release")
    parser.add_argument("--seed", type=_seed, default=SEED, help="for everything that is drawn at random")
    parser.add_argument("--json", action="store_true", help="print one machine-readable document")


def _seed(text: str) -> int:
    """Return a seed; every library that draws takes one of this size."""
    seed = int(text)
    if not 0 <= seed < 2**31:
        raise argparse.ArgumentTypeError("expected 0 to 2147483647")
    return seed


def run_train(
    args: argparse.Namespace, trainers: Trainers = TRAINERS, releasing: Callable[..., str] = publish
) -> int:
    """Train, write and publish; return 0, or 2 where the input or a tripwire forbids it.

    Parameters
    ----------
    args : Namespace
        Of :func:`add_arguments`.
    trainers : mapping
        What trains each capability.
    releasing : callable
        What publishes: :func:`training.publish.publish`.
    """
    started = time.monotonic()
    business = load_business(args.business)
    wanted = _wanted(business, args.only, trainers)
    with read_tables(business, as_of=parse_time(args.as_of), progress=progress) as tables:
        tables.refuse_errors()
        as_of = known_at(tables)
        run = Run(business, tables, tables.history(), as_of, args.seed, _git_commit(), libraries(), progress)
        outcome = _train(run, {name: trainers[name] for name in wanted}, args, releasing)
    outcome["seconds"] = round(time.monotonic() - started, 1)
    _print(outcome, as_json=args.json)
    return 2 if outcome["refused"] else 0


def _train(
    run: Run, trainers: Trainers, args: argparse.Namespace, releasing: Callable[..., str]
) -> dict[str, Any]:
    """Train, write and publish what is wanted; return what came of it."""
    outcome: dict[str, Any] = {
        "business": run.business.name,
        "as_of": run.as_of_iso,
        "artifacts": {},
        "refused": {},
    }
    versions = {}
    for capability, trainer in trainers.items():
        progress(f"training {capability}")
        try:
            path = write(args.models, trainer(run))
        except (PublicationError, TableError) as error:
            outcome["refused"][capability] = {"reason": str(error), "remedy": getattr(error, "remedy", "")}
            continue
        versions[capability] = path.name
        outcome["artifacts"][capability] = describe(path)
    if versions and not args.no_publish:
        # What was refused stays as it was, like what was not asked for.
        keep_others = bool(args.only or outcome["refused"])
        outcome["release"] = releasing(args.models, versions, keep_others=keep_others)
    return outcome


def known_at(tables: Tables) -> int:
    """Return up to when things are known: as asked for, as in the data, today in data without dates."""
    if tables.as_of is not None:
        return tables.as_of
    if tables.latest != NAT:
        return tables.latest
    return to_microseconds(datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0))


def parse_time(text: str | None) -> int | None:
    """Return an ISO 8601 time with an offset as microseconds, None as None.

    Raises
    ------
    TableError
        The time is not one, or is naive.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise TableError(
            "--as-of is not a time with an offset", remedy="write it as 2026-06-30T23:59:59+08:00"
        )
    return to_microseconds(moment)


def _wanted(business: Business, only: str, trainers: Trainers) -> tuple[str, ...]:
    """Return the capabilities to train: those asked for, else every wanted one that has a trainer.

    Raises
    ------
    BusinessFileError
        A capability is asked for that cannot be trained.
    """
    names = tuple(dict.fromkeys(name.strip() for name in only.split(",") if name.strip()))
    unknown = [name for name in names if name not in trainers]
    if unknown:
        raise BusinessFileError(
            f"--only names {', '.join(unknown)}, which cannot be trained",
            remedy=f"choose from {', '.join(trainers)}",
        )
    wanted = _with_twin(
        business, names or tuple(name for name in business.objectives.wanted if name in trainers)
    )
    if not wanted:
        raise BusinessFileError(
            "no objective is set", remedy=f"add one of {', '.join(trainers)} under objectives"
        )
    return wanted


def _with_twin(business: Business, names: tuple[str, ...]) -> tuple[str, ...]:
    """Add churn by inactivity to purchase and the reverse, where both are wanted: they are one model."""
    objectives = business.objectives
    churn = objectives.churn
    if churn is None or objectives.purchase is None or churn.definition != "inactivity":
        return names
    twins = ("churn", "purchase")
    return tuple(dict.fromkeys([*names, *(twins if set(names) & set(twins) else ())]))


def write(models: Path, trained: Trained) -> Path:
    """Add golden answers and the card to a trained capability, and write the artifact."""
    loaded = load_draft(trained.draft, trained.files)
    files = {
        **trained.files,
        **trained.plots,
        trained.draft.golden: _golden(loaded, trained),
        "card.json": canonical_bytes(trained.card),
        "card.md": trained.markdown.encode(),
    }
    return write_artifact(models, trained.draft, files)


def _golden(loaded: LoadedArtifact, trained: Trained) -> bytes:
    """Return golden histories, texts or requests, and what the artifact answers to them."""
    as_of = to_microseconds(datetime.fromisoformat(trained.draft.trained_as_of))
    if trained.draft.capability in TEXT_SCORERS:
        return write_golden_texts(loaded, TEXTS)
    if loaded.item_model is not None:
        items = loaded.item_model.items
        products = [items.ids[k] for k in items.by_popularity[:GOLDEN_PRODUCTS].tolist()] or items.ids[:1]
        return write_golden_items(loaded, golden_requests(products, as_of), as_of)
    chosen_for = golden_questions if loaded.action_model is not None else golden_customers
    customers = chosen_for(trained.draft, as_of)
    kinds = {"number": "numeric", "flag": "boolean", "category": "categorical"}
    attributes = {
        feature.name.removeprefix(ATTRIBUTE_PREFIX): kinds[feature.kind]
        for variant in trained.draft.variants
        for feature in variant.features
        if feature.name.startswith(ATTRIBUTE_PREFIX)
    }
    return write_golden(loaded, customers, as_of, attributes)


def describe(path: Path) -> dict[str, Any]:
    """Return what an operator wants to know of a fresh artifact."""
    manifest = json.loads((path / "manifest.json").read_bytes())
    return {
        "version": manifest["version"],
        "path": str(path),
        "populations": [
            {
                "variant": variant["name"],
                "population": one["name"],
                "tier": one["tier"],
                "grade": one["grade"],
                "baseline": one["baseline"],
                "auc": one["metrics"].get("auc"),
                "ece": one["metrics"].get("ece"),
            }
            for variant in manifest["variants"]
            for one in variant["populations"]
        ],
    }


def libraries() -> dict[str, str]:
    """Return the versions that a model was trained with."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def _git_commit() -> str:
    """Return the commit of the code, or "unknown" outside a repository."""
    command: Sequence[str] = ("git", "rev-parse", "HEAD")
    try:
        found = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()


def progress(message: str) -> None:
    """Say on standard error where a long command is: on a terminal in one line, elsewhere line by line."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{message}", end="", file=sys.stderr, flush=True)
    else:
        print(message, file=sys.stderr, flush=True)


def _print(outcome: Mapping[str, Any], *, as_json: bool) -> None:
    if sys.stderr.isatty():
        print("\r\x1b[2K", end="", file=sys.stderr)
    if as_json:
        print(json.dumps(outcome, ensure_ascii=False, indent=1))
        return
    print(f"{outcome['business']}, as known at {outcome['as_of']}")
    for capability, artifact in outcome["artifacts"].items():
        print(f"  {capability} {artifact['version']}  card: {artifact['path']}/card.md")
        for one in artifact["populations"]:
            rule = one["baseline"]
            judged = (
                f"{rule['metric']} {rule['model_value']:.4f} against {rule['value']:.4f} of {rule['name']}"
            )
            if rule["metric"] == NOT_JUDGED:
                judged = "too little to judge on"
            who = f"{one['variant']:8} {one['population']:12} {one['tier']:12}"
            print(f"    {who} grade {one['grade']}  {judged}")
    for capability, refusal in outcome["refused"].items():
        print(f"error: {capability} is refused: {refusal['reason']}", file=sys.stderr)
        if refusal["remedy"]:
            print(f"remedy: {refusal['remedy']}", file=sys.stderr)
    if "release" in outcome:
        print(f"  released as {outcome['release']} after {outcome['seconds']} s")
