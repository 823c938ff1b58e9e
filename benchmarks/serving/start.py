"""Cold start and memory of the service as it is shipped: ``python -m app`` in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.serving.http_load import get, send, started, wait_ready

STARTS = 3
REQUESTS = 2_000
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the command to the port and to the first release that answers, and memory in MiB.

    Memory is what is resident: when ready, and after many answers. None where the system does not tell.
    """

    seconds_to_listen: float
    seconds_to_ready: float
    resident_ready: float | None
    resident_used: float | None


def cold_start(models: Path, bodies: Sequence[bytes]) -> Start:
    """Start the service several times, and use it once; medians."""
    listen, ready, resident, used = [], [], [], None
    for number in range(STARTS):
        began = time.perf_counter()
        with started("app", models) as target:
            listen.append(time.perf_counter() - began)
            wait_ready(target)
            ready.append(time.perf_counter() - began)
            resident.append(_resident(target.process.pid))
            if number == STARTS - 1:
                send(target, "/v1/scores", bodies, REQUESTS, 4)
                get(target, "/metrics")
                used = _resident(target.process.pid)
    known = [value for value in resident if value is not None]
    return Start(median(listen), median(ready), median(known) if known else None, used)


def _resident(process: int) -> float | None:
    """Return the resident memory of a process in MiB, as Linux tells it."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return None
    (kibibytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kibibytes) * 1024 / MEBIBYTE
