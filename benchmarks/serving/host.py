"""The service and the echo route in one process: ``python -m benchmarks.serving.host``.

Both stand behind the service's own server and share the interpreter, the event loop and the caches, so that
what differs is what each of them does. The service runs as it comes, with guard, metrics and access
log (on stdout); the echo route has none of them. ``GET /cpu`` tells the CPU time of the process so far.
"""

from __future__ import annotations

import json
import os
import sys
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from app.__main__ import NOT_NEEDED

if __name__ == "__main__":
    for absent in NOT_NEEDED:
        # As the service itself does it: what its image does not have is not loaded here either.
        sys.modules.setdefault(absent, None)  # type: ignore[arg-type]

from app.api.server import address_of, listen, run_server
from app.main import create_app
from app.settings import read_settings
from benchmarks.serving.echo import PATH, echo_app

CPU = "/cpu"


class Host:
    """Hands each request to the application that it is for."""

    def __init__(self, service: ASGIApp, echo: ASGIApp) -> None:
        """Keep both."""
        self._service = service
        self._echo = echo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path")
        if path == PATH:
            await self._echo(scope, receive, send)
        elif path == CPU:
            body = str(time.process_time_ns()).encode()
            headers = [(b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await self._service(scope, receive, send)


def main() -> None:
    """Serve on a free port, which the first line on stderr names, until told to stop."""
    settings = read_settings(os.environ)
    with listen("127.0.0.1", 0) as listener:
        app = create_app(settings)
        print(json.dumps({"address": address_of(listener)}), file=sys.stderr, flush=True)
        condition = app.state.condition
        run_server(Host(app, echo_app()), listener, condition, settings.header_seconds, 0.0)


if __name__ == "__main__":
    main()
