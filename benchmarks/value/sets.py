"""The data sets, cuts and horizons, and what must be reached on each. Nothing was tuned on these windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benchmarks.value.questions import EXAMPLES, HERE, Bounds, Question

_CDNOW: Final = "Everybody who first bought at CDNOW from January to March 1997."
_RETAIL: Final = "Online Retail II, both years merged, cancellations netted per customer and day."
_FILE: Final = HERE / "online_retail_days.yaml"

QUESTIONS: Final[Mapping[str, Question]] = {
    "cdnow": Question(
        "CDNOW",
        _CDNOW,
        EXAMPLES / "cdnow" / "business.yaml",
        "1997-09-30T23:59:59-04:00",
        273,
        Bounds(gini=0.721, auc=0.768, log_loss=0.495, ece=0.02),
    ),
    "retail-91": Question(
        "Online Retail II, three months",
        _RETAIL,
        _FILE,
        "2011-09-09T23:59:59+01:00",
        91,
        Bounds(gini=0.833, auc=0.803, log_loss=0.537, ece=0.06),
    ),
    "retail-183": Question(
        "Online Retail II, six months",
        _RETAIL,
        _FILE,
        "2011-06-09T23:59:59+01:00",
        183,
        Bounds(gini=0.872, auc=0.811, log_loss=0.526),
    ),
}
