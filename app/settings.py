"""Every ``KITH_*`` variable: typed, with a default that works on a laptop, read once.

Rules: a variable that is unknown is refused, so that a slip of the pen is not silently ignored; an error
names the variable and what it expects, never its value; nothing but this table decides what a setting means.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.api.environment import (
    LOG_LEVELS,
    read_database,
    read_flag,
    read_hosts,
    read_key,
    read_level,
    read_text,
    read_unlogged,
    seconds_between,
    whole_between,
)
from app.domain.errors import InputError

PREFIX: Final = "KITH_"
MEBIBYTE: Final = 1 << 20

_SERVICE_LINK: Final = re.compile(r"KITH_(SERVICE|PORT_\d+)_\w+")
_REMOVED: Final = {
    "KITH_ALLOW_UNAUTHENTICATED": "has been removed: until there are access keys the service listens on this "
    "machine alone; leave it out, and put a proxy in front",
}


class SettingsError(InputError):
    """A KITH_* variable is unknown or cannot be used; whoever starts the service can mend it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the service can be told from outside."""

    host: str = "127.0.0.1"
    port: int = 8000
    allowed_hosts: tuple[str, ...] = ()
    models: Path = Path("models")
    var: Path = Path("var")
    store: str = field(default="", repr=False)
    store_queue: int = 10_000
    unlogged_decisions: str = "refuse"
    id_key: bytes = field(default=b"", repr=False)
    refresh_seconds: float = 5.0
    trial_seconds: float = 120.0
    trial_memory_bytes: int = 2048 * MEBIBYTE
    max_body_bytes: int = MEBIBYTE
    max_batch_bytes: int = 16 * MEBIBYTE
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    max_concurrent: int = 256
    max_concurrent_batches: int = 4
    drain_seconds: float = 2.0
    log_level: str = "info"
    access_log: bool = True
    docs: bool = True

    @property
    def store_url(self) -> str:
        """The database of what the service remembers: SQLite in ``var`` where none is named."""
        return self.store or f"sqlite:///{self.var / 'kith.db'}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: the field it sets, how it is read, and what it is for."""

    name: str
    field: str
    read: Callable[[str], Any]
    expects: str
    description: str

    @property
    def default(self) -> str:
        """The default as one would write it; "" where there is none."""
        value = getattr(Settings(), self.field)
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, bytes | tuple):
            return ""
        return f"{value:g}" if isinstance(value, float) else str(value)


_FLAG: Final = "1 or 0"

SETTINGS: Final = (
    Setting(
        "KITH_HOST",
        "host",
        read_text,
        "an address of this machine alone",
        "Address to listen on: 127.0.0.1, ::1 or localhost. Others are refused, because the service asks "
        "nobody for a key yet.",
    ),
    Setting(
        "KITH_PORT", "port", whole_between(0, 65535), "0 to 65535", "Port to listen on; 0 takes any free one."
    ),
    Setting(
        "KITH_ALLOWED_HOSTS",
        "allowed_hosts",
        read_hosts,
        "host names, separated by commas",
        "Names in the Host header that are answered beside those of this machine (127.0.0.1, ::1, "
        "localhost): for a proxy that passes on the name its callers use. Others get 421, so that no web "
        "page can reach the service by a name of its own.",
    ),
    Setting(
        "KITH_MODELS",
        "models",
        lambda value: Path(read_text(value)),
        "a folder",
        "Folder of the models and releases.",
    ),
    Setting(
        "KITH_VAR",
        "var",
        lambda value: Path(read_text(value)),
        "a folder",
        "Folder of what the service keeps itself.",
    ),
    Setting(
        "KITH_STORE",
        "store",
        read_database,
        "a database URL, sqlite:///path or postgresql://…",
        "Database of decisions, outcomes and verdicts. Without one it is SQLite in KITH_VAR/kith.db. Secret "
        "where it holds a password.",
    ),
    Setting(
        "KITH_STORE_QUEUE",
        "store_queue",
        whole_between(1, 1_000_000),
        "1 to 1000000",
        "Writes that may wait for the database; more get 503 with Retry-After.",
    ),
    Setting(
        "KITH_UNLOGGED_DECISIONS",
        "unlogged_decisions",
        read_unlogged,
        "refuse or answer",
        "What becomes of a decision that cannot be written down: it is refused with 503 or 507, or answered "
        "with `logged: false`, under limits and budgets of that request alone.",
    ),
    Setting(
        "KITH_ID_KEY",
        "id_key",
        read_key,
        "at least 32 characters",
        "Secret key of the score ids, and of the pseudonyms under which customers are remembered. Without "
        "one a key is made once and kept in KITH_VAR/id.key. Instances that share a database need the same "
        "key; without the old key nobody who is remembered is known again.",
    ),
    Setting(
        "KITH_REFRESH_SECONDS",
        "refresh_seconds",
        seconds_between(0.05, 86_400),
        "seconds, 0.05 to 86400",
        "How often the models folder is looked at for a new release.",
    ),
    Setting(
        "KITH_TRIAL_SECONDS",
        "trial_seconds",
        seconds_between(1, 3600),
        "seconds, 1 to 3600",
        "Time that a new release gets to prove itself in a child process.",
    ),
    Setting(
        "KITH_TRIAL_MEMORY_BYTES",
        "trial_memory_bytes",
        whole_between(64 * MEBIBYTE, 1 << 40),
        "bytes, at least 67108864",
        "Memory that the child process may take.",
    ),
    Setting(
        "KITH_MAX_BODY_BYTES",
        "max_body_bytes",
        whole_between(1024, MEBIBYTE),
        "bytes, 1024 to 1048576",
        "Largest body of a single score.",
    ),
    Setting(
        "KITH_MAX_BATCH_BYTES",
        "max_batch_bytes",
        whole_between(1024, 16 * MEBIBYTE),
        "bytes, 1024 to 16777216",
        "Largest body of a batch.",
    ),
    Setting(
        "KITH_HEADER_SECONDS",
        "header_seconds",
        seconds_between(0.1, 300),
        "seconds, 0.1 to 300",
        "Time within which the headers of a request must have arrived, or the connection is closed.",
    ),
    Setting(
        "KITH_BODY_SECONDS",
        "body_seconds",
        seconds_between(0.1, 300),
        "seconds, 0.1 to 300",
        "Time within which a body must have arrived.",
    ),
    Setting(
        "KITH_MAX_CONCURRENT",
        "max_concurrent",
        whole_between(1, 100_000),
        "1 to 100000",
        "Single scores in progress at once; more get 503 with Retry-After.",
    ),
    Setting(
        "KITH_MAX_CONCURRENT_BATCHES",
        "max_concurrent_batches",
        whole_between(1, 1000),
        "1 to 1000",
        "Batches in progress at once; more get 503 with Retry-After.",
    ),
    Setting(
        "KITH_DRAIN_SECONDS",
        "drain_seconds",
        seconds_between(0, 600),
        "seconds, 0 to 600",
        "After SIGTERM: time to go on answering while /readyz says 503, before the port closes.",
    ),
    Setting(
        "KITH_LOG_LEVEL",
        "log_level",
        read_level,
        ", ".join(LOG_LEVELS),
        "Least level of log lines on stderr.",
    ),
    Setting("KITH_ACCESS_LOG", "access_log", read_flag, _FLAG, "Whether each request is logged on stdout."),
    Setting("KITH_DOCS", "docs", read_flag, _FLAG, "Whether /docs and /openapi.json are served."),
)
"""Every variable. Documentation and tests read this table."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    Raises
    ------
    SettingsError
        A variable is unknown, or its value cannot be used; every such variable is named.
    """
    known = {setting.name: setting for setting in SETTINGS}
    faults: list[str] = []
    values: dict[str, Any] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        setting = known.get(name)
        if setting is None:
            faults.append(_unknown(name, list(known)))
            continue
        try:
            values[setting.field] = setting.read(environ[name])
        except ValueError:
            faults.append(f"{name} must be {setting.expects}")
    if faults:
        raise SettingsError("; ".join(faults))
    settings = Settings(**values)
    if not settings.is_loopback:
        raise SettingsError(
            "KITH_HOST opens the service beyond this machine, and nobody is asked for a key yet; listen on "
            "127.0.0.1 and put a proxy with TLS and authentication in front, on this machine. A container "
            "reaches 127.0.0.1 of its host with network_mode: host, or that of a proxy by sharing its network"
        )
    return settings


def _unknown(name: str, known: list[str]) -> str:
    """Return what is wrong with a variable that is not a setting."""
    if _SERVICE_LINK.fullmatch(name):
        return f"{name} is not a setting but a Kubernetes service link; set enableServiceLinks: false"
    if name in _REMOVED:
        return f"{name} {_REMOVED[name]}"
    near = difflib.get_close_matches(name, known, 1, 0.6)
    return f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else "")
