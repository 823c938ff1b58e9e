"""What changes while the service runs, shared by whoever must know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Condition:
    """Whether the service is stopping, and when it last looked for a release."""

    draining: bool = False
    refreshed_at: datetime | None = None
