"""The command ``plan``: what the customers of today will bring, and how their segments differ and move."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY
from training.planning.plots import PICTURES, plots_of
from training.planning.report import Wanted, report_of
from training.planning.text import LANGUAGES, markdown
from training.report_files import write_files
from training.score import current_release, refuse_another_business, refuse_missing_attributes
from training.tables import load_business, read_tables
from training.train import known_at, parse_time, progress

SINCE_DAYS: Final = 90
MONTHS: Final = 12
MOST_MONTHS: Final = 36


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--business", type=Path, required=True, help="the file that describes the business")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write the report to")
    parser.add_argument(
        "--as-of", dest="as_of", default=None, help="plan from what was known then (ISO 8601)"
    )
    parser.add_argument(
        "--since", default=None, help="the earlier snapshot, to see who moved (ISO 8601; 90 days before)"
    )
    parser.add_argument("--months", type=_months, default=MONTHS, help="how many months ahead; 12 by default")
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="where artifacts and releases stand"
    )
    parser.add_argument("--json", action="store_true", help="print one machine-readable document")


def _months(text: str) -> int:
    months = int(text)
    if not 1 <= months <= MOST_MONTHS:
        raise argparse.ArgumentTypeError(f"expected 1 to {MOST_MONTHS}")
    return months


def run_plan(args: argparse.Namespace) -> int:
    """Write the planning report; return 0."""
    started = time.monotonic()
    release = current_release(args.models)
    business = load_business(args.business)
    refuse_another_business(business, release.business)
    if args.out.exists() and not args.out.is_dir():
        raise TableError("--out is a file", remedy="name a folder; it is made where there is none")
    with read_tables(business, as_of=parse_time(args.as_of), progress=progress) as tables:
        tables.refuse_errors()
        refuse_missing_attributes(release, tables)
        as_of = known_at(tables)
        wanted = Wanted(as_of, _since(args.since, as_of), args.months)
        report = report_of(release, tables, wanted, progress)
    files = write_report(report, args.out)
    outcome = {
        "release": release.name,
        "as_of": report["as_of"],
        "since": report["since"],
        "customers": report["customers"]["planned"],
        "files": [str(args.out / name) for name in files],
        "seconds": round(time.monotonic() - started, 1),
    }
    if args.json:
        print(json.dumps(outcome, ensure_ascii=False, indent=1))
    else:
        print(f"{outcome['customers']:,} customers planned for with {release.name}: {args.out}/report.md")
    return 0


def _since(text: str | None, as_of: int) -> int:
    """Return the time of the earlier snapshot.

    Raises
    ------
    TableError
        It is no time with an offset, or not before now.
    """
    if text is None:
        return as_of - SINCE_DAYS * MICROSECONDS_PER_DAY
    try:
        since = parse_time(text)
    except TableError as error:
        raise TableError("--since is not a time with an offset", remedy=error.remedy) from error
    if since is None or since >= as_of:
        raise TableError("--since is not before the time of the plan", remedy="name an earlier time")
    return since


def write_report(report: Mapping[str, Any], out: Path) -> tuple[str, ...]:
    """Write the report, in words in both languages, and its pictures; return the names of the files."""
    pictures = plots_of(report)
    words = {name: markdown(report, locale, tuple(pictures)).encode() for name, locale in LANGUAGES.items()}
    return write_files(out, ("report.json", report), {**words, **pictures}, PICTURES)
