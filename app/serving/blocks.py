"""What each scorer says of customers, as blocks of an answer: values, who answered, what was missing, why.

Rules: features are computed once for all scorers that read the same form of input; parts of blocks that are
alike are shared, so nobody may change them; a number that does not apply is None, never NaN.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np

from app.capabilities import SCORERS
from app.capabilities.base import Answers, Output
from app.capabilities.sentiment import SENTIMENT
from app.domain.clock import from_microseconds
from app.domain.consent import granted
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, History
from app.estimators.base import Contributions, Moment
from app.estimators.ngrams import NgramModel
from app.features.compute import compute
from app.features.schema import Columns
from app.features.support import TEXT_FEATURES
from app.serving.plan import Block, Input, Plan
from app.serving.release import LoadedRelease
from app.serving.texts import with_sentiment
from app.texts.catalogue import Locale, feature_text, reason_text, word_label

REASON_LIMIT: Final = 8
"""Reasons per block, largest first; what the others add is given as one number."""
_TEXTS: Final = frozenset(feature.name for feature in TEXT_FEATURES)
_LABELLED: Final = {"segment": (("name", "segments"),)}
"""Words of a block that come with a label in the reader's language: the field, and its catalogue."""


def silent(reason: str) -> Block:
    """Return a block without a score."""
    return {
        "eligible": False,
        "ineligible_reason": reason,
        "data_sufficiency": "insufficient",
        "missing": [],
        "model": None,
    }


def _reader(release: LoadedRelease) -> NgramModel | None:
    """Return what reads texts on record: the model that a scorer learned with, else the release's own."""
    found = [artifact.text_model for name, artifact in release.artifacts.items() if name in SCORERS]
    sentiment = release.artifacts.get(SENTIMENT.name)
    own = None if sentiment is None else sentiment.text_model
    return next((model for model in found if model is not None), own)


@dataclass(frozen=True)
class Part:
    """N customers who gave the same form of input, and the features that all their scorers read.

    ``shared`` keeps what two scorers of one question would work out alike.
    """

    release: LoadedRelease
    history: History
    as_of: Array
    needed: frozenset[str]
    shared: dict[Hashable, Array] = field(default_factory=dict)

    @cached_property
    def columns(self) -> Columns:
        """The named feature columns, each of shape (N,); texts on record are read first, if need be."""
        reader = _reader(self.release) if self.needed & _TEXTS else None
        history = self.history if reader is None else with_sentiment(self.history, reader)
        return compute(history, self.as_of, self.needed, self.release.business.consent_defaults)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.release.business.timezone)


@dataclass(frozen=True)
class Answered:
    """What one scorer answered for the customers of a part: its columns, and how to tell them."""

    part: Part
    plan: Plan
    horizon_days: int | None

    @cached_property
    def X(self) -> Array:  # noqa: N802  the field's name for inputs
        """The inputs, shape (N, F)."""
        features, kept = self.plan.model.features, self.part.shared
        found = kept.get(features.schema_hash)
        if found is None:
            found = kept[features.schema_hash] = features.matrix(self.part.columns, self.part.history.size)
        return found

    @cached_property
    def moment(self) -> Moment:
        """When and how far ahead is asked."""
        elapsed = (self.part.as_of - self.plan.trained_as_of) / MICROSECONDS_PER_DAY
        return Moment(self.horizon_days, elapsed, self.part.shared)

    @cached_property
    def answers(self) -> Answers:
        """The scorer's columns."""
        return self.plan.scorer.predict(self.plan.model, self.X, self.moment)

    def blocks(self, locale: Locale, *, explain: bool) -> list[Block]:
        """Return the block of each customer, in order."""
        plan, answers, size = self.plan, self.answers, self.part.history.size
        missing = self._missing()
        eligible, who = answers["eligible"].tolist(), answers["population"].tolist()
        reasons = answers["ineligible_reason"].tolist()
        cards = plan.cards_at(self.moment)
        told = [(output, self._plain(output)) for output in plan.outputs]
        parts = plan.scorer.explain(plan.model, self.X, self.moment) if explain else None
        blocks = []
        for k in range(size):
            block: Block = {"eligible": eligible[k]}
            if reasons[k] is not None:
                block["ineligible_reason"] = reasons[k]
            block["data_sufficiency"] = "partial" if missing[k] else "full"
            if who[k] < 0 and np.isnan(self.X[k, plan.deciding]).any():
                block["data_sufficiency"] = "insufficient"
            block["missing"] = missing[k]
            block["model"] = cards[max(who[k], 0)]
            _fill(block, told, k)
            for word, section in _LABELLED.get(plan.scorer.name, ()):
                block["label"] = word_label(locale, section, block[word])
            if parts is not None and who[k] >= 0:
                block |= self._explanation(parts, k, locale)
            blocks.append(block)
        return blocks

    def _plain(self, output: Output) -> list[Any]:
        """Return one column of answers as JSON holds it."""
        values: list[Any] = self.answers[output.name].tolist()
        if output.unit == "word":
            return values
        if output.unit == "date":
            return [
                None if v != v else _midnight(int(at), int(v), self.part.zone)  # noqa: PLR0124  NaN alone
                for at, v in zip(self.part.as_of.tolist(), values, strict=True)
            ]
        is_whole = output.unit in {"days", "score"}
        return [None if v != v else int(v) if is_whole else v for v in values]  # noqa: PLR0124  as above

    def _explanation(self, parts: Contributions, k: int, locale: Locale) -> Block:
        """Return the reasons of one customer, and the numbers that make them add up."""
        plan, currency = self.plan, self.part.release.business.currency
        impacts, values = parts.values[k].tolist(), self.X[k].tolist()
        largest = np.argsort(-np.abs(parts.values[k]), kind="stable")[:REASON_LIMIT].tolist()
        reasons = []
        for j in largest:
            if impacts[j] == 0:
                break
            feature = plan.features[j]
            direction: Literal["raises", "lowers"] = "raises" if impacts[j] > 0 else "lowers"
            known = _known(self.part.columns[feature.name][k] if feature.kind == "category" else values[j])
            told = feature_text(locale, feature.name, feature.unit, known, currency, feature.label(locale))
            reasons.append(
                {
                    "feature": feature.name,
                    "value": known,
                    "direction": direction,
                    "impact": impacts[j],
                    "text": reason_text(locale, plan.scorer.name, direction, told),
                }
            )
        listed = sum(impacts[j] for j in largest)
        total, base = float(parts.values[k].sum()), float(parts.base[k])
        return {
            "reasons": reasons,
            "explanation": {
                "link": plan.scorer.link,
                "base": base,
                "other": total - listed,
                "sum": base + total,
            },
        }

    def _missing(self) -> list[list[str]]:
        """Return which inputs each customer came without, in the order of the plan."""
        size = self.part.history.size
        names: list[list[str]] = [[*self.plan.always_missing] for _ in range(size)]
        for entry in self.plan.inputs:
            for i in self._lacks(entry).nonzero()[0].tolist():
                names[i].append(entry.told)
        return names

    def _lacks(self, entry: Input) -> Array:
        """Return for whom an input was not given, or may not be read; bool of shape (N,)."""
        history = self.part.history
        if entry.place == "table":
            table = history.tables.get(entry.name)
            if table is None:
                return np.ones(history.size, dtype=bool)
            given: Array = table.given
            if entry.name == "events":
                defaults = self.part.release.business.consent_defaults
                given = given & granted(history, "behavioural_tracking", self.part.as_of, defaults)
            return ~given
        column = _of_record(history, entry)
        if column is None:
            return np.ones(history.size, dtype=bool)
        if column.dtype == object:
            return np.array([value is None for value in column.tolist()])
        is_missing: Array = column == NAT if column.dtype == np.int64 else np.isnan(column)
        return is_missing


def _fill(block: Block, told: Iterable[tuple[Output, list[Any]]], k: int) -> None:
    """Put one customer's values into a block; a name with a dot is a field of an object in it.

    An object without any value is None.
    """
    parts: dict[str, dict[str, Any]] = {}
    for output, values in told:
        outer, _, inner = output.name.partition(".")
        if inner:
            block.setdefault(outer, None)
            parts.setdefault(outer, {})[inner] = values[k]
        else:
            block[outer] = values[k]
    for outer, fields in parts.items():
        block[outer] = fields if any(value is not None for value in fields.values()) else None


def _midnight(at: int, days: int, zone: ZoneInfo) -> str:
    """Return the beginning of the local day that is so many days after a time, as ISO 8601."""
    day = from_microseconds(at, zone.key).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=zone).isoformat()


def _of_record(history: History, entry: Input) -> Array | None:
    """Return the column of an input that has one value per customer; None where it was given for nobody."""
    if entry.place == "profile":
        return history.profile.get(entry.name)
    if entry.place == "attribute":
        return history.attributes.get(entry.name)
    return None if history.summary is None else history.summary.get(entry.name)


def _known(value: Any) -> float | str | None:
    """Return an input as JSON holds it: None where it is not known."""
    if isinstance(value, float):
        return None if value != value else value  # noqa: PLR0124  NaN alone differs from itself
    return None if value is None else str(value)


def scores_of(answered: Mapping[str, Answered]) -> dict[str, Array]:
    """Return what scorers answered as named columns, such as ``churn.risk_level``, each of shape (N,)."""
    return {
        f"{name}.{output.name}": one.answers[output.name]
        for name, one in answered.items()
        for output in one.plan.outputs
    }
