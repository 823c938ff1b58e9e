"""What is really true of satisfaction in the simulated business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TRUE_SIGNS: Final[Mapping[str, int]] = {
    "late_delivery_share": 1,
    "last_delivery_late": 1,
    "complaints_365d": 1,
    "open_cases": 1,
    "average_feedback_score": -1,
    "last_feedback_score": -1,
}
"""What dissatisfies, and what shows it, by the simulator's own rules."""
