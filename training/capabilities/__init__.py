"""What can be trained. The register, written out: one line per capability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from training.capabilities.churn import train_churn
from training.capabilities.clv import train_clv
from training.capabilities.next_best_action import train_next_best_action
from training.capabilities.purchase import train_purchase
from training.capabilities.recommend import train_recommendations
from training.capabilities.satisfaction import train_satisfaction
from training.capabilities.segment import train_segment
from training.capabilities.sentiment import train_sentiment
from training.capabilities.triggers import train_triggers
from training.run import Run, Trained

Trainers = Mapping[str, Callable[[Run], Trained]]

TRAINERS: Final[Trainers] = {
    "churn": train_churn,
    "clv": train_clv,
    "purchase": train_purchase,
    "satisfaction": train_satisfaction,
    "segment": train_segment,
    "sentiment": train_sentiment,
    "recommendations": train_recommendations,
    "next_best_action": train_next_best_action,
    "triggers": train_triggers,
}
