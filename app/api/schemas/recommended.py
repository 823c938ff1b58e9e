"""What both addresses of recommendations answer, as wire types for the OpenAPI document and for tests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.api.schemas import answers
from app.api.schemas.answers import Locale, Model, Moment, Probability, Told
from app.api.schemas.recommend import Type

Whole = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(ge=0)]
RecommendationId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Sufficiency = Literal["full", "partial", "insufficient"]
NoList = Literal["no_model", "no_products", "no_known_products"]


class ItemReason(Told):
    """Why a product is shown. Numbers stand where the code has them."""

    code: Literal[
        "due",
        "bought_regularly",
        "bought_before",
        "upgrade",
        "bought_with",
        "goes_with",
        "cart_with",
        "viewed_with",
        "viewed",
        "popular",
    ] = Field(description="Stable name; `/v1/definitions` says what it means.")
    text: str = Field(description="The same in words.")
    products: list[str] = Field(description="Products that the reason speaks of.")
    orders: Whole | None = Field(None, description="Orders with it, or with both products.")
    days_since_last: Positive | None = Field(None, description="Days since it was last bought.")
    interval_days: Positive | None = Field(None, description="Usual days between purchases of it.")
    interval_basis: Literal["own", "product"] | None = Field(None, description="Whose rhythm that is.")
    price: Positive | None = Field(None, description="Its price.")
    price_of: Positive | None = Field(None, description="Price of the product that it is a step up from.")
    price_ratio: Positive | None = Field(None, description="The first price over the second.")
    customers: Whole | None = Field(None, description="Different customers behind the counts.")
    support: Probability | None = Field(None, description="Share of all orders that hold both.")
    confidence: Probability | None = Field(None, description="Share of the other's orders that hold this.")
    lift: Positive | None = Field(None, description="How many times more often than in all orders.")
    conviction: Positive | None = Field(None, description="Null where the other never stands alone.")
    share: Probability | None = Field(None, description="Share of its links that the products make up.")


class RecommendedItem(Told):
    """One product of a person's list."""

    product_id: str = Field(description="The product.")
    rank: Annotated[int, Field(ge=1)] = Field(description="Place in the list.")
    score: Positive = Field(description="Odds against the likeliest product that may be shown.")
    type: Type = Field(description="What kind of recommendation it is.")
    reason: ItemReason = Field(description="Why it is shown.")
    parts: dict[str, float] | None = Field(
        None, description="With `explain`: what each source adds, on the log-odds scale."
    )


class TakenBy(Told):
    """How many products each filter took; one that several would take is counted by the first."""

    inactive: Whole = Field(description="No longer sold.")
    excluded: Whole = Field(description="In `exclude_items`.")
    category: Whole = Field(description="Of no wanted or of an excluded category.")
    price: Whole = Field(description="Outside the price range, or of unknown price.")
    out_of_stock: Whole = Field(description="Not in `in_stock`.")
    in_cart: Whole = Field(description="In the cart already.")
    already_bought: Whole = Field(description="Bought, and hidden for it.")
    type: Whole = Field(description="Of a type that is not wanted, among those looked at.")
    category_cap: Whole = Field(description="Passed over because their category was full.")


class FilteredOut(Told):
    """How many products were left out, and by what."""

    total: Whole = Field(description="All of them.")
    by_filter: TakenBy = Field(description="By what.")


class ItemList(Told):
    """What every list of products says."""

    recommendation_id: RecommendationId = Field(description="Keyed hash of question and release.")
    release: str = Field(description="The set of models that answered.")
    locale: Locale = Field(description="Language of the texts.")
    eligible: bool = Field(description="Whether there can be a list.")
    ineligible_reason: NoList | None = Field(None, description="Why there is none.")
    data_sufficiency: Sufficiency = Field(description="Whether the data sent were enough for the best list.")
    missing: list[str] = Field(description="Inputs that would have helped.")
    model: Model | None = Field(description="Who answered; null where nothing is published.")
    unknown_items: list[str] = Field(description="Products sent that the catalogue does not hold.")
    filtered_out: FilteredOut = Field(description="How many products were left out, and by what.")
    warnings: list[answers.Warning] = Field(description="What to know about the whole list.")


class Recommendations(ItemList):
    """The list for one person."""

    customer_id: str | None = Field(description="As sent; null for a guest.")
    as_of: Moment = Field(description="The moment the list is for.")
    personalised: bool = Field(description="False where profiling or personalisation is denied.")
    cold_start: bool = Field(description="Whether nothing is known that a product could be chosen by.")
    items: list[RecommendedItem] = Field(description="The list, best first.")


class SimilarReason(Told):
    """What ties a product to those asked about."""

    code: Literal["bought_together", "similar_buyers"] = Field(description="Stable name.")
    text: str = Field(description="The same in words.")
    with_: str = Field(alias="with", description="The product asked about that ties it most.")
    customers: Whole = Field(description="Different customers who bought both.")
    orders: Whole | None = Field(None, description="Orders that hold both.")
    support: Probability | None = Field(None, description="Share of all orders that hold both.")
    confidence: Probability | None = Field(None, description="Share of the other's orders that hold this.")
    lift: Positive | None = Field(None, description="How many times more often than in all orders.")
    conviction: Positive | None = Field(None, description="Null where the other never stands alone.")


class SimilarItem(Told):
    """One product of a list beside others."""

    product_id: str = Field(description="The product.")
    rank: Annotated[int, Field(ge=1)] = Field(description="Place in the list.")
    score: Positive = Field(description="Strength of the tie against the strongest in the list.")
    reason: SimilarReason = Field(description="The evidence.")


class SimilarItems(ItemList):
    """The list beside some products."""

    items: list[SimilarItem] = Field(description="The list, strongest tie first.")
