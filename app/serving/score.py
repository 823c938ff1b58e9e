"""Score N customers with one release: the use case behind every endpoint, job and golden answer.

Rules: the answer is a pure function of the history, ``as_of``, the ask and the release; a customer in a batch
gets the same answer as alone; a customer who denied profiling is not scored and nothing of the history is
read; a limit of the data is an answer with a reason, never an error; no NaN leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from app.capabilities.base import Answers, Output
from app.domain.clock import from_microseconds
from app.domain.consent import granted
from app.domain.history import NAT, Array, History
from app.domain.selection import take
from app.estimators.base import Contributions
from app.features.compute import compute
from app.features.schema import ATTRIBUTE_PREFIX, Columns
from app.serving.plan import FULL, SUMMARY, Block, Input, Plan, plan_of, published
from app.serving.release import LoadedArtifact, LoadedRelease
from app.texts.catalogue import Locale, reason_text, warning_text

REASON_LIMIT: Final = 8
"""Reasons per block, largest first; what the others add is given as one number."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a caller wants to know. An empty ``want`` means every published scorer."""

    want: tuple[str, ...] = ()
    horizon_days: int | None = None
    locale: Locale = "en"
    explain: bool = False


def score(release: LoadedRelease, history: History, as_of: Array, ask: Ask) -> list[dict[str, Any]]:
    """Return one answer per customer in the contract's form, without ``score_id``.

    Parameters
    ----------
    history : History of N customers
    as_of : ndarray of int64, shape (N,)
        Microseconds since 1970 in UTC.

    Returns
    -------
    list of N dicts
        JSON-ready: None where a number does not apply. Parts that are alike are shared: do not change them.
    """
    wanted = ask.want or published(release)
    profiled = granted(history, "profiling", as_of, release.business.consent_defaults)
    blocks = {name: _blocks(release, name, history, as_of, profiled, ask) for name in wanted}
    zone, warnings = release.business.timezone, _warnings(release, wanted, ask)
    return [
        {
            "customer_id": customer_id,
            "as_of": from_microseconds(at, zone).isoformat(),
            "release": release.name,
            "personalised": personalised,
            "locale": ask.locale,
            "warnings": list(warnings),
            **{name: blocks[name][i] for name in wanted},
        }
        for i, (customer_id, at, personalised) in enumerate(
            zip(history.customer_ids, as_of.tolist(), profiled.tolist(), strict=True)
        )
    ]


def _warnings(release: LoadedRelease, wanted: tuple[str, ...], ask: Ask) -> list[dict[str, str]]:
    """Return what a caller should know about the whole answer."""
    return [
        {
            "code": "horizon_not_trained",
            "detail": warning_text(
                ask.locale,
                "horizon_not_trained",
                capability=name,
                trained=release.artifacts[name].manifest.label.horizon_days,
                asked=ask.horizon_days,
            ),
        }
        for name in wanted
        if name in release.artifacts and _is_other_horizon(release.artifacts[name], ask)
    ]


def _is_other_horizon(artifact: LoadedArtifact, ask: Ask) -> bool:
    trained = artifact.manifest.label.horizon_days
    return ask.horizon_days is not None and trained is not None and ask.horizon_days != trained


def _blocks(
    release: LoadedRelease, name: str, history: History, as_of: Array, profiled: Array, ask: Ask
) -> list[Block]:
    """Return one capability's block for each customer."""
    artifact = release.artifacts.get(name)
    blocks: list[Block] = [_silent("profiling_denied")] * history.size
    (others,) = profiled.nonzero()
    if name not in published(release) or artifact is None or _is_other_horizon(artifact, ask):
        silent = _silent("no_model" if artifact is None else "horizon_not_trained")
        for i in others.tolist():
            blocks[i] = silent
        return blocks
    for variant, rows in _by_variant(artifact, history, others).items():
        is_all = len(rows) == history.size
        part = _Part(
            release,
            plan_of(artifact, variant),
            history if is_all else take(history, rows),
            as_of if is_all else as_of[rows],
        )
        for i, block in zip(rows.tolist(), part.blocks(ask), strict=True):
            blocks[i] = block
    return blocks


def _silent(reason: str) -> Block:
    """Return a block without a score."""
    return {
        "eligible": False,
        "ineligible_reason": reason,
        "data_sufficiency": "insufficient",
        "missing": [],
        "model": None,
    }


def _by_variant(artifact: LoadedArtifact, history: History, rows: Array) -> dict[str, Array]:
    """Return which customers each variant answers for: the summary one, where a summary was given."""
    if history.summary is None or SUMMARY not in artifact.models:
        parts = {FULL: rows}
    else:
        is_given = ~np.isnan(history.summary["order_count"]) | (history.summary["last_order_at"] != NAT)
        is_summary = is_given[rows]
        parts = {FULL: rows[~is_summary], SUMMARY: rows[is_summary]}
    return {variant: part for variant, part in parts.items() if len(part)}


@dataclass(frozen=True, slots=True)
class _Part:
    """The customers that one variant of one artifact answers for."""

    release: LoadedRelease
    plan: Plan
    history: History
    as_of: Array

    def blocks(self, ask: Ask) -> list[Block]:
        """Return the block of each customer, in order."""
        plan, size = self.plan, self.history.size
        defaults = self.release.business.consent_defaults
        columns = compute(self.history, self.as_of, plan.needed, defaults)
        X = plan.model.features.matrix(columns, size)
        answers = plan.scorer.predict(plan.model, X)
        parts = plan.scorer.explain(plan.model, X) if ask.explain else None
        missing = self._missing()
        eligible, who = answers["eligible"].tolist(), answers["population"].tolist()
        reasons = answers["ineligible_reason"].tolist()
        told = {output.name: _plain(output, answers) for output in plan.outputs}
        blocks = []
        for k in range(size):
            block: Block = {"eligible": eligible[k]}
            if reasons[k] is not None:
                block["ineligible_reason"] = reasons[k]
            block["data_sufficiency"] = "partial" if missing[k] else "full"
            if who[k] < 0 and np.isnan(X[k, plan.deciding]).any():
                block["data_sufficiency"] = "insufficient"
            block["missing"] = missing[k]
            block["model"] = plan.cards[max(who[k], 0)]
            for name, values in told.items():
                block[name] = values[k]
            if parts is not None and who[k] >= 0:
                block |= self._explanation(parts, columns, X, k, ask.locale)
            blocks.append(block)
        return blocks

    def _explanation(self, parts: Contributions, columns: Columns, X: Array, k: int, locale: Locale) -> Block:
        """Return the reasons of one customer, and the numbers that make them add up."""
        features, currency = self.plan.features, self.release.business.currency
        impacts, values = parts.values[k].tolist(), X[k].tolist()
        largest = np.argsort(-np.abs(parts.values[k]), kind="stable")[:REASON_LIMIT].tolist()
        reasons = []
        for j in largest:
            if impacts[j] == 0:
                break
            feature = features[j]
            direction: Literal["raises", "lowers"] = "raises" if impacts[j] > 0 else "lowers"
            known = _known(columns[feature.name][k] if feature.kind == "category" else values[j])
            text = reason_text(
                locale, feature.name, feature.unit, known, direction, currency, feature.label(locale)
            )
            reasons.append(
                {
                    "feature": feature.name,
                    "value": known,
                    "direction": direction,
                    "impact": impacts[j],
                    "text": text,
                }
            )
        told = sum(impacts[j] for j in largest)
        total, base = float(parts.values[k].sum()), float(parts.base[k])
        return {
            "reasons": reasons,
            "explanation": {"link": "logit", "base": base, "other": total - told, "sum": base + total},
        }

    def _missing(self) -> list[list[str]]:
        """Return which inputs each customer came without, in the order of the plan."""
        size = self.history.size
        names: list[list[str]] = [[*self.plan.always_missing] for _ in range(size)]
        for entry in self.plan.inputs:
            for i in self._lacks(entry).nonzero()[0].tolist():
                names[i].append(entry.told)
        return names

    def _lacks(self, entry: Input) -> Array:
        """Return for whom an input was not given, or may not be read; bool of shape (N,)."""
        history = self.history
        if entry.place == "table":
            table = history.tables.get(entry.name)
            if table is None:
                return np.ones(history.size, dtype=bool)
            given: Array = table.given
            if entry.name == "events":
                defaults = self.release.business.consent_defaults
                given = given & granted(history, "behavioural_tracking", self.as_of, defaults)
            return ~given
        column = _of_record(history, entry)
        if column is None:
            return np.ones(history.size, dtype=bool)
        if column.dtype == object:
            return np.array([value is None for value in column.tolist()])
        is_missing: Array = column == NAT if column.dtype == np.int64 else np.isnan(column)
        return is_missing


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


def _plain(output: Output, answers: Answers) -> list[float | int | str | None]:
    """Return one column of answers as JSON holds it."""
    values: list[Any] = answers[output.name].tolist()
    if output.unit == "word":
        return values
    is_whole = output.unit == "days"
    return [None if v != v else int(v) if is_whole else v for v in values]  # noqa: PLR0124  as above


def attribute_kinds(release: LoadedRelease) -> Mapping[str, str]:
    """Return the attributes that the business declared, and their kinds."""
    kinds: dict[str, str] = dict(release.business.attributes)
    names = {"number": "numeric", "flag": "boolean", "category": "categorical"}
    for artifact in release.artifacts.values():
        for variant in artifact.manifest.variants:
            for feature in variant.features:
                if feature.name.startswith(ATTRIBUTE_PREFIX):
                    kinds[feature.name.removeprefix(ATTRIBUTE_PREFIX)] = names[feature.kind]
    return kinds
