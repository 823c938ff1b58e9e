"""What a benchmark ran on, so that its figures can be read later."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
"""Where tables are written; git ignores it."""


def machine(libraries: tuple[str, ...]) -> dict[str, Any]:
    """Return processor, cores, load, Python and the versions of the named libraries."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_1_minute": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in libraries},
    }


def in_words(found: dict[str, Any]) -> str:
    """Return the machine in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in found["libraries"].items())
    return (
        f"{found['processor']}, {found['cores']} cores, load {found['load_1_minute']} when it began; "
        f"Python {found['python']}, {versions}"
    )


def _processor() -> str:
    """Return the processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
