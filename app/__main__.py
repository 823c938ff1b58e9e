"""``python -m app``: serve. ``python -m app openapi``: write the OpenAPI document.

What a command needs is imported where it runs: a wrong setting shall be told at once, not after the model
libraries have loaded.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

from app.settings import Settings, SettingsError, read_settings

USAGE: Final = """usage: python -m app            serve; settings are KITH_* variables
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
    if arguments:
        sys.stderr.write(USAGE)
        return 0 if arguments[0] in {"-h", "--help"} else BAD_INPUT
    try:
        return serve(read_settings(os.environ))
    except SettingsError as error:
        sys.stderr.write(f"kith: {error}\n")
        return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
