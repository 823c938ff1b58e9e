"""How a list of products is told: entries with their reasons, who answered, what was left out, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.capabilities.recommend import ALL_ITEMS, Pick, Ranked
from app.estimators.items import Items
from app.estimators.shopper import CART_LIMIT, HISTORY_LIMIT
from app.serving.item_filters import ORDER, Filters, strange_names
from app.serving.release import LoadedArtifact
from app.serving.shopping import Visit
from app.texts.catalogue import Locale
from app.texts.recommendations import reason_text, taken_text, warning_text

Answer = dict[str, Any]
Warnings = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, ready to be told."""

    items: Items
    ranked: Ranked
    currency: str
    locale: Locale

    def item(self, place: int, pick: Pick, *, explain: bool) -> Answer:
        """Return one entry of a person's list."""
        told = {**self._placed(place, pick), "type": pick.type}
        told["reason"] = {
            "code": pick.reason.code,
            "text": self._text(pick),
            **pick.reason.numbers,
            "products": [self.items.ids[product] for product in pick.reason.products],
        }
        if explain:
            told["parts"] = dict(pick.parts)
        return told

    def similar(self, place: int, pick: Pick) -> Answer:
        """Return one entry of a list beside products, with its evidence."""
        reason = pick.reason
        return {
            **self._placed(place, pick),
            "reason": {
                "code": reason.code,
                "text": self._text(pick),
                "with": self.items.ids[reason.products[0]],
                **reason.numbers,
            },
        }

    def short(self, limit: int, taken: Mapping[str, int], code: str) -> Warnings:
        """Return why the list is shorter than wanted; nothing where it is not."""
        count, locale = len(self.ranked.picks), self.locale
        if count >= limit:
            return []
        taken_by = taken_text(locale, taken)
        left_out = warning_text(locale, "left_out", parts=taken_by) if taken_by else ""
        text = warning_text(locale, code, count=count, limit=limit, left_out=left_out)
        return [{"code": "fewer_than_limit", "detail": text}]

    def _placed(self, place: int, pick: Pick) -> Answer:
        return {"product_id": self.items.ids[pick.product], "rank": place + 1, "score": pick.score}

    def _text(self, pick: Pick) -> str:
        items, reason = self.items, pick.reason
        names = [items.names[product] or items.ids[product] for product in reason.products]
        return reason_text(self.locale, reason.code, names, reason.numbers, self.currency)


def silent(reason: str, artifact: LoadedArtifact | None, task: str = ALL_ITEMS) -> Answer:
    """Return an answer without a list, to a question of a task."""
    return {
        "eligible": False,
        "ineligible_reason": reason,
        "data_sufficiency": "insufficient",
        "missing": [],
        "model": None if artifact is None else card(artifact, task),
        "items": [],
        "unknown_items": [],
        "filtered_out": filtered({}),
    }


def card(artifact: LoadedArtifact, task: str) -> Answer:
    """Return who answers a task and how good that is."""
    manifest = artifact.manifest
    population = next(one for one in manifest.variants[0].populations if one.name == task)
    return {
        "capability": manifest.capability,
        "version": manifest.version,
        "tier": population.tier,
        "grade": population.grade,
        "baseline": population.baseline.model_dump(),
        "population": population.name,
        "trained_as_of": manifest.trained_as_of,
    }


def filtered(taken: Mapping[str, int]) -> Answer:
    """Return how many products were left out, and by what."""
    by_filter = {name: taken.get(name, 0) for name in ORDER}
    return {"total": sum(by_filter.values()), "by_filter": by_filter}


def count_warnings(known: Visit, locale: Locale) -> Warnings:
    """Return what of the cart and of the history does not count."""
    told = (
        ("cart_repeats", known.repeated, 0),
        ("cart_over_limit", known.cart_over, CART_LIMIT),
        ("bought_over_limit", known.bought_over, HISTORY_LIMIT),
    )
    return [
        warning(locale, code, count=f"{count:,}", limit=f"{limit:,}") for code, count, limit in told if count
    ]


def filter_warnings(items: Items, filters: Filters, locale: Locale) -> Warnings:
    """Return what filters name and the catalogue does not hold."""
    strange, told = strange_names(items, filters), list[dict[str, str]]()
    if strange.categories:
        text = "unknown_categories" if strange.nearest is None else "unknown_categories_near"
        values = {"count": f"{strange.categories:,}", "nearest": strange.nearest}
        told.append({"code": "unknown_categories", "detail": warning_text(locale, text, **values)})
    for code, count in (
        ("unknown_exclude_items", strange.exclude_items),
        ("unknown_in_stock", strange.in_stock),
    ):
        if count:
            told.append(warning(locale, code, count=f"{count:,}"))
    return told


def warning(locale: Locale, code: str, **values: object) -> dict[str, str]:
    """Return one warning in words."""
    return {"code": code, "detail": warning_text(locale, code, **values)}
