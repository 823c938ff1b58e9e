"""What can be trained. The register, written out: one line per capability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from training.capabilities.churn import train_churn
from training.run import Run, Trained

Trainers = Mapping[str, Callable[[Run], Trained]]

TRAINERS: Final[Trainers] = {"churn": train_churn}
