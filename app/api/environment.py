"""How the text of an environment variable becomes a value; ``ValueError`` where it cannot."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from typing import Final

STORE_SCHEMES: Final = ("sqlite", "postgresql", "postgresql+psycopg")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
SHORTEST_KEY: Final = 32

_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def read_text(value: str) -> str:
    """Return a text that is not empty."""
    if not value.strip():
        raise ValueError
    return value.strip()


def read_flag(value: str) -> bool:
    """Return a yes or a no."""
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    try:
        return words[value.strip().lower()]
    except KeyError:
        raise ValueError from None


def whole_between(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers between bounds, which belong to it."""

    def read(value: str) -> int:
        number = int(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def seconds_between(low: float, high: float) -> Callable[[str], float]:
    """Return a reader of seconds between bounds, which belong to it."""

    def read(value: str) -> float:
        number = float(value)
        if not (math.isfinite(number) and low <= number <= high):
            raise ValueError
        return number

    return read


def read_level(value: str) -> str:
    """Return a level of log lines."""
    level = value.strip().lower()
    if level not in LOG_LEVELS:
        raise ValueError
    return level


def read_key(value: str) -> bytes:
    """Return a key that is long enough to keep a secret."""
    key = value.strip().encode()
    if len(key) < SHORTEST_KEY:
        raise ValueError
    return key


def read_unlogged(value: str) -> str:
    """Return what becomes of a decision that cannot be written down."""
    word = value.strip().lower()
    if word not in {"refuse", "answer"}:
        raise ValueError
    return word


def read_database(value: str) -> str:
    """Return a URL whose form is right; whether a database is there shows later."""
    url = value.strip()
    scheme, found, rest = url.partition("://")
    if not found or scheme not in STORE_SCHEMES or (scheme == "sqlite" and len(rest) < 2):
        raise ValueError
    return url


def read_hosts(value: str) -> tuple[str, ...]:
    """Return host names without ports, in lower case."""
    names = tuple(name.strip().lower() for name in value.split(","))
    if not all(_HOST.fullmatch(name) or _is_address(name) for name in names):
        raise ValueError
    return names


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
