"""Start the server in this process; once it answers, print a call that works and where the docs are.

The call is the first one of README.md, which the tests make.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).parents[1]
PATIENCE_SECONDS: Final = 120.0
ADDRESS: Final = "http://127.0.0.1:8000"


def example_call(readme: str, address: str) -> str:
    """Return the first call by curl that a text shows, sent to another address."""
    blocks = [block.split("```")[0] for block in readme.split("```sh\n")[1:]]
    call = next(block for block in blocks if block.startswith("curl"))
    return call.strip().replace(ADDRESS, address)


def is_taken(host: str, port: int) -> bool:
    """Say whether somebody already answers at an address."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def refusal(address: str) -> str | None:
    """Return "" where a server is ready, why where it refused what is published, None where it is not yet."""
    try:
        with urllib.request.urlopen(f"{address}/readyz?verbose", timeout=1):  # noqa: S310  always http
            return ""
    except urllib.error.HTTPError as answer:
        refused = json.loads(answer.read()).get("last_refused")
        return refused["reason"] if refused else None
    except (urllib.error.URLError, OSError):
        return None


def announce(address: str, server: int) -> None:
    """Wait until the server is ready, then print how to talk to it; be quiet if it ends before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    reason = None
    while reason is None and time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            os.kill(server, 0)
        except ProcessLookupError:
            return
        reason = refusal(address)
    if reason:
        print(f"\nWhat is published does not answer: {reason}\nTrain again: make train\n", flush=True)
    elif reason is not None:
        call = example_call((ROOT / "README.md").read_text("utf-8"), address)
        print(f"\nKith is ready. Ask it about a customer:\n\n{call}\n", flush=True)
        print(f"Docs: {address}/docs\nWhat is in force: {address}/v1/models\nStop: Ctrl-C\n", flush=True)


def main() -> NoReturn:
    """Check the port, leave the announcement to a process of its own, and become the server."""
    host, port = os.environ.get("KITH_HOST", "127.0.0.1"), int(os.environ.get("KITH_PORT", "8000"))
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    if is_taken(host, port):
        sys.stderr.write(f"serve: port {port} is taken. Try another: KITH_PORT={port + 1} make serve\n")
        sys.exit(2)
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    server = os.getpid()
    middle = os.fork()
    if middle == 0:
        # A child of a child belongs to nobody: the server never has to wait for it.
        if os.fork() == 0:
            announce(address, server)
        os._exit(0)
    os.waitpid(middle, 0)
    os.execv(sys.executable, [sys.executable, "-m", "app"])  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main()
