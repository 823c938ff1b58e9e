"""What the service can answer. The registers, written out: one line per capability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.capabilities.base import Ranker, Scorer, TextScorer
from app.capabilities.churn import CHURN
from app.capabilities.clv import CLV
from app.capabilities.purchase import PURCHASE
from app.capabilities.recommend import RECOMMENDATIONS
from app.capabilities.satisfaction import SATISFACTION
from app.capabilities.segment import SEGMENT
from app.capabilities.sentiment import SENTIMENT

SCORERS: Final[Mapping[str, Scorer]] = {
    scorer.name: scorer for scorer in (CHURN, CLV, PURCHASE, SATISFACTION, SEGMENT)
}

TRIGGERS: Final = "triggers"
"""Rules over features and scores: data of an artifact, applied by :mod:`app.serving.triggers`."""

TEXT_SCORERS: Final[Mapping[str, TextScorer]] = {scorer.name: scorer for scorer in (SENTIMENT,)}

RANKERS: Final[Mapping[str, Ranker]] = {ranker.name: ranker for ranker in (RECOMMENDATIONS,)}

NEXT_BEST_ACTION: Final = "next_best_action"
"""What to do for a customer: a playbook and what contacts taught, decided by :mod:`app.serving.decide`."""

CAPABILITIES: Final = (*SCORERS, TRIGGERS, *TEXT_SCORERS, *RANKERS, NEXT_BEST_ACTION)
"""Everything that an artifact may be for."""
