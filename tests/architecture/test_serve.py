"""What `make serve` prints: an example only of a server that is ready, a reason where it will not be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from tools.serve import announce, is_taken, refusal

ROOT = Path(__file__).parents[2]


class Service(HTTPServer):
    """A server whose readiness a test decides."""

    status = 200
    document: Mapping[str, object] = MappingProxyType({})

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Service)
        body = json.dumps(dict(self.server.document)).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        """Be quiet."""


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_example_is_printed_once_the_service_is_ready(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(service.address, os.getpid())
    told = capsys.readouterr().out
    assert f"curl -s {service.address}/v1/scores" in told
    assert f"Docs: {service.address}/docs" in told


def test_refused_release_is_told_with_its_remedy(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.status, service.document = 503, {"last_refused": {"reason": "a byte is wrong"}}
    announce(service.address, os.getpid())
    told = capsys.readouterr().out
    assert "a byte is wrong" in told
    assert "make train" in told
    assert "curl" not in told


def test_service_that_is_still_loading_is_waited_for(service: Service) -> None:
    service.status, service.document = 503, {"last_refused": None}
    assert refusal(service.address) is None


def test_nothing_is_printed_of_a_server_that_ended(capsys: pytest.CaptureFixture[str]) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    announce("http://127.0.0.1:9", ended.pid)
    assert capsys.readouterr().out == ""


def test_taken_port_is_refused_with_another_one(service: Service) -> None:
    assert is_taken("127.0.0.1", service.server_port)
    done = subprocess.run(
        [sys.executable, ROOT / "tools/serve.py"],
        env={"KITH_PORT": str(service.server_port)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"KITH_PORT={service.server_port + 1} make serve" in done.stderr
