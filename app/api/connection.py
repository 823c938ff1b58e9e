"""HTTP connections that do not wait forever for headers.

The server has deadlines for idle connections only, and a layer inside the application sees a request no
sooner than its headers are complete: a caller that sends them byte by byte would hold its connection as long
as it likes.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def connection_class(header_seconds: float) -> type[HttpToolsProtocol]:
    """Return a kind of connection that is closed unless headers arrive within some seconds."""

    class Connection(HttpToolsProtocol):
        """A connection with a deadline for the headers of each request."""

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """Begin to wait for the first request."""
            super().connection_made(transport)
            self._wait()

        def on_message_begin(self) -> None:
            """Begin to wait for the headers of a request."""
            super().on_message_begin()
            self._wait()

        def on_headers_complete(self) -> None:
            """Stop waiting."""
            self._stop_waiting()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            """Stop waiting."""
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._stop_waiting()
            self._deadline = self.loop.call_later(header_seconds, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Connection
