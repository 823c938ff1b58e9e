"""Up to five sentences for the person on the phone: who this is, what to do, what may come.

Rules: what is not known is left out, never guessed; what is predicted is told as a chance or a range, and
called rough where the model's grade is C; no name and no contact detail stands in it; a customer who allows
no profiling, or of whom nothing is known, gets one honest sentence. The most important sentences come first:
who, what is open or has fired, the risk, the next order, the worth, then the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.features.library import LIBRARY
from app.serving.rules import TWINS
from app.texts.catalogue import Locale, catalogue, feature_text, format_value, ineligible_text

SENTENCES: Final = 5
_ASKED: Final = frozenset(
    {
        "average_gap_days",
        "days_since_first_order",
        "days_since_last_feedback",
        "days_since_last_order",
        "days_to_renewal",
        "last_feedback_score",
        "oldest_open_complaint_days",
        "order_days",
        "revenue_total",
        "silence_ratio",
    }
)
BRIEF_FEATURES: Final = frozenset(_ASKED | {TWINS[name] for name in _ASKED if name in TWINS})
"""The features that a brief is made of: ``facts`` holds them by name."""

OVERDUE_RATIO: Final = 1.5
"""From this multiple of the usual gap on, silence is called overdue."""
RENEWAL_DAYS: Final = 60.0
LOW_SCORE: Final = 0.4
DISSATISFIED: Final = 0.3
"""From this probability of dissatisfaction on it is spoken of."""
FEEDBACK_DAYS: Final = 180.0
_FIRED: Final = 2
"""Triggers that are told, those that stand first."""
_LEAST, _MOST = 0.01, 0.99
"""A chance beyond these is told as under or over them: nothing about a person is certain."""
_MONTH, _YEAR = 365.2425 / 12, 365.2425

Facts = Mapping[str, float | str | None]
Block = Mapping[str, Any]


def brief(blocks: Mapping[str, Any], facts: Facts, locale: Locale, currency: str) -> list[str]:
    """Return what a person should know before speaking to a customer, most important first.

    Parameters
    ----------
    blocks : mapping
        The answer's blocks by name (churn, clv, purchase, satisfaction, segment), and under ``triggers``
        what fired; any may be absent.
    facts : mapping
        Library features of the customer, those of :data:`BRIEF_FEATURES`; None or NaN where not known.
    currency : str
        ISO 4217.

    Returns
    -------
    list of str
        One to five sentences.
    """
    scored = [block for block in blocks.values() if isinstance(block, Mapping)]
    if any(block.get("ineligible_reason") == "profiling_denied" for block in scored):
        return [ineligible_text(locale, "profiling_denied")]
    teller = _Teller(blocks, facts, locale, currency)
    sentences = [teller.stopped(sentence) for sentence in teller.sentences() if sentence]
    return sentences[:SENTENCES] or [teller.stopped(teller.texts["nothing"])]


class _Teller:
    """One customer's blocks and facts, and the sentences that they are enough for."""

    def __init__(self, blocks: Mapping[str, Any], facts: Facts, locale: Locale, currency: str) -> None:
        self.blocks, self.facts, self.locale, self.currency = blocks, facts, locale, currency
        self.texts: Mapping[str, Any] = catalogue(locale)["brief"]
        self.fired: list[Block] = list(blocks.get("triggers") or ())

    def sentences(self) -> Iterator[str | None]:
        """Yield the sentences, most important first; None where too little is known for one."""
        told = {entry.get("feature") for one in self.fired for entry in one["evidence"]}
        churn = self.block("churn")
        is_calm = churn.get("risk_level") == "green"
        yield self.who()
        if "oldest_open_complaint_days" not in told:
            yield self.complaint()
        yield self.what_fired()
        yield None if is_calm else self.risk(churn)
        yield self.dissatisfaction()
        yield self.next_order()
        yield self.worth()
        if "days_to_renewal" not in told:
            yield self.renewal()
        yield self.feedback()
        yield self.risk(churn) if is_calm else None

    # ── What is known ─────────────────────────────────────────────────────────────────────────────────
    def block(self, name: str) -> Block:
        """Return a block, empty where it did not come."""
        block = self.blocks.get(name)
        return block if isinstance(block, Mapping) else {}

    def fact(self, name: str) -> float | None:
        """Return a number of the full history, or of a summary where that is what was given."""
        for one in (name, TWINS.get(name, name)):
            value = self.facts.get(one)
            if isinstance(value, int | float) and math.isfinite(value):
                return float(value)
        return None

    # ── Words ─────────────────────────────────────────────────────────────────────────────────────────
    def stopped(self, sentence: str) -> str:
        """Return a sentence with its full stop."""
        return str(self.texts["stop"].format(sentence=sentence))

    def shown(self, unit: str, value: float) -> str:
        """Return a value with its unit."""
        return format_value(self.locale, unit, value, self.currency)

    def chance(self, p: float) -> str:
        """Return a predicted probability, hedged."""
        if not _LEAST <= p <= _MOST:
            return str(self.texts["under" if p < _LEAST else "over"])
        return str(self.texts["about"].format(share=self.shown("share", round(p, 2))))

    def about(self, feature: str, value: float) -> str:
        """Return the catalogue's sentence about a feature."""
        return feature_text(self.locale, feature, LIBRARY[feature].unit, value, self.currency)

    def rough(self, sentence: str, block: Block) -> str:
        """Return a prediction, called rough where its grade is C."""
        is_rough = (block.get("model") or {}).get("grade") == "C"
        return str(self.texts["rough"].format(sentence=sentence)) if is_rough else sentence

    def span(self, days: float) -> str:
        """Return how long ago something was, in days, months or years."""
        if days < 2 * _MONTH:
            return self.shown("days", days)
        unit, length = ("months", _MONTH) if days < 2 * _YEAR else ("years", _YEAR)
        return str(self.texts[unit].format(n=round(days / length)))

    # ── Sentences ─────────────────────────────────────────────────────────────────────────────────────
    def who(self) -> str | None:
        """Say who this is: stage and segment, orders, spending, the last order."""
        segment = self.block("segment")
        stage, label = segment.get("lifecycle_stage"), segment.get("label") or segment.get("name")
        head = self.texts["stages"].get(stage, self.texts["customer"])
        if label:
            head = self.texts["in_segment"].format(head=head, segment=label)
        facts = list(self.orders())
        if facts:
            return str(self.texts["who"].format(head=head, facts=self.texts["comma"].join(facts)))
        return str(head) if stage or label else None

    def orders(self) -> Iterator[str]:
        """Yield what is known of the orders so far."""
        texts, orders = self.texts, self.fact("order_days")
        first, last, spent = (
            self.fact(name) for name in ("days_since_first_order", "days_since_last_order", "revenue_total")
        )
        if orders == 0:
            yield texts["no_order"]
            return
        if orders == 1:
            yield texts["one_day" if self.facts.get("order_days") == 1 else "one_order"]
        else:
            if first is not None and first >= 1:
                yield texts["first_order"].format(span=self.span(first))
            if orders is not None:
                is_days = self.facts.get("order_days") == orders
                yield texts["order_days" if is_days else "orders"].format(n=self.shown("count", orders))
        if spent is not None:
            form = "spent" if spent > 0 else "given_back" if spent < 0 else "spent_nothing"
            yield texts[form].format(value=self.shown("currency", abs(spent)))
        if last is not None:
            form = {0: "last_today", 1: "last_yesterday"}.get(int(last), "last_order")
            yield texts[form].format(days=self.span(last))

    def complaint(self) -> str | None:
        """Say that a complaint is open."""
        days = self.fact("oldest_open_complaint_days")
        if days is None:
            return None
        form = {0: "complaint_today", 1: "complaint_yesterday"}.get(int(days), "complaint")
        return str(self.texts[form].format(days=self.shown("days", days)))

    def what_fired(self) -> str | None:
        """Say which triggers fired, and what they suggest."""
        if not self.fired:
            return None
        told = self.fired[:_FIRED]
        what = self.texts["semicolon"].join(str(one["text"]).rstrip(" .。;；") for one in told)
        words = dict.fromkeys(word for one in told for word in one["suggests"])
        names = catalogue(self.locale)["suggestions"]
        suggestions = self.texts["comma"].join(names[word] for word in words if word in names)
        return str(self.texts["fired"].format(what=what, suggestions=suggestions)) if suggestions else what

    def risk(self, churn: Block) -> str | None:
        """Say how likely the customer is to be lost, and the most telling reason."""
        if churn.get("ineligible_reason") == "already_churned":
            return str(self.texts["gone"])
        level, p, days = churn.get("risk_level"), churn.get("probability"), churn.get("horizon_days")
        if level not in self.texts["risks"] or p is None:
            return None
        form = "risk" if days is None else "risk_within"
        told = self.texts[form].format(
            risk=self.texts["risks"][level],
            p=self.chance(p),
            days="" if days is None else self.shown("days", days),
        )
        sentence, reason = self.rough(told, churn), self.reason(churn)
        if level == "green" or reason is None:
            return sentence
        return str(self.texts["telling"].format(sentence=sentence, reason=reason))

    def dissatisfaction(self) -> str | None:
        """Say that the customer is probably dissatisfied, where that is likely enough."""
        block = self.block("satisfaction")
        p = block.get("dissatisfied_probability")
        if p is None or p < DISSATISFIED:
            return None
        return self.rough(str(self.texts["dissatisfied"].format(p=self.chance(p))), block)

    def reason(self, churn: Block) -> str | None:
        """Return the most telling reason for a risk, to stand within a sentence."""
        for one in churn.get("reasons") or ():
            if one["direction"] == "raises" and one["value"] is not None and one["feature"] in LIBRARY:
                told = self.about(one["feature"], one["value"])
                return told if told[:2].isupper() else told[:1].lower() + told[1:]
        return None

    def next_order(self) -> str | None:
        """Say whether an order is overdue, when the next one may come, and how likely one is."""
        purchase, ratio = self.block("purchase"), self.fact("silence_ratio")
        p, days = purchase.get("probability"), purchase.get("horizon_days")
        sentence = None
        if ratio is not None and ratio >= OVERDUE_RATIO:
            sentence = self.texts["overdue"].format(ratio=self.shown("ratio", ratio))
        elif purchase.get("earliest_at") and purchase.get("latest_at"):
            earliest, latest = purchase["earliest_at"][:10], purchase["latest_at"][:10]
            form = "window_day" if earliest == latest else "window"
            sentence = self.texts[form].format(earliest=earliest, latest=latest)
        if p is None or days is None:
            return sentence
        form = "chance" if sentence is None else "and_chance"
        told = self.texts[form].format(sentence=sentence, days=self.shown("days", days), p=self.chance(p))
        return self.rough(told, purchase)

    def worth(self) -> str | None:
        """Say what the customer is probably worth, with the range."""
        clv = self.block("clv")
        value, days = clv.get("predicted_value"), clv.get("horizon_days")
        low, high = clv.get("predicted_low"), clv.get("predicted_high")
        if value is None or days is None:
            return None
        if value == 0 and not high:
            form = "worth_nothing"
        else:
            form = "worth" if low is None or high is None else "worth_range"
        told = self.texts[form].format(
            value=self.shown("currency", value),
            days=self.shown("days", days),
            low="" if low is None else self.shown("currency", low),
            high="" if high is None else self.shown("currency", high),
        )
        return self.rough(told, clv)

    def renewal(self) -> str | None:
        """Say that a subscription is about to renew or end."""
        days = self.fact("days_to_renewal")
        return None if days is None or days > RENEWAL_DAYS else self.about("days_to_renewal", days)

    def feedback(self) -> str | None:
        """Say that the last feedback was bad, where that is not long ago."""
        score, days = self.fact("last_feedback_score"), self.fact("days_since_last_feedback")
        if score is None or days is None or score > LOW_SCORE or days > FEEDBACK_DAYS:
            return None
        return self.about("last_feedback_score", score)
