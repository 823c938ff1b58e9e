from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from app.settings import PREFIX, SETTINGS, Settings, SettingsError, read_settings


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({"PATH": "/bin", "HOME": "/"}) == Settings()


def test_defaults_are_those_of_the_contract() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.models) == ("127.0.0.1", 8000, Path("models"))
    assert (settings.max_body_bytes, settings.max_batch_bytes) == (1 << 20, 16 << 20)


def test_every_field_has_one_variable() -> None:
    assert sorted(setting.field for setting in SETTINGS) == sorted(
        field.name for field in dataclasses.fields(Settings)
    )
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_variable_is_named_after_its_field_and_described(setting: object) -> None:
    name, field = getattr(setting, "name", ""), getattr(setting, "field", "")
    assert name == PREFIX + field.upper()
    assert str(getattr(setting, "description", "")).endswith(".")
    assert getattr(setting, "expects", "")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_default_can_be_written_out(setting: object) -> None:
    name, default = getattr(setting, "name", ""), getattr(setting, "default", "")
    if default:
        assert read_settings({name: default}) == Settings()


GOOD = {
    "KITH_PORT": ("0", 0),
    "KITH_HOST": ("::1", "::1"),
    "KITH_MODELS": ("/srv/models", Path("/srv/models")),
    "KITH_ID_KEY": ("k" * 32, b"k" * 32),
    "KITH_REFRESH_SECONDS": ("0.5", 0.5),
    "KITH_DOCS": ("off", False),
    "KITH_ACCESS_LOG": ("0", False),
    "KITH_LOG_LEVEL": ("WARNING", "warning"),
    "KITH_MAX_CONCURRENT": ("7", 7),
    "KITH_STORE": ("sqlite:////srv/kith.db", "sqlite:////srv/kith.db"),
    "KITH_UNLOGGED_DECISIONS": ("Answer", "answer"),
    "KITH_ALLOWED_HOSTS": ("Kith.example, ::1 ,10.0.0.1", ("kith.example", "::1", "10.0.0.1")),
}


@pytest.mark.parametrize("name", GOOD)
def test_value_is_read_with_its_type(name: str) -> None:
    text, value = GOOD[name]
    field = next(setting.field for setting in SETTINGS if setting.name == name)
    assert getattr(read_settings({name: text}), field) == value


BAD = {
    "KITH_PORT": ["", "x", "-1", "65536", "80.5", "tcp://10.0.0.1:8000"],
    "KITH_HOST": ["", " "],
    "KITH_ID_KEY": ["short"],
    "KITH_REFRESH_SECONDS": ["0", "nan", "inf", "-1", "x"],
    "KITH_DOCS": ["perhaps", ""],
    "KITH_LOG_LEVEL": ["loud"],
    "KITH_STORE": ["", "kith.db", "mysql://host/kith", "oracle+x://secret"],
    "KITH_STORE_QUEUE": ["0", "x"],
    "KITH_UNLOGGED_DECISIONS": ["perhaps", ""],
    "KITH_ALLOWED_HOSTS": ["", "*", "kith.example:443", "https://kith.example", "a,,b"],
    "KITH_MAX_BODY_BYTES": ["1048577", "10"],
    "KITH_MAX_BATCH_BYTES": ["16777217"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_bad_value_is_refused_by_name_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        read_settings({name: value})
    if len(value) > 4:
        assert value not in str(caught.value)


def test_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match=r"KITH_MODEL is not a setting; did you mean KITH_MODELS\?"):
        read_settings({"KITH_MODEL": "x"})


def test_service_link_of_kubernetes_is_told() -> None:
    with pytest.raises(SettingsError, match="enableServiceLinks: false"):
        read_settings({"KITH_SERVICE_HOST": "10.0.0.1"})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"KITH_PORT": "x", "KITH_DOCS": "x", "KITH_QQQQQQQ": "x"})
    assert all(name in str(caught.value) for name in ("KITH_PORT", "KITH_DOCS", "KITH_QQQQQQQ"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])  # noqa: S104 - what is refused
def test_other_machines_are_not_let_in(host: str) -> None:
    with pytest.raises(SettingsError, match=r"put a proxy .* in front") as caught:
        read_settings({"KITH_HOST": host})
    assert host not in str(caught.value).replace("127.0.0.1", "")


def test_removed_setting_is_told_with_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"KITH_ALLOW_UNAUTHENTICATED has been removed.*proxy"):
        read_settings({"KITH_ALLOW_UNAUTHENTICATED": "1"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_no_opening(host: str) -> None:
    assert read_settings({"KITH_HOST": host}).is_loopback


def test_store_is_a_file_beside_the_key_unless_told_otherwise() -> None:
    assert read_settings({"KITH_VAR": "/srv/var"}).store_url == "sqlite:////srv/var/kith.db"
    url = "postgresql://kith:secret-word@db/kith"
    settings = read_settings({"KITH_VAR": "/srv/var", "KITH_STORE": url})
    assert settings.store_url == url
    assert "secret-word" not in repr(settings)


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://", "sqlite:///", "postgres://db/kith"])
def test_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="KITH_STORE must be a database URL"):
        read_settings({"KITH_STORE": url})


def test_key_is_not_shown() -> None:
    assert "kkk" not in repr(read_settings({"KITH_ID_KEY": "k" * 32}))
