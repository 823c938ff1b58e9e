"""What is known about one customer, as a caller sends it: the canonical tables cut to that customer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.api.schemas.fields import (
    Amount,
    Count,
    Country,
    Currency,
    Id,
    Label,
    Language,
    Money,
    Share,
    Timestamp,
    Wire,
    Word,
)

AttributeValue = bool | float | Annotated[str, Field(max_length=256)] | None
AttributeName = Annotated[str, Field(min_length=1, max_length=128)]


class Customer(Wire):
    """The profile of the customer. There is no field for a name, a phone, an e-mail or a street."""

    customer_id: Id = Field(description="The caller's own id of the customer; opaque.")
    created_at: Timestamp | None = Field(None, description="When the customer record began.")
    acquisition_channel: Label | None = Field(None, description="How the customer was won, e.g. `search`.")
    loyalty_tier: Label | None = Field(None, description="Level in the loyalty programme, e.g. `gold`.")
    birth_year: Annotated[int, Field(ge=1900, le=2100)] | None = Field(None, description="Year of birth.")
    gender: Label | None = Field(None, description="As the business records it.")
    country: Country | None = Field(None, description="ISO 3166-1 alpha-2, e.g. `CN`.")
    state: Label | None = Field(None, description="State or province.")
    city: Label | None = Field(None, description="City.")
    company_industry: Label | None = Field(None, description="Industry of a business customer.")
    company_size: Label | None = Field(None, description="Size class of a business customer, e.g. `11-50`.")
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=500)] | None = Field(
        None, description="Inputs that only this business has, declared under `attributes` in business.yaml."
    )


class OrderLine(Wire):
    """One product of an order."""

    product_id: Id = Field(description="Id of the product.")
    quantity: Money = Field(description="Units; negative for a return.")
    price: Money = Field(description="Price of one unit, in the business's currency.")
    discount: Money | None = Field(None, description="Discount on this line.")
    order_id: Id | None = Field(None, description="Id of the order; may be left out inside an order.")


class Order(Wire):
    """One order. A return without its order is an order with negative revenue and status `refunded`."""

    order_id: Id = Field(description="Id of the order.")
    ordered_at: Timestamp = Field(description="When it was placed.")
    revenue: Money = Field(description="After discount, before tax and shipping, gross of refunds.")
    currency: Currency | None = Field(None, description="ISO 4217; the business's own where left out.")
    status: Literal["completed", "refunded", "partially_refunded", "cancelled", "pending"] | None = Field(
        None, description="State of the order; `completed` where left out."
    )
    refund: Amount | None = Field(None, description="Amount given back.")
    refunded_at: Timestamp | None = Field(None, description="When it was given back.")
    cancelled_at: Timestamp | None = Field(None, description="When the order was cancelled.")
    discount: Money | None = Field(None, description="Discount on the whole order.")
    coupon: Label | None = Field(None, description="Code of the coupon that was used.")
    channel: Label | None = Field(None, description="Where it was placed, e.g. `web`, `store`.")
    promised_at: Timestamp | None = Field(None, description="Promised delivery.")
    shipped_at: Timestamp | None = Field(None, description="Dispatch.")
    delivered_at: Timestamp | None = Field(None, description="Delivery.")
    products: list[OrderLine] | None = Field(None, description="The lines of the order.")


class Summary(Wire):
    """What a CRM has on the record instead of the orders themselves, as it stood at `as_of`."""

    first_order_at: Timestamp | None = Field(None, description="First order; required with any order.")
    last_order_at: Timestamp | None = Field(None, description="Latest order; required with any order.")
    order_count: Count = Field(description="Orders ever.")
    revenue: Money = Field(description="Revenue ever, gross of refunds.")
    currency: Currency | None = Field(None, description="ISO 4217; the business's own where left out.")
    refund: Amount | None = Field(None, description="Amount ever given back.")
    refund_count: Count | None = Field(None, description="Orders with a refund.")
    orders_90d: Count | None = Field(None, description="Orders of the 90 days up to `as_of`.")
    revenue_90d: Money | None = Field(None, description="Revenue of the 90 days up to `as_of`.")
    orders_365d: Count | None = Field(None, description="Orders of the 365 days up to `as_of`.")
    revenue_365d: Money | None = Field(None, description="Revenue of the 365 days up to `as_of`.")


class Event(Wire):
    """One act of the customer on the web, in the app or in a mail."""

    event: Word = Field(description="Name from an open list, e.g. `product_viewed`, `checkout_started`.")
    timestamp: Timestamp = Field(description="When it happened.")
    product_id: Id | None = Field(None, description="The product concerned.")
    category: Label | None = Field(None, description="The category concerned.")
    value: Money | None = Field(None, description="Value in the business's currency.")
    duration_seconds: Amount | None = Field(None, description="How long it took.")
    channel: Label | None = Field(None, description="Where it happened, e.g. `app`.")


class SupportCase(Wire):
    """One case with customer service."""

    case_id: Id = Field(description="Id of the case.")
    opened_at: Timestamp = Field(description="When it was opened.")
    closed_at: Timestamp | None = Field(None, description="When it was closed.")
    type: Literal["complaint", "question", "return", "technical", "other"] | None = Field(
        None, description="What it is about."
    )
    priority: Literal["low", "normal", "high", "urgent"] | None = Field(None, description="How urgent it is.")
    reopened_at: Timestamp | None = Field(None, description="When it was opened again.")


class Feedback(Wire):
    """One answer to a survey, or one review."""

    feedback_id: Id = Field(description="Id of the answer.")
    submitted_at: Timestamp = Field(description="When it was given.")
    kind: Literal["csat", "nps", "ces", "review"] = Field(description="Which question was asked.")
    score: Annotated[float, Field(ge=-1000, le=1000)] | None = Field(None, description="The score given.")
    scale_max: Annotated[float, Field(gt=0, le=1000)] | None = Field(None, description="Best score there is.")
    text: Annotated[str, Field(max_length=4_000)] | None = Field(None, description="The words.")
    language: Language | None = Field(None, description="BCP 47, e.g. `zh-CN`.")
    order_id: Id | None = Field(None, description="The order concerned.")


class Subscription(Wire):
    """One contract that runs over time."""

    subscription_id: Id = Field(description="Id of the subscription.")
    started_at: Timestamp = Field(description="When it began.")
    ends_at: Timestamp | None = Field(None, description="When its paid time ends.")
    cancelled_at: Timestamp | None = Field(None, description="When the customer cancelled it.")
    is_recurring: bool | None = Field(None, description="Whether it renews by itself.")
    recurrence_months: Annotated[float, Field(gt=0, le=1200)] | None = Field(
        None, description="Length of one period."
    )
    amount: Amount | None = Field(None, description="Price of one period.")


class Contact(Wire):
    """One message or call to the customer."""

    contact_id: Id = Field(description="Id of the contact.")
    contacted_at: Timestamp = Field(description="When it was made.")
    channel: Literal["email", "sms", "push", "phone", "wechat", "in_app", "mail", "other"] = Field(
        description="By which way."
    )
    action_id: Id | None = Field(None, description="The action it carried.")
    campaign_id: Id | None = Field(None, description="The campaign it belonged to.")
    arm: Literal["treatment", "control"] | None = Field(None, description="Arm of a randomised campaign.")
    propensity: Share | None = Field(None, description="Probability with which this arm was drawn.")
    outcome: bool | Annotated[int, Field(ge=0, le=1)] | Word | None = Field(
        None,
        description="What came of it, e.g. `converted`, `no_response`; true or 1 where only that is known.",
    )
    outcome_at: Timestamp | None = Field(None, description="When it came.")
    cost: Amount | None = Field(None, description="What it cost.")


class Consent(Wire):
    """One statement of consent. The latest per purpose holds."""

    purpose: Literal["profiling", "personalisation", "marketing", "behavioural_tracking"] = Field(
        description="What for."
    )
    status: Literal["granted", "denied", "revoked"] = Field(description="What the customer said.")
    status_at: Timestamp = Field(description="Since when.")
    channel: Label | None = Field(None, description="Where it was said.")
