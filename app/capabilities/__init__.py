"""What the service can answer. The registers, written out: one line per capability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.capabilities.base import Scorer
from app.capabilities.churn import CHURN
from app.capabilities.clv import CLV
from app.capabilities.purchase import PURCHASE
from app.capabilities.segment import SEGMENT

SCORERS: Final[Mapping[str, Scorer]] = {scorer.name: scorer for scorer in (CHURN, CLV, PURCHASE, SEGMENT)}

TRIGGERS: Final = "triggers"
"""Rules over features and scores: data of an artifact, applied by :mod:`app.serving.triggers`."""

CAPABILITIES: Final = (*SCORERS, TRIGGERS)
"""Everything that an artifact may be for."""
