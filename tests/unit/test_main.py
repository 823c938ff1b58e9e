from __future__ import annotations

import asyncio
import json
import logging
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.__main__ import main
from app.api.id_key import IdKey
from app.api.server import address_of, listen
from app.main import create_app, open_memory, read_id_key
from app.serving.pseudonyms import Keys
from app.settings import Settings, SettingsError
from tests.unit.api.fakes import KEY, NOW, FakeScorer, FakeStore
from tests.unit.api.memories import FakeMemory, acting


def test_key_is_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var")
    key = read_id_key(settings).value
    assert len(key) >= 32
    assert read_id_key(settings).value == key
    path = tmp_path / "var/id.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == key


def test_key_of_the_settings_wins(tmp_path: Path) -> None:
    assert read_id_key(Settings(var=tmp_path, id_key=KEY)) == IdKey(KEY)
    assert not list(tmp_path.iterdir())


def test_short_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "id.key").write_text("short")
    with pytest.raises(SettingsError, match="too short; restore it") as caught:
        read_id_key(Settings(var=tmp_path))
    assert "remove" not in str(caught.value)


def test_key_file_that_leads_elsewhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "id.key").symlink_to(tmp_path / "target")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_id_key(Settings(var=tmp_path))
    assert not (tmp_path / "target").exists()


def test_key_that_cannot_be_kept_is_made_for_this_run_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING, logger="kith"):
        key = read_id_key(Settings(var=tmp_path / "var"))
    assert len(key.value) >= 32
    assert not key.is_kept
    assert [record.getMessage() for record in caplog.records] == ["id_key_not_kept"]


def test_starts_at_once_agree_on_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    barrier = threading.Barrier(8)

    def begin(_: int) -> bytes:
        barrier.wait()
        return read_id_key(Settings(var=folder)).value

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(begin, range(8)))) == 1
    assert [path.name for path in folder.iterdir()] == ["id.key"]


def test_nothing_is_written_under_a_key_that_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be")
    memory = FakeMemory()
    with application(FakeStore(acting()), memory, id_key=b"", var=tmp_path / "var") as client:
        asked = {"request_id": "r", "customer": {"customer_id": "c"}}
        assert client.post("/v1/next-best-actions", json=asked).status_code == 503
        event = {"event_id": "e", "customer_id": "c", "type": "opened", "at": "2026-10-01T00:00:00Z"}
        assert client.post("/v1/outcomes", json=event).status_code == 503
        assert client.delete("/v1/customers/c").status_code == 503
        assert client.get(f"/v1/decisions/{'0' * 32}").status_code == 503
        assert client.post("/v1/scores", json={"customer": {"customer_id": "c"}}).status_code == 200
        told = client.get("/readyz?verbose").json()["store"]
    assert told == {"state": "down", "reason": "the key could not be kept in KITH_VAR", "waiting": 0}
    assert memory.calls == []


def test_error_that_nobody_caught_is_logged_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), application(FakeStore()) as client:
        assert client.portal is not None

        async def fail() -> None:
            def broken() -> None:
                raise ValueError("CANARY")

            asyncio.get_running_loop().call_soon(broken)
            await asyncio.sleep(0.01)

        client.portal.call(fail)
    assert [record.getMessage() for record in caplog.records] == ["uncaught"]
    assert "CANARY" not in json.dumps([vars(record) for record in caplog.records], default=str)


OURS = ["127.0.0.1", "127.0.0.1:8000", "127.8.8.8", "[::1]", "[::1]:80", "localhost", "LocalHost:9"]
FOREIGN = [
    "attacker.example",
    "127.0.0.1.attacker.example",
    "10.0.0.1",
    "localhost.evil:80",
    "",
    "[::1]x",
    "0",
]


@pytest.mark.parametrize("host", [*OURS, "Kith.Example:443"])
def test_this_machine_and_listed_names_are_answered(host: str) -> None:
    with application(FakeStore(), allowed_hosts=("kith.example",)) as client:
        assert client.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", [*FOREIGN, "kith.example"])
def test_name_of_another_machine_is_refused(host: str) -> None:
    with application(FakeStore()) as client:
        for told in (
            client.get("/livez", headers={"Host": host}),
            client.post("/v1/scores", headers={"Host": host}),
        ):
            assert (told.status_code, told.json()["type"]) == (421, "urn:kith:problem:foreign_host")
        assert 'kith_problems_total{kind="foreign_host"} 2.0' in client.get("/metrics").text


def test_name_that_leads_beyond_this_machine_is_not_listened_on() -> None:
    with pytest.raises(OSError, match="beyond this machine"):
        listen("0.0.0.0", 0)  # noqa: S104 - what is refused
    with listen("localhost", 0) as listener:
        assert address_of(listener).startswith("http://")


def application(store: Any, memory: FakeMemory | None = None, **settings: Any) -> TestClient:
    chosen = Settings(**{"id_key": KEY, "refresh_seconds": 0.05, **settings})
    return TestClient(
        create_app(
            chosen,
            clock=lambda: NOW,
            store=store,
            memory=memory or FakeMemory(),
            scorer=FakeScorer(),
            write=lambda _: None,
        ),
        base_url="http://127.0.0.1",
    )


def test_service_starts_without_a_release() -> None:
    with application(FakeStore(current=None)) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 503


def test_service_starts_with_an_empty_models_folder(tmp_path: Path) -> None:
    with application(None, models=tmp_path) as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/v1/definitions").status_code == 200


def test_look_that_fails_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(FakeStore):
        async def refresh(self) -> bool:
            self.refreshes += 1
            raise OSError("CANARY")

    store = Failing()
    with caplog.at_level(logging.ERROR, logger="kith"), application(store) as client:
        assert client.portal is not None
        client.portal.call(asyncio.sleep, 0.3)
        assert client.get("/readyz").status_code == 200
    assert store.refreshes >= 2
    assert "CANARY" not in json.dumps([vars(record) for record in caplog.records], default=str)


def test_refused_releases_are_counted() -> None:
    store = FakeStore(refused_count=3)
    with application(store) as client:
        assert client.portal is not None
        client.portal.call(asyncio.sleep, 0.1)
        assert "kith_release_refused_total 3.0" in client.get("/metrics").text
        store.refused_count = 4
        client.portal.call(asyncio.sleep, 0.2)
        assert "kith_release_refused_total 4.0" in client.get("/metrics").text


def test_url_of_the_store_that_cannot_be_read_stops_the_start_and_is_not_shown() -> None:
    with pytest.raises(SettingsError, match="KITH_STORE cannot be used") as caught:
        open_memory(Settings(store="postgresql://kith:secret-word@host:port/kith"), Keys(KEY))
    assert "secret-word" not in str(caught.value)


def test_slash_at_the_end_is_another_address() -> None:
    with application(FakeStore()) as client:
        assert client.get("/v1/models/", follow_redirects=False).status_code == 404


@pytest.mark.parametrize(
    ("environment", "arguments", "code", "told"),
    [
        ({"KITH_PORT": "x"}, [], 2, "KITH_PORT"),
        ({"KITH_HOST": "0.0.0.0"}, [], 2, "network_mode: host"),  # noqa: S104 - what is refused
        ({"KITH_STORE": "oracle://x"}, ["books"], 2, "KITH_STORE"),
        ({"KITH_STORE": "postgresql://host:port/kith"}, ["books"], 2, "KITH_STORE cannot be used"),
        ({"KITH_VAR": "/nowhere"}, ["books"], 1, "does not exist"),
        ({}, ["nonsense"], 2, "usage"),
        ({}, ["--help"], 0, "usage"),
    ],
)
def test_command_line_tells_bad_input_and_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    arguments: list[str],
    code: int,
    told: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == code
    assert told in capsys.readouterr().err


def test_command_line_writes_the_openapi_document(tmp_path: Path) -> None:
    assert main(["openapi", str(tmp_path / "o.json")]) == 0
    assert json.loads((tmp_path / "o.json").read_text("utf-8"))["openapi"] == "3.1.0"
