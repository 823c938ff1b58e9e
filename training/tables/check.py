"""The command ``check``: what the tables are worth, what is wrong with them, and what they unlock."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from app.domain.clock import from_microseconds
from app.domain.errors import InputError
from app.domain.history import NAT
from training.tables.business import load_business
from training.tables.findings import SEVERITIES, Finding
from training.tables.read import read_tables
from training.tables.readiness import CapabilityReadiness, readiness
from training.tables.tables import Tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--business", type=Path, required=True, help="the file that describes the business")
    parser.add_argument("--json", action="store_true", help="print one machine-readable document")


def run_check(args: argparse.Namespace) -> int:
    """Print the usability and the readiness report; return 0, or 2 where something stops training.

    Raises
    ------
    InputError
        The business file or a source cannot be read at all. With ``--json`` it is printed instead.
    """
    try:
        business = load_business(args.business)
        with read_tables(business, progress=_say) as tables:
            ready = readiness(tables, business)
            report = _as_json(tables, ready) if args.json else _as_text(tables, ready)
            code = 2 if tables.errors else 0
    except InputError as error:
        if not args.json:
            raise
        place = {name: getattr(error, name, "") for name in ("table", "column", "remedy")}
        print(json.dumps({"usable": False, "error": {"message": str(error), **place}}, ensure_ascii=False))
        return 2
    print(report)
    return code


def _say(words: str) -> None:
    print(f"{words} …", file=sys.stderr)


def _as_json(tables: Tables, ready: list[CapabilityReadiness]) -> str:
    business = tables.business
    document: dict[str, Any] = {
        "business": business.name,
        "simulated": business.simulated,
        "usable": not tables.errors,
        "currency": business.currency,
        "timezone": business.timezone,
        "latest": _latest(tables),
        "fingerprint": tables.fingerprint,
        "tables": tables.counts,
        "findings": [finding.as_json() for finding in tables.findings],
        "readiness": [one.as_json() for one in ready],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _latest(tables: Tables) -> str | None:
    if tables.latest == NAT:
        return None
    return from_microseconds(tables.latest, tables.business.timezone).isoformat()


def _as_text(tables: Tables, ready: list[CapabilityReadiness]) -> str:
    return "\n".join([*_head(tables), "", *_usability(tables.findings), "", *_ladder(ready)])


def _head(tables: Tables) -> list[str]:
    business = tables.business
    simulated = "  (SIMULATED data)" if business.simulated else ""
    lines = [
        f"{business.name}{simulated}: {tables.size:,} customers, {business.currency}, {business.timezone}",
        f"latest time  {_latest(tables) or 'none: snapshot data without dates'}",
        f"fingerprint  {tables.fingerprint}",
        "rows",
    ]
    width = max(len(name) for name in tables.counts)
    return lines + [f"  {name:<{width}}  {rows:>12,}" for name, rows in tables.counts.items()]


def _usability(findings: tuple[Finding, ...]) -> list[str]:
    counts = ", ".join(
        f"{n} {severity}{'' if n == 1 else 's'}"
        for severity in SEVERITIES
        for n in [sum(finding.severity == severity for finding in findings)]
    )
    lines = [f"USABILITY  {counts}"]
    if findings:
        lines.append("  Row numbers count from 1, as the table's SQL returns the rows.")
    for finding in findings:
        rows = f"{finding.rows:,} row{'' if finding.rows == 1 else 's'}" if finding.rows else ""
        more = ", …" if finding.rows > len(finding.examples) else ""
        examples = f" ({', '.join(map(str, finding.examples))}{more})"
        lines.append(f"  {finding.severity:<14}  {finding.place}  [{finding.code}]")
        lines.append(
            f"    {rows}{examples if finding.examples else ''}{': ' if rows else ''}{finding.message}"
        )
        if finding.remedy:
            lines.append(f"    → {finding.remedy}")
    return lines


def _ladder(ready: list[CapabilityReadiness]) -> list[str]:
    lines = ["READINESS  what the data are enough for; a rung is published only where it beats the one below"]
    for one in ready:
        state = f"unlocked, expect {one.tier}" if one.unlocked else "locked"
        lines.append(f"  {one.capability:<16}  {state}{'' if one.wanted else '  (not under objectives)'}")
        lines.append(
            "    have  " + ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in one.have.items())
        )
        lines += [f"    missing    {gap}" for gap in one.missing]
        if one.wanted:
            lines += [f"    would add  {signal}" for signal in one.more]
        elif one.more:
            lines.append("    would add  " + ", ".join(signal.partition(":")[0] for signal in one.more))
    return lines
