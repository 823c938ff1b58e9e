"""What can be trained. The register, written out: one line per capability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from training.capabilities.churn import train_churn
from training.capabilities.clv import train_clv
from training.capabilities.purchase import train_purchase
from training.capabilities.segment import train_segment
from training.capabilities.triggers import train_triggers
from training.run import Run, Trained

Trainers = Mapping[str, Callable[[Run], Trained]]

TRAINERS: Final[Trainers] = {
    "churn": train_churn,
    "clv": train_clv,
    "purchase": train_purchase,
    "segment": train_segment,
    "triggers": train_triggers,
}
