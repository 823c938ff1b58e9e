"""The command ``voice``: what customers say and complain of, how that changes, and what is at stake."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.domain.errors import TableError
from training.report_files import write_files
from training.score import current_release, refuse_another_business, refuse_missing_attributes
from training.tables import load_business, read_tables
from training.train import known_at, parse_time, progress
from training.voice.plots import PICTURES, plots_of
from training.voice.report import refuse_silence, report_of
from training.voice.text import LANGUAGES, markdown
from training.voice.words import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--business", type=Path, required=True, help="the file that describes the business")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write the report to")
    parser.add_argument("--as-of", dest="as_of", default=None, help="report what was known then (ISO 8601)")
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("models"),
        help="where artifacts and releases stand; without a release the texts are read all the same",
    )
    parser.add_argument("--json", action="store_true", help="print one machine-readable document")


def run_voice(args: argparse.Namespace) -> int:
    """Write the voice report; return 0."""
    started = time.monotonic()
    release = current_release(args.models) if (args.models / "release.json").exists() else None
    business = load_business(args.business)
    if release is not None:
        refuse_another_business(business, release.business)
    if args.out.exists() and not args.out.is_dir():
        raise TableError("--out is a file", remedy="name a folder; it is made where there is none")
    with read_tables(business, as_of=parse_time(args.as_of), progress=progress) as tables:
        tables.refuse_errors()
        refuse_silence(tables)
        refuse_missing_attributes(release, tables)
        report = report_of(release, tables, known_at(tables), progress)
    files = write_report(report, args.out)
    outcome = {
        "release": report["release"],
        "as_of": report["as_of"],
        **{name: report["record"][name] for name in ("answers", "texts", "cases")},
        "read_by": None if report["reader"] is None else report["reader"]["source"],
        "files": [str(args.out / name) for name in files],
        "seconds": round(time.monotonic() - started, 1),
    }
    if args.json:
        print(json.dumps(outcome, ensure_ascii=False, indent=1))
    else:
        print(
            f"{count(outcome['answers'])} answers, {count(outcome['texts'])} of them texts, "
            f"and {count(outcome['cases'])} cases: {args.out}/voice.md"
        )
    return 0


def write_report(report: Mapping[str, Any], out: Path) -> tuple[str, ...]:
    """Write the report, in words in both languages, and its pictures; return the names of the files."""
    pictures = plots_of(report)
    words = {name: markdown(report, locale, tuple(pictures)).encode() for name, locale in LANGUAGES.items()}
    return write_files(out, ("voice.json", report), {**words, **pictures}, PICTURES)
