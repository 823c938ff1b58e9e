"""Recommend products with one release: the use case behind both addresses, and behind golden answers.

Rules: the answer is a pure function of the person's rows, the cart, ``as_of``, the ask and the release; the
order of rows is irrelevant; who denies profiling or personalisation gets the list of somebody of whom nothing
is known, and nothing of history, cart, events and profile is read; filters act before anything is ranked, and
a short list says what took the rest; too little data is an answer with a reason, never an error; no NaN
leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.capabilities.recommend import COLD_START, RECOMMENDATIONS, SIMILAR_ITEMS, TYPES, Wish
from app.domain.clock import from_microseconds
from app.domain.rows import Row
from app.estimators.blend import AT, ItemModel
from app.serving.item_answers import (
    Answer,
    Listed,
    card,
    count_warnings,
    filter_warnings,
    filtered,
    silent,
    warning,
)
from app.serving.item_filters import Allowed, Filters, allowed_products
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.shopping import consents_of, stranger, visit
from app.texts.catalogue import Locale

NO_MODEL: Final = "no_model"
NO_PRODUCTS: Final = "no_products"
NO_KNOWN_PRODUCTS: Final = "no_known_products"
INELIGIBLE: Final = (NO_MODEL, NO_PRODUCTS, NO_KNOWN_PRODUCTS)
"""Why no list is given."""

DEFAULT_LIMIT: Final = 10
_VIEW_SOURCES: Final = ("viewed", "view_links")


@dataclass(frozen=True, slots=True)
class AskItems:
    """What list is wanted. ``max_per_category`` caps products of one category; None is no cap."""

    limit: int = DEFAULT_LIMIT
    types: frozenset[str] = frozenset(TYPES)
    filters: Filters = field(default_factory=Filters)
    diversity: float = 0.0
    max_per_category: int | None = None
    locale: Locale = "en"
    explain: bool = False


def recommend(release: LoadedRelease, person: Row, cart: Sequence[str], as_of: int, ask: AskItems) -> Answer:
    """Return the list for one person in the contract's form, without ``recommendation_id``.

    Parameters
    ----------
    person : mapping
        Nested rows, as :func:`app.domain.rows.build_history` takes them; ``customer_id`` may be absent.
    cart : sequence of str
        Product ids, the latest last.
    as_of : int
        Microseconds since 1970 in UTC.

    Returns
    -------
    dict
        JSON-ready: None where a number does not apply.
    """
    business = release.business
    consents = consents_of(person, as_of, business.timezone, business.consent_defaults)
    answer = {
        "customer_id": person.get("customer_id"),
        "as_of": from_microseconds(as_of, business.timezone).isoformat(),
        "release": release.name,
        "personalised": consents.personalised,
        "locale": ask.locale,
    }
    artifact, model = _published(release)
    if artifact is None or model is None or not len(model.items.by_popularity):
        reason = NO_MODEL if model is None else NO_PRODUCTS
        return {**answer, **silent(reason, artifact), "cold_start": True, "warnings": []}
    if consents.personalised:
        known = visit(model, person, cart, as_of, business.timezone, tracked=consents.tracked)
    else:
        known = stranger(as_of, business.timezone)
    items, shopper = model.items, known.shopper
    allowed = allowed_products(items, ask.filters, known.in_cart, known.bought)
    ranked = RECOMMENDATIONS.rank(model, shopper, _wish(ask, allowed), explain=ask.explain)
    listed = Listed(items, ranked, business.currency, ask.locale)
    taken = {**allowed.taken, **ranked.left_out}
    is_cold = ranked.task == COLD_START
    missing = []
    if consents.personalised:
        missing = _missing(model, person, ranked.task, tracked=consents.tracked)
    hidden_blindly = ask.filters.hide_bought and not (consents.personalised and _has_lines(person))
    return {
        **answer,
        "eligible": True,
        "data_sufficiency": "insufficient" if is_cold else "partial" if missing else "full",
        "missing": missing,
        "model": card(artifact, ranked.task),
        "items": [listed.item(k, pick, explain=ask.explain) for k, pick in enumerate(ranked.picks)],
        "unknown_items": list(known.unknown),
        "filtered_out": filtered(taken),
        "cold_start": is_cold,
        "warnings": [
            *count_warnings(known, ask.locale),
            *([warning(ask.locale, "bought_not_known")] if hidden_blindly else []),
            *filter_warnings(items, ask.filters, ask.locale),
            *listed.short(ask.limit, taken, "fewer_than_limit"),
        ],
    }


def similar_items(release: LoadedRelease, products: Sequence[str], ask: AskItems) -> Answer:
    """Return what goes with some products in the contract's form, without ``recommendation_id``.

    Of ``ask``, only the limit, the filters that need no person, and the language are read.
    """
    answer = {"release": release.name, "locale": ask.locale}
    artifact, model = _published(release)
    if artifact is None or model is None or not len(model.items.by_popularity):
        reason = NO_MODEL if model is None else NO_PRODUCTS
        return {**answer, **silent(reason, artifact, SIMILAR_ITEMS), "warnings": []}
    items = model.items
    unknown = list(dict.fromkeys(product for product in products if product not in items.place))
    anchors = np.unique(items.places([product for product in products if product in items.place]))
    if not len(anchors):
        nobody = silent(NO_KNOWN_PRODUCTS, artifact, SIMILAR_ITEMS)
        return {**answer, **nobody, "unknown_items": unknown, "warnings": []}
    nothing = np.empty(0, dtype=np.int64)
    allowed = allowed_products(items, ask.filters, nothing, (nothing, np.empty(0)))
    ranked = RECOMMENDATIONS.similar(model, anchors, _wish(ask, allowed))
    listed = Listed(items, ranked, release.business.currency, ask.locale)
    return {
        **answer,
        "eligible": True,
        "data_sufficiency": "partial" if unknown else "full",
        "missing": [],
        "model": card(artifact, ranked.task),
        "items": [listed.similar(k, pick) for k, pick in enumerate(ranked.picks)],
        "unknown_items": unknown,
        "filtered_out": filtered(allowed.taken),
        "warnings": [
            *filter_warnings(items, ask.filters, ask.locale),
            *listed.short(ask.limit, allowed.taken, "fewer_than_limit_similar"),
        ],
    }


def _published(release: LoadedRelease) -> tuple[LoadedArtifact | None, ItemModel | None]:
    """Return what recommends, where that is published."""
    artifact = release.artifacts.get(RECOMMENDATIONS.name)
    return (None, None) if artifact is None else (artifact, artifact.item_model)


def _wish(ask: AskItems, allowed: Allowed) -> Wish:
    return Wish(
        limit=ask.limit,
        allowed=allowed.mask,
        types=ask.types,
        diversity=ask.diversity,
        max_per_category=ask.max_per_category,
    )


def _missing(model: ItemModel, person: Row, task: str, *, tracked: bool) -> list[str]:
    """Return what would have helped: orders with their products, and events where a task reads views."""
    reads_views = tracked and any(model.blend.weights[task][AT[name]] for name in _VIEW_SOURCES)
    missing = []
    if person.get("orders") is None:
        missing.append("orders")
    elif not _has_lines(person):
        missing.append("order_lines")
    if reads_views and person.get("events") is None:
        missing.append("events")
    return missing


def _has_lines(person: Row) -> bool:
    """Return whether it was said what was bought: lines of orders, or that there are no orders."""
    orders = person.get("orders")
    return orders is not None and (not orders or any(order.get("products") for order in orders))
