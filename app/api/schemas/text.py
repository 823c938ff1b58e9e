"""The body of ``POST /v1/text/sentiment``, and its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from app.api.schemas import answers
from app.api.schemas.answers import Locale, Model, Probability, Told
from app.api.schemas.fields import Id, Language, Wire

TEXT_LIMIT: Final = 100
CHARACTER_LIMIT: Final = 4_000

Sentiment = Literal["negative", "neutral", "positive"]
Signed = Annotated[float, Field(ge=-1, le=1)]


class TextItem(Wire):
    """One text of a customer."""

    id: Id | None = Field(None, description="Your name for it, told back in the result.")
    text: Annotated[str, Field(max_length=CHARACTER_LIMIT)] = Field(
        description="The words, at most 4,000 characters (Unicode code points)."
    )
    language: Language | None = Field(
        None, description="BCP 47, if you know it. Another one than English or Chinese is not judged."
    )


class TextRequest(Wire):
    """Up to 100 texts to read."""

    texts: list[TextItem] = Field(
        min_length=1, max_length=TEXT_LIMIT, description="The texts; results keep their order."
    )
    locale: Locale | None = Field(None, description="Language of the labels; `en` where left out.")
    offsets: Literal["codepoint", "utf16"] | None = Field(
        None,
        description="How `start` and `end` count: Unicode code points (where left out), or UTF-16 units as "
        "in JavaScript and Java.",
    )
    aspects: bool | None = Field(None, description="Whether to look for aspects; true where left out.")


class SentimentProbability(Told):
    """Calibrated probabilities; they add up to 1."""

    negative: Probability = Field(description="P(negative).")
    neutral: Probability = Field(description="P(neutral).")
    positive: Probability = Field(description="P(positive).")


class TextAspect(Told):
    """What one clause says of one aspect of the business."""

    aspect: Literal[
        "delivery",
        "product_quality",
        "price",
        "service",
        "return_and_refund",
        "app_and_site",
        "billing",
        "staff_attitude",
        "other",
    ] = Field(description="What the clause speaks of.")
    label: str = Field(description="The same in the language of the labels.")
    sentiment: Sentiment | None = Field(description="How it sounds; null where the model is not sure.")
    score: Signed = Field(description="P(positive) - P(negative) of the clause.")
    start: int = Field(ge=0, description="Where the clause begins in the text as sent.")
    end: int = Field(ge=0, description="Where it ends; the character there is not part of it.")


class TextResult(Told):
    """How one text sounds."""

    id: str | None = Field(None, description="As sent, where one was.")
    label: Sentiment | None = Field(description="The likeliest sentiment; null where the service abstains.")
    probability: SentimentProbability | None = Field(description="Null where the text was not read.")
    score: Signed | None = Field(description="P(positive) - P(negative); null where it was not read.")
    confidence: Probability | None = Field(description="The highest of the three probabilities.")
    abstained: bool = Field(description="Whether no label is given.")
    abstained_reason: (
        Literal["no_text", "language_not_supported", "no_known_words", "low_confidence", "no_model"] | None
    ) = Field(None, description="Why none is given.")
    abstained_text: str | None = Field(None, description="The same in words.")
    language: Literal["en", "zh", "mixed", "unknown"] = Field(
        description="As the text itself shows it; `unknown` also for languages that are not read."
    )
    aspects: list[TextAspect] = Field(description="What is said of what, in the order of the text.")


class TextAnswers(Told):
    """The results, in the order of the texts."""

    release: str = Field(description="The set of models that answered.")
    locale: Locale = Field(description="Language of the labels.")
    model: Model | None = Field(description="Who answered; null where nothing is published.")
    results: list[TextResult] = Field(description="One for each text.")
    warnings: list[answers.Warning] = Field(description="What to know about the whole answer.")


_REQUEST: Final = TypeAdapter(TextRequest)
read_text_request: Final[Callable[[bytes | str], TextRequest]] = _REQUEST.validator.validate_json
"""Validate the bytes of one request; raises ``pydantic.ValidationError``."""


def count_fields(request: TextRequest) -> int:
    """Return how many fields of the request and of its texts were set."""
    return len(request.model_fields_set) + sum(len(item.model_fields_set) for item in request.texts)
