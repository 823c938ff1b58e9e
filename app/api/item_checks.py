"""What contradicts itself in the filters of a request for products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.api.problems import Fault
from app.api.schemas.recommend import ItemFilters, RecommendationRequest

FILTERS: Final = "/filters"
ONLY_REPURCHASE: Final = {"repurchase"}


def filter_faults(filters: ItemFilters | None) -> Iterator[Fault]:
    """Yield the filters that contradict each other."""
    if filters is None:
        return
    low, high = filters.price_min, filters.price_max
    if low is not None and high is not None and low > high:
        yield Fault(f"{FILTERS}/price_min", "price_range")
    wanted = set(filters.categories or ())
    for k, name in enumerate(filters.exclude_categories or ()):
        if name in wanted:
            yield Fault(f"{FILTERS}/exclude_categories/{k}", "category_wanted_and_excluded")


def recommendation_faults(request: RecommendationRequest) -> Iterator[Fault]:
    """Yield what contradicts itself in what list is wanted for a person."""
    yield from filter_faults(request.filters)
    filters = request.filters
    if filters is None:
        return
    is_hidden, days = filters.already_bought == "hide", filters.already_bought_days
    if days is not None and not is_hidden:
        yield Fault(f"{FILTERS}/already_bought_days", "days_without_hide")
    if is_hidden and days is None and set(request.types or ()) == ONLY_REPURCHASE:
        yield Fault(f"{FILTERS}/already_bought", "repurchase_hidden")
