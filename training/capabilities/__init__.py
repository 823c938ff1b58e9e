"""What can be trained. The register, written out: one line per capability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from training.capabilities.churn import train_churn
from training.run import Run, Trained

TRAINERS: Final[Mapping[str, Callable[[Run], Trained]]] = {"churn": train_churn}
