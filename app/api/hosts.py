"""Who is answered by name: this machine, and whom the settings list.

A web page may point a name of its own at 127.0.0.1 and read what the service tells (DNS rebinding). Browsers
send that name as Host; whoever sends none is no browser.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import ProblemError, preferred_locale, problem_response
from app.api.telemetry import Metrics

LOCALHOST: Final = "localhost"


class Hosts:
    """Refuses what is meant for another machine."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str], metrics: Metrics) -> None:
        """Wrap an application; ``allowed`` are names beside those of this machine."""
        self._app = app
        self._allowed = frozenset(allowed)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http" or all(
            self._is_ours(value) for name, value in scope["headers"] if name == b"host"
        ):
            await self._app(scope, receive, send)
            return
        problem = ProblemError("foreign_host", headers={"Connection": "close"})
        self._metrics.refusals.labels(problem.kind).inc()
        await problem_response(problem, preferred_locale(scope["headers"]))(scope, receive, send)

    def _is_ours(self, host: bytes) -> bool:
        name = host_name(host.decode("latin-1"))
        return name in self._allowed or is_of_this_machine(name)


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port, in lower case."""
    text = host.strip().lower()
    if text.startswith("["):
        name, _, port = text[1:].partition("]")
    elif text.count(":") == 1:
        name, _, port = text.partition(":")
    else:
        name, port = text, ""
    return name if port.removeprefix(":").isdigit() or not port else ""


def is_of_this_machine(name: str) -> bool:
    """Say whether a name or address reaches this machine alone."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == LOCALHOST
