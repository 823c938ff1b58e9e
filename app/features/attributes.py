"""What stands on the customer's record, the season, and the attributes that only one business has."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.domain.clock import local_day
from app.domain.history import NAT, Array
from app.features.schema import ATTRIBUTE_PREFIX, Feature
from app.features.view import View

PROFILE_FEATURES: Final = (
    Feature("tenure_days", "days", table="customers", summary=True),
    Feature("acquisition_channel", "word", kind="category", table="customers", summary=True),
    Feature("country", "word", kind="category", table="customers", summary=True),
    Feature("company_industry", "word", kind="category", table="customers", summary=True),
    # Today's value, not the one at as_of: only where the label has no dates either.
    Feature("loyalty_tier", "word", kind="category", table="customers", dated=False, summary=True),
    Feature("company_size", "word", kind="category", table="customers", dated=False, summary=True),
)
SEASON_FEATURES: Final = (
    Feature("season_cosine", "ratio", low=-1.0, high=1.0, table="", summary=True),
    Feature("season_sine", "ratio", low=-1.0, high=1.0, table="", summary=True),
)

_TEXTS: Final = tuple(feature.name for feature in PROFILE_FEATURES if feature.kind == "category")
_DAYS_PER_YEAR: Final = 365.2425


def compute_profile(view: View) -> dict[str, Array]:
    """Return the features of the customer's record, each of shape (N,). Gender and age are no inputs."""
    profile = view.history.profile
    created = profile["created_at"]
    known = (created != NAT) & (created <= view.as_of)
    tenure = np.where(known, view.today - local_day(created, view.history.timezone), np.nan)
    return {"tenure_days": tenure, **{name: profile[name] for name in _TEXTS}}


def compute_season(view: View) -> dict[str, Array]:
    """Return the time of year of ``as_of`` as a point on a circle, each of shape (N,)."""
    angle = 2 * np.pi * (view.today % _DAYS_PER_YEAR) / _DAYS_PER_YEAR
    return {"season_cosine": np.cos(angle), "season_sine": np.sin(angle)}


def compute_declared(view: View, needed: frozenset[str] | None = None) -> dict[str, Array]:
    """Return the declared attributes as they were given (all, or those needed), each of shape (N,)."""
    given = view.history.attributes
    return {
        ATTRIBUTE_PREFIX + name: given[name]
        for name in given
        if needed is None or ATTRIBUTE_PREFIX + name in needed
    }
