"""What the service can answer. The registers, written out: one line per capability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.capabilities.base import Scorer
from app.capabilities.churn import CHURN

SCORERS: Final[Mapping[str, Scorer]] = {scorer.name: scorer for scorer in (CHURN,)}
