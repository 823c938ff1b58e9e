"""The bodies of ``POST /v1/recommendations`` and of ``…/similar-items``, and their forms for the use case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from app.api.schemas.fields import Amount, Id, Share, Wire
from app.api.schemas.request import CustomerRequest, Locale, count_fields, sort_attributes
from app.capabilities.recommend import TYPES
from app.serving.item_filters import Filters
from app.serving.recommend import DEFAULT_LIMIT, AskItems

CART_ENTRIES: Final = 10_000
EXCLUDED_LIMIT: Final = 10_000
CATEGORIES_LIMIT: Final = 500
STOCK_LIMIT: Final = 100_000
PRODUCTS_LIMIT: Final = 100
LIST_LIMIT: Final = 100

Type = Literal["repurchase", "upsell", "cross_sell", "personalised", "popular"]
Category = Annotated[str, Field(min_length=1, max_length=256)]
Limit = Annotated[int, Field(ge=1, le=LIST_LIMIT)]


class ItemFilters(Wire):
    """Which products may be shown."""

    exclude_items: Annotated[list[Id], Field(max_length=EXCLUDED_LIMIT)] | None = Field(
        None, description="Products that are not shown."
    )
    categories: Annotated[list[Category], Field(min_length=1, max_length=CATEGORIES_LIMIT)] | None = Field(
        None, description="Only products of these categories; one without a category is of none."
    )
    exclude_categories: Annotated[list[Category], Field(max_length=CATEGORIES_LIMIT)] | None = Field(
        None, description="No products of these categories; one without a category stays."
    )
    price_min: Amount | None = Field(
        None, description="Lowest price, in the business's currency; an unknown price does not pass."
    )
    price_max: Amount | None = Field(None, description="Highest price; an unknown price does not pass.")
    in_stock: Annotated[list[Id], Field(max_length=STOCK_LIMIT)] | None = Field(
        None, description="Only these products are shown; with an empty list none is."
    )


class PersonalFilters(ItemFilters):
    """Which products may be shown to this person."""

    already_bought: Literal["allow", "hide"] | None = Field(
        None, description="Whether to show what was bought before; `allow` where left out."
    )
    already_bought_days: Annotated[float, Field(gt=0, le=36_500)] | None = Field(
        None, description="With `hide`: only what was bought within so many days is hidden."
    )


class Diversity(Wire):
    """How varied the list is to be."""

    strength: Share | None = Field(
        None, description="0, where left out, lists the likeliest; towards 1 products differ more and more."
    )
    max_per_category: Annotated[int, Field(ge=1, le=LIST_LIMIT)] | None = Field(
        None, description="Products of one category, at most; those without a category are not counted."
    )


class RecommendationRequest(CustomerRequest):
    """One customer, guest or session as known now, and what list is wanted."""

    cart: Annotated[list[Id], Field(max_length=CART_ENTRIES)] | None = Field(
        None,
        description="Products in the cart, the latest last; repeated ones count once, and beyond the latest "
        "100 they do not count. They are not shown.",
    )
    limit: Limit | None = Field(None, description="Length of the list; 10 where left out.")
    types: Annotated[list[Type], Field(min_length=1, max_length=20)] | None = Field(
        None, description="Types that are wanted; all where left out."
    )
    filters: PersonalFilters | None = Field(None, description="Which products may be shown.")
    diversity: Diversity | None = Field(None, description="How varied the list is to be.")


class SimilarItemsRequest(Wire):
    """Products, and what list beside them is wanted."""

    products: Annotated[list[Id], Field(min_length=1, max_length=PRODUCTS_LIMIT)] = Field(
        description="Products that the list goes with, such as that of a product page. They are not shown."
    )
    limit: Limit | None = Field(None, description="Length of the list; 10 where left out.")
    filters: ItemFilters | None = Field(None, description="Which products may be shown.")
    locale: Locale | None = Field(None, description="Language of the sentences; `en` where left out.")
    explain: bool | None = Field(None, description="Changes nothing: the evidence is always told.")


_PERSONAL: Final = TypeAdapter(RecommendationRequest)
_SIMILAR: Final = TypeAdapter(SimilarItemsRequest)
read_recommendation: Final[Callable[[bytes | str], RecommendationRequest]] = _PERSONAL.validator.validate_json
read_similar: Final[Callable[[bytes | str], SimilarItemsRequest]] = _SIMILAR.validator.validate_json
"""Validate the bytes of one request; raise ``pydantic.ValidationError``."""


def ask_of(request: RecommendationRequest) -> AskItems:
    """Return what list is wanted for a person, with what was left out filled in."""
    diversity = request.diversity or Diversity()
    return AskItems(
        limit=request.limit or DEFAULT_LIMIT,
        types=frozenset(request.types or TYPES),
        filters=_filters(request.filters),
        diversity=diversity.strength or 0.0,
        max_per_category=diversity.max_per_category,
        locale=request.locale or "en",
        explain=bool(request.explain),
    )


def ask_of_similar(request: SimilarItemsRequest) -> AskItems:
    """Return what list is wanted beside products, with what was left out filled in."""
    return AskItems(
        limit=request.limit or DEFAULT_LIMIT,
        filters=_filters(request.filters),
        locale=request.locale or "en",
    )


def canonical_recommendation(request: RecommendationRequest) -> bytes:
    """Return the one form of all bodies that say the same, with what was left out filled in."""
    ask = ask_of(request)
    sort_attributes(request)
    request.limit, request.locale, request.explain = ask.limit, ask.locale, ask.explain
    request.types = [name for name in TYPES if name in ask.types]
    request.cart = request.cart or None
    filters = request.filters or PersonalFilters()
    filters.already_bought = filters.already_bought or "allow"
    request.filters = filters
    request.diversity = Diversity(strength=ask.diversity, max_per_category=ask.max_per_category)
    content: bytes = _PERSONAL.serializer.to_json(request, exclude_none=True)
    return content


def canonical_similar(request: SimilarItemsRequest) -> bytes:
    """Return the one form of all bodies that say the same, with what was left out filled in."""
    request.limit, request.locale = request.limit or DEFAULT_LIMIT, request.locale or "en"
    request.filters, request.explain = request.filters or ItemFilters(), None
    content: bytes = _SIMILAR.serializer.to_json(request, exclude_none=True)
    return content


def count_recommendation_fields(request: RecommendationRequest) -> int:
    """Return how many fields of a request and of all its parts were set."""
    count = count_fields(request)
    for part in (request.filters, request.diversity):
        count += 0 if part is None else len(part.model_fields_set)
    return count


def count_similar_fields(request: SimilarItemsRequest) -> int:
    """Return how many fields of a request and of its filters were set."""
    filters = request.filters
    return len(request.model_fields_set) + (0 if filters is None else len(filters.model_fields_set))


def _filters(given: ItemFilters | None) -> Filters:
    if given is None:
        return Filters()
    personal = given if isinstance(given, PersonalFilters) else PersonalFilters()
    return Filters(
        exclude_items=given.exclude_items or (),
        categories=given.categories,
        exclude_categories=given.exclude_categories or (),
        price_min=given.price_min,
        price_max=given.price_max,
        in_stock=given.in_stock,
        hide_bought=personal.already_bought == "hide",
        bought_days=personal.already_bought_days,
    )
