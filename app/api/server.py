"""The server process around the application: a port, signals, and an end that loses no request."""

from __future__ import annotations

import errno
import ipaddress
import signal
import socket
import time
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from app.api.condition import Condition
from app.api.connection import connection_class

GRACE_SECONDS: Final = 10
KEEP_ALIVE_SECONDS: Final = 75
BACKLOG: Final = 2048


class DrainingServer(uvicorn.Server):
    """A server that, told to end by SIGTERM, first goes on answering while load balancers look elsewhere.

    Without it, requests that are on their way when the port closes are lost. A second signal, or Ctrl-C, ends
    at once.
    """

    def __init__(self, config: uvicorn.Config, condition: Condition, drain_seconds: float) -> None:
        """Serve a config; ``condition`` tells the application that the end is near."""
        super().__init__(config)
        self._condition = condition
        self._drain_seconds = drain_seconds
        self._closes_at = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the base's signature
        """Begin to drain, or end."""
        if sig == signal.SIGTERM and self._drain_seconds > 0 and not self._condition.draining:
            self._condition.draining = True
            self._closes_at = time.monotonic() + self._drain_seconds
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            # The base class raises the signal again at the end; a stop that was asked for is no failure.
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Say whether to stop; asked ten times a second."""
        if time.monotonic() >= self._closes_at:
            self.should_exit = True
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens to this machine alone; port 0 takes any free one.

    Raises
    ------
    OSError
        The address is taken, or the name leads beyond this machine.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        listener.close()
        raise OSError(errno.EADDRNOTAVAIL, "the name leads beyond this machine")
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the URL of a socket that listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_server(
    app: ASGIApp, listener: socket.socket, condition: Condition, header_seconds: float, drain_seconds: float
) -> bool:
    """Serve until told to stop; return whether the application ever started."""
    config = uvicorn.Config(
        app,
        http=connection_class(header_seconds),
        access_log=False,
        server_header=False,
        log_config=None,
        ws="none",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = DrainingServer(config, condition, drain_seconds)
    server.run(sockets=[listener])
    return server.started
