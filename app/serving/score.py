"""Score N customers with one release: the use case behind every endpoint, job and golden answer.

Rules: the answer is a pure function of the history, ``as_of``, the ask and the release; a customer in a batch
gets the same answer as alone; a customer who denied profiling is not scored from behaviour; a limit of the
data is an answer with a reason, never an error; no NaN leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from app.artifacts.manifest import Population, Variant
from app.capabilities import SCORERS
from app.capabilities.base import Answers, Model, Output, Scorer
from app.domain.clock import from_microseconds
from app.domain.consent import granted
from app.domain.history import NAT, Array, History
from app.estimators.base import Contributions
from app.features.compute import compute
from app.features.schema import ATTRIBUTE_PREFIX, Columns
from app.serving.release import LoadedArtifact, LoadedRelease
from app.texts.catalogue import Locale, reason_text

REASON_LIMIT: Final = 8
"""Reasons per block, largest first; what the others add is given as one number."""

FULL: Final = "full"
SUMMARY: Final = "summary"

Block = dict[str, Any]


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
        JSON-ready: None where a number does not apply.
    """
    wanted = ask.want or tuple(name for name in SCORERS if name in release.artifacts)
    profiled = granted(history, "profiling", as_of, release.business.consent_defaults)
    blocks = {name: _blocks(release, name, history, as_of, profiled, ask) for name in wanted}
    zone = release.business.timezone
    return [
        {
            "customer_id": customer_id,
            "as_of": from_microseconds(int(as_of[i]), zone).isoformat(),
            "release": release.name,
            "personalised": bool(profiled[i]),
            "locale": ask.locale,
            "warnings": _warnings(release, wanted, ask),
            **{name: blocks[name][i] for name in wanted},
        }
        for i, customer_id in enumerate(history.customer_ids)
    ]


def _warnings(release: LoadedRelease, wanted: tuple[str, ...], ask: Ask) -> list[dict[str, str]]:
    """Return what a caller should know about the whole answer."""
    if ask.horizon_days is None:
        return []
    others = [
        name
        for name in wanted
        if name in release.artifacts
        and release.artifacts[name].manifest.label.horizon_days not in (None, ask.horizon_days)
    ]
    return [
        {"code": "horizon_not_trained", "detail": f"{name} was trained for another horizon"} for name in others
    ]


def _blocks(
    release: LoadedRelease, name: str, history: History, as_of: Array, profiled: Array, ask: Ask
) -> list[Block]:
    """Return one capability's block for each customer."""
    artifact = release.artifacts.get(name)
    if artifact is None or name not in SCORERS:
        return [_silent("no_model") for _ in range(history.size)]
    blocks: list[Block] = [_silent("profiling_denied") for _ in range(history.size)]
    trained = artifact.manifest.label.horizon_days
    if ask.horizon_days is not None and trained not in (None, ask.horizon_days):
        silent = [_silent("horizon_not_trained") for _ in range(history.size)]
        return [silent[i] if profiled[i] else blocks[i] for i in range(history.size)]
    for variant, rows in _by_variant(artifact, history, profiled).items():
        columns = compute(
            history,
            as_of,
            frozenset(artifact.models[variant].features.names),
            release.business.consent_defaults,
        )
        part = _Part(release, artifact, SCORERS[name], variant, columns, history, rows)
        for i, block in zip(rows, part.blocks(ask), strict=True):
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


def _by_variant(artifact: LoadedArtifact, history: History, profiled: Array) -> dict[str, Array]:
    """Return which customers each variant answers for: the summary one, where a summary was given."""
    has_summary = np.zeros(history.size, dtype=bool)
    if history.summary is not None and SUMMARY in artifact.models:
        has_summary = history.summary["last_order_at"] != NAT
    parts = {FULL: np.flatnonzero(profiled & ~has_summary), SUMMARY: np.flatnonzero(profiled & has_summary)}
    return {variant: rows for variant, rows in parts.items() if len(rows)}


@dataclass(frozen=True, slots=True)
class _Part:
    """The customers that one variant of one artifact answers for."""

    release: LoadedRelease
    artifact: LoadedArtifact
    scorer: Scorer
    variant: str
    columns: Columns
    history: History
    rows: Array

    def blocks(self, ask: Ask) -> list[Block]:
        """Return the block of each customer of ``rows``, in order."""
        model = self.artifact.models[self.variant]
        entry = self.artifact.manifest.variant(self.variant)
        assert entry is not None  # noqa: S101  the loader holds models and manifest variants together
        X = model.features.matrix(self.columns, self.history.size)[self.rows]
        answers = self.scorer.predict(model, X)
        who = self.scorer.population(model, X)
        parts = self.scorer.explain(model, X) if ask.explain else None
        cards = [_model_block(self.artifact, population) for population in entry.populations]
        missing = _missing(entry, self.history, X, self.rows)
        blocks = []
        for k in range(len(self.rows)):
            block: Block = {
                "eligible": bool(answers["eligible"][k]),
                "ineligible_reason": answers["ineligible_reason"][k],
                "data_sufficiency": _sufficiency(self.variant, who[k], missing[k]),
                "missing": missing[k],
                "model": cards[max(int(who[k]), 0)],
            }
            if block["ineligible_reason"] is None:
                del block["ineligible_reason"]
            for output in self.scorer.outputs[2:]:
                block[output.name] = _plain(output, answers, k)
            if parts is not None and who[k] >= 0:
                block |= self._explanation(model, entry, parts, X, k, ask.locale)
            blocks.append(block)
        return blocks

    def _explanation(
        self, model: Model, entry: Variant, parts: Contributions, X: Array, k: int, locale: Locale
    ) -> Block:
        """Return the reasons of one customer, and the numbers that make them add up."""
        impact = parts.values[k]
        order = np.argsort(-np.abs(impact), kind="stable")[:REASON_LIMIT]
        reasons = []
        for j in order[impact[order] != 0]:
            feature, value = entry.features[j], X[k, j]
            direction: Literal["raises", "lowers"] = "raises" if impact[j] > 0 else "lowers"
            known: float | str | None = None
            if feature.kind == "category":
                word = self.columns[feature.name][self.rows[k]]
                known = None if word is None else str(word)
            elif not np.isnan(value):
                known = float(value)
            label = None if feature.label is None else (feature.label.zh_cn if locale == "zh-CN" else feature.label.en)
            reasons.append(
                {
                    "feature": feature.name,
                    "value": known,
                    "direction": direction,
                    "impact": float(impact[j]),
                    "text": reason_text(
                        locale, feature.name, feature.unit, known, direction,
                        self.release.business.currency, label,
                    ),
                }
            )
        told = sum(reason["impact"] for reason in reasons)
        total = float(impact.sum())
        base = float(parts.base[k])
        return {
            "reasons": reasons,
            "explanation": {"link": "logit", "base": base, "other": total - told, "sum": base + total},
        }


def _model_block(artifact: LoadedArtifact, population: Population) -> Block:
    """Return who answers and how good that is."""
    manifest = artifact.manifest
    return {
        "capability": manifest.capability,
        "version": manifest.version,
        "tier": population.tier,
        "grade": population.grade,
        "baseline": population.baseline.model_dump(),
        "population": population.name,
        "trained_as_of": manifest.trained_as_of,
    }


def _missing(entry: Variant, history: History, X: Array, rows: Array) -> list[list[str]]:
    """Return which inputs each customer came without: tables, and attributes."""
    tables = sorted({feature.table for feature in entry.features} & history_tables(entry))
    names = []
    for table in tables:
        held = history.tables.get(table)
        names.append(np.zeros(len(rows), dtype=bool) if held is None else held.given[rows])
    declared = [
        (j, "attributes." + feature.name.removeprefix(ATTRIBUTE_PREFIX))
        for j, feature in enumerate(entry.features)
        if feature.name.startswith(ATTRIBUTE_PREFIX)
    ]
    always = ["orders"] if entry.name == SUMMARY else []
    return [
        always
        + [table for table, given in zip(tables, names, strict=True) if not given[k]]
        + [name for j, name in declared if np.isnan(X[k, j])]
        for k in range(len(rows))
    ]


def history_tables(entry: Variant) -> set[str]:
    """Return the tables of a variant's features that a payload carries as lists."""
    return {feature.table for feature in entry.features} - {"", "customers", "summary", "attributes"}


def _sufficiency(variant: str, who: int, missing: list[str]) -> str:
    """Return whether the data were enough for this model's best answer."""
    if who < 0 and "orders" in missing:
        return "insufficient"
    return "partial" if variant == SUMMARY or missing else "full"


def _plain(output: Output, answers: Answers, k: int) -> float | int | str | None:
    """Return one answer as JSON holds it."""
    value = answers[output.name][k]
    if output.unit == "word":
        return None if value is None else str(value)
    if np.isnan(value):
        return None
    return int(value) if output.unit == "days" else float(value)


def attribute_kinds(release: LoadedRelease) -> Mapping[str, str]:
    """Return the declared attributes that the release's models read, and their kinds."""
    kinds: dict[str, str] = {}
    names = {"number": "numeric", "flag": "boolean", "category": "categorical"}
    for artifact in release.artifacts.values():
        for variant in artifact.manifest.variants:
            for feature in variant.features:
                if feature.name.startswith(ATTRIBUTE_PREFIX):
                    kinds[feature.name.removeprefix(ATTRIBUTE_PREFIX)] = names[feature.kind]
    return kinds
