"""The command line of the offline half: ``python -m training <command>``."""

from __future__ import annotations

import argparse
import json
import sys

from app.domain.errors import InputError, KithError, ModelUnavailableError
from training import publish, sample, score, train
from training.planning import command as plan
from training.tables import check
from training.voice import command as voice


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="From tables to published models."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, help_text, add, run in (
        ("sample", "write a simulated business with known truth", sample.add_arguments, sample.run_sample),
        (
            "check",
            "report what the tables are worth and what they unlock",
            check.add_arguments,
            check.run_check,
        ),
        ("train", "train, judge, write and publish models", train.add_arguments, train.run_train),
        ("score", "score every customer with the published release", score.add_arguments, score.run_score),
        (
            "plan",
            "report what to expect by month and segment, and who moved",
            plan.add_arguments,
            plan.run_plan,
        ),
        (
            "voice",
            "report what customers say, what hurts, and what is at stake",
            voice.add_arguments,
            voice.run_voice,
        ),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text)
        add(command)
        command.set_defaults(run=run)
    publish.add_publish_arguments(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; return 0 on success, 2 on bad input, 1 on a failure."""
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except (InputError, ModelUnavailableError) as error:
        return _refuse(error, as_json=args.json)
    except KithError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        # A full disk or a folder that may not be written; what is wrong with the input is an InputError.
        print(f"error: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 1
    return code


def _refuse(error: KithError, *, as_json: bool) -> int:
    """Say what is wrong with the input, where, and how to mend it."""
    table, column, remedy = (getattr(error, name, "") for name in ("table", "column", "remedy"))
    place = f" [{table}{'.' + column if column else ''}]" if table else ""
    print(f"error{place}: {error}", file=sys.stderr)
    if remedy:
        print(f"remedy: {remedy}", file=sys.stderr)
    if as_json:
        told = {"message": str(error), "table": table, "column": column, "remedy": remedy}
        print(json.dumps({"error": told}, ensure_ascii=False, indent=1))
    return 2


if __name__ == "__main__":
    sys.exit(main())
