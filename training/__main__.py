"""The command line of the offline half: ``python -m training <command>``."""

from __future__ import annotations

import argparse
import sys

from app.domain.errors import BusinessFileError, InputError, KithError, TableError
from training import publish, sample, score, train
from training.tables import check


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="From tables to published models.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, help_text, add, run in (
        ("sample", "write a simulated business with known truth", sample.add_arguments, sample.run_sample),
        ("check", "report what the tables are worth and what they unlock", check.add_arguments, check.run_check),
        ("train", "train, judge, write and publish models", train.add_arguments, train.run_train),
        ("score", "score every customer with the published release", score.add_arguments, score.run_score),
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
    except InputError as error:
        return _refuse(error)
    except KithError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  the command's own output
        return 1
    return code


def _refuse(error: InputError) -> int:
    """Say what is wrong with the input, where, and how to mend it."""
    place = ""
    if isinstance(error, TableError) and error.table:
        place = f" [{error.table}{'.' + error.column if error.column else ''}]"
    print(f"error{place}: {error}", file=sys.stderr)  # noqa: T201
    if isinstance(error, (TableError, BusinessFileError)) and error.remedy:
        print(f"remedy: {error.remedy}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())
