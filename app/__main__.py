"""``python -m app``: serve. ``… openapi``: write the OpenAPI document. ``… books``: audit what is remembered.

What a command needs is imported where it runs: a wrong setting shall be told at once, not after the model
libraries have loaded.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.settings import Settings, SettingsError, read_settings

USAGE: Final = """usage: python -m app            serve; settings are KITH_* variables
       python -m app books      audit what is remembered; 1 where something is amiss (--json for machines)
       python -m app openapi    write openapi/openapi.json (--check compares only)
"""
NOT_NEEDED: Final = ("sklearn", "pandas", "pyarrow", "matplotlib", "graphviz", "dask")
"""LightGBM imports these where it finds them, which takes seconds; the service's image has none of them."""
SWITCH_SECONDS: Final = 0.001
"""How long a batch in its thread keeps the interpreter before single scores get their turn."""
BAD_INPUT: Final = 2
FAILED: Final = 1

log = logging.getLogger("kith")


def serve(settings: Settings) -> int:
    """Serve until told to stop; return the exit code."""
    for name in NOT_NEEDED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # how Python marks a module as absent
    from app.api.server import address_of, listen, run_server  # noqa: PLC0415 - see above

    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        sys.stderr.write(f"kith: cannot listen on KITH_HOST and KITH_PORT: {reason}\n")
        return BAD_INPUT
    with listener:
        from app.api.telemetry import configure_logging  # noqa: PLC0415
        from app.main import create_app  # noqa: PLC0415

        configure_logging(settings.log_level)
        sys.setswitchinterval(SWITCH_SECONDS)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        app = create_app(settings)
        greet(address_of(listener), has_docs=settings.docs)
        has_started = run_server(
            app, listener, app.state.condition, settings.header_seconds, settings.drain_seconds
        )
    return 0 if has_started else FAILED


def audit(settings: Settings, *, as_json: bool) -> int:
    """Print what is on record and what is amiss with it; return the exit code."""
    from app.domain.errors import StoreError  # noqa: PLC0415 - see above
    from app.store.memory import Memory  # noqa: PLC0415

    try:
        memory = Memory(settings.store_url)
    except StoreError as error:
        sys.stderr.write(f"kith: KITH_STORE cannot be used: {error}\n")
        return BAD_INPUT
    try:
        books = memory.books()
    except StoreError as error:
        sys.stderr.write(f"kith: the books cannot be read: {error}; KITH_STORE or KITH_VAR names them\n")
        return FAILED
    finally:
        memory.close(0.0)
    told = json.dumps(books, ensure_ascii=False) if as_json else "\n".join(_lines(books))
    sys.stdout.write(told + "\n")
    return FAILED if books["faults"] else 0


def _lines(books: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the books: every count, and what is amiss."""
    for name, count in books["counts"].items():
        if isinstance(count, dict):
            parts = ", ".join(f"{key} {number:,}" for key, number in count.items())
            yield f"{name:<14}{sum(count.values()):>12,}" + (f"  ({parts})" if parts else "")
        else:
            yield f"{name:<14}{count:>12,}"
    for fault in books["faults"]:
        yield f"amiss: {fault['check']}: {fault['count']:,}"
    if not books["faults"]:
        yield "The books balance."


def greet(address: str, *, has_docs: bool) -> None:
    """Say in one line where the service is: in words on a terminal, as a log line elsewhere."""
    docs = f"{address}/docs" if has_docs else None
    if sys.stderr.isatty():
        sys.stderr.write(f"Kith listens on {address}" + (f"; docs: {docs}\n" if docs else "\n"))
    else:
        log.info("listening", extra={"address": address, "docs": docs})


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code: 0 well, 1 failed, 2 bad input."""
    if arguments and arguments[0] == "openapi":
        from app.api import openapi  # noqa: PLC0415 - see above

        return openapi.main(arguments[1:])
    is_audit = list(arguments) in (["books"], ["books", "--json"])
    if arguments and not is_audit:
        sys.stderr.write(USAGE)
        return 0 if arguments[0] in {"-h", "--help"} else BAD_INPUT
    try:
        settings = read_settings(os.environ)
        return audit(settings, as_json="--json" in arguments) if is_audit else serve(settings)
    except SettingsError as error:
        sys.stderr.write(f"kith: {error}\n")
        return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
