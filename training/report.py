"""The model card: what a model is for, how it was judged, how good it is, what drives it, and its limits.

Everything in it comes from held-out rows unless it says otherwise. ``training.report_text`` puts it in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import rankdata

from app.artifacts.manifest import ManifestDraft
from app.domain.clock import from_microseconds
from app.domain.history import Array
from app.features.schema import ATTRIBUTE_PREFIX
from app.texts.catalogue import feature_label
from training.evaluation import auc, band, calibration_table, log_loss, top_share
from training.plots import calibration_plot, gains_plot
from training.tables import Tables
from training.targets import TESTED_FLOOR
from training.variants import Chosen, Fitted, published_rung

DRIVER_LIMIT: Final = 15
DRIVER_ROWS: Final = 2_000
SUBGROUP_ROWS: Final = 100
WANTED_ORIGINS: Final = 3


@dataclass(frozen=True, slots=True)
class Goal:
    """What an error costs, in the business's currency, and where the colour bands begin.

    ``red`` is the share with the highest risk, ``yellow`` the next; probabilities, where given, replace both.
    """

    cost_missed: float
    cost_false_alarm: float
    currency: str
    red: float
    yellow: float
    red_probability: float | None = None
    yellow_probability: float | None = None

    def cut_points(self, p: Array) -> dict[str, float]:
        """Return the lowest answers of red and of yellow among the answers of one population, shape (n,)."""
        if self.red_probability is not None and self.yellow_probability is not None:
            return {"red": self.red_probability, "yellow": self.yellow_probability}
        return {"red": top_share(p, self.red), "yellow": top_share(p, self.red + self.yellow)}


def card_of(
    draft: ManifestDraft,
    fitted: Mapping[str, Fitted],
    goal: Goal,
    tables: Tables,
    windows: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the card of a probability capability as a document.

    ``windows`` says by variant from which times the final fit learned; nothing of a variant without times.
    """
    return {
        "capability": draft.capability,
        "business": draft.business.name,
        "simulated": draft.business.simulated,
        "goal": {
            "predicts": draft.label.text.model_dump(by_alias=True),
            "definition": draft.label.definition,
            "horizon_days": draft.label.horizon_days,
            "cost_missed": goal.cost_missed,
            "cost_false_alarm": goal.cost_false_alarm,
            "currency": goal.currency,
        },
        "population": _population_text(draft),
        "trained_as_of": draft.trained_as_of,
        "data": {"fingerprint": draft.data_fingerprint, "rows": dict(tables.counts)},
        "seed": draft.seed,
        "git_commit": draft.git_commit,
        "libraries": draft.libraries,
        "variants": [_variant(one, draft, goal, windows.get(name)) for name, one in fitted.items()],
        "limits": _limits(draft, fitted),
    }


def _population_text(draft: ManifestDraft) -> str:
    gone = draft.settings.get("gone_after_days")
    return {
        "inactivity": (
            f"customers with a purchase, silent for at most {gone} days; one order day is a population of "
            "its own; who denied profiling is left out"
        ),
        "subscription_end": "customers with a running subscription; who denied profiling is left out",
        "label": "customers with a label; who denied profiling is left out",
    }[draft.label.definition]


def _variant(
    fitted: Fitted, draft: ManifestDraft, goal: Goal, windows: Mapping[str, Any] | None
) -> dict[str, Any]:
    y = fitted.data.y[fitted.tested.rows]
    p = fitted.tested_answer()
    return {
        "name": fitted.name,
        "windows": None if windows is None else dict(windows),
        "protocol": fitted.splits.protocol,
        "backtests": [
            {
                "origin": None if split.origin is None else iso(split.origin, draft.business.timezone),
                "trained_rows": len(split.train),
                "tested_rows": int((fitted.tested.origin == number).sum()),
                "tested_positives": int(
                    fitted.data.y[fitted.tested.rows[fitted.tested.origin == number]].sum()
                ),
                **by_origin(fitted, number),
            }
            for number, split in enumerate(fitted.splits.backtests)
        ],
        "chosen": {tier: rung.choice for tier, rung in fitted.ladder.rungs.items()},
        "populations": [population_of(fitted, k, draft) for k in range(len(fitted.chosen))],
        "calibration": [asdict(bin_) for bin_ in calibration_table(y, p)] if len(y) else [],
        "gains": gains_of(y, p),
        "bands": _bands(fitted, goal),
        "drivers": drivers_of(fitted),
        "subgroups": subgroups_of(fitted),
        "features": list(fitted.data.features.names),
    }


def iso(microseconds: int, timezone: str) -> str:
    """Return a time in a zone as ISO 8601."""
    return from_microseconds(microseconds, timezone).isoformat()


def by_origin(fitted: Fitted, number: int) -> dict[str, float]:
    """Return the published answers' and the rule's quality at one origin."""
    at = fitted.tested.origin == number
    y = fitted.data.y[fitted.tested.rows[at]]
    p, rule = fitted.tested_answer()[at], fitted.tested.p["rules"][at]
    return {
        "auc": plain(auc(y, p)),
        "rule_auc": plain(auc(y, rule)),
        "log_loss": plain(log_loss(y, p)),
        "rule_log_loss": plain(log_loss(y, rule)),
        "mean_predicted": plain(float(p.mean()) if len(p) else float("nan")),
        "observed": plain(float(y.mean()) if len(y) else float("nan")),
    }


def plain(value: float) -> Any:
    """Return a number for a document: None for what is not finite."""
    return value if np.isfinite(value) else None


def population_of(fitted: Fitted, index: int, draft: ManifestDraft) -> dict[str, Any]:
    """Return what a card says of one population: who answers, how good, and every verdict on the way."""
    one = fitted.chosen[index]
    entry = draft.variant(fitted.name)
    return {
        "name": one.name,
        "tier": one.tier,
        "grade": one.verdict.grade,
        "baseline": one.verdict.baseline.model_dump(),
        "reduction": one.verdict.reduction.model_dump(),
        "counts": {} if entry is None else dict(entry.populations[index].counts),
        "metrics": {name: interval.model_dump() for name, interval in one.metrics.items()},
        "rule_metrics": {name: interval.model_dump() for name, interval in one.rule_metrics.items()},
        "verdicts": {
            tier: {
                "grade": verdict.grade,
                "reduction": verdict.reduction.model_dump(),
                "against": verdict.baseline.name,
                "reason": verdict.reason,
            }
            for tier, verdict in one.verdicts.items()
        },
    }


def gains_of(y: Array, p: Array) -> list[dict[str, float]]:
    """Return the share of positives found in each top tenth of the held-out rows."""
    if not len(y) or y.sum() == 0:
        return []
    found = np.cumsum(y[np.argsort(-p, kind="stable")]) / y.sum()
    return [
        {"share": tenth / 10, "found": float(found[max(len(y) * tenth // 10, 1) - 1])}
        for tenth in range(1, 11)
    ]


def _bands(fitted: Fitted, goal: Goal) -> list[dict[str, Any]]:
    """Return what acting on red, on yellow and on both would have done, beside the rule cut in the same way.

    Each origin and each population is cut on its own, as the answers of one day are.
    """
    y, origin = fitted.data.y[fitted.tested.rows], fitted.tested.origin
    if not len(y):
        return []
    population = fitted.data.population[fitted.tested.rows]
    parts = [
        np.flatnonzero((origin == number) & (population == k))
        for number in np.unique(origin)
        for k in np.unique(population)
    ]
    bands = {}
    for who, p in (("model", fitted.tested_answer()), ("rule", fitted.tested.p["rules"])):
        red, warm = np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=bool)
        for rows in parts:
            cuts = goal.cut_points(p[rows])
            red[rows], warm[rows] = p[rows] >= cuts["red"], p[rows] >= cuts["yellow"]
        bands[who] = {"red": red, "yellow": warm & ~red, "yellow or red": warm}
    return [
        {"by": who, **asdict(band(level, y, bands[who][level], goal.cost_missed, goal.cost_false_alarm))}
        for level in ("red", "yellow", "yellow or red")
        for who in bands
    ]


def drivers_of(fitted: Fitted) -> list[dict[str, Any]]:
    """Return the features that move the final model most, and which way: drivers, not causes.

    Measured on training rows. ``direction`` is the sign of the rank correlation of value and contribution;
    a category has none.
    """
    rows = fitted.splits.final
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(rows)[:DRIVER_ROWS])
    X, population = fitted.data.X[rows], fitted.data.population[rows]
    values = np.zeros(X.shape)
    for k in range(len(fitted.chosen)):
        own = np.flatnonzero(population == k)
        if len(own):
            rung = published_rung(fitted, k)
            parts = rung.calibrations[k].apply_to(rung.estimators[k].contributions(X[own]))
            values[own] = parts.values
    strength = np.abs(values).mean(axis=0)
    answer = []
    for j in np.argsort(-strength, kind="stable")[:DRIVER_LIMIT]:
        if strength[j] == 0:
            break
        feature = fitted.data.features.features[j]
        answer.append(
            {
                "feature": feature.name,
                "label": feature_words(feature.name),
                "mean_impact": float(strength[j]),
                "direction": None if feature.kind == "category" else _direction(X[:, j], values[:, j]),
            }
        )
    return answer


def feature_words(name: str) -> str:
    """Return what a feature is, in English; a declared attribute is what the business calls it."""
    if name.startswith(ATTRIBUTE_PREFIX):
        return name.removeprefix(ATTRIBUTE_PREFIX)
    return feature_label("en", name)


def _direction(value: Array, impact: Array) -> str | None:
    known = ~np.isnan(value)
    if known.sum() < 2:
        return None
    if np.ptp(value[known]) == 0 or np.ptp(impact[known]) == 0:
        return None
    ranks = [rankdata(column[known]) for column in (value, impact)]
    return "raises" if np.corrcoef(ranks[0], ranks[1])[0, 1] > 0 else "lowers"


def subgroups_of(fitted: Fitted) -> list[dict[str, Any]]:
    """Return how predictions and outcomes compare in each category's groups of 100 held-out rows or more."""
    y, p = fitted.data.y[fitted.tested.rows], fitted.tested_answer()
    answer = []
    for j in fitted.data.features.categorical:
        feature = fitted.data.features.features[j]
        codes = fitted.data.X[fitted.tested.rows, j]
        for code, word in enumerate(fitted.data.features.vocabularies[feature.name]):
            own = codes == code
            if own.sum() >= SUBGROUP_ROWS:
                answer.append(
                    {
                        "feature": feature.name,
                        "word": word,
                        "rows": int(own.sum()),
                        "predicted": float(p[own].mean()),
                        "observed": float(y[own].mean()),
                        "error": float(p[own].mean() - y[own].mean()),
                        "auc": plain(auc(y[own], p[own])),
                    }
                )
    return answer


def _limits(draft: ManifestDraft, fitted: Mapping[str, Fitted]) -> list[str]:
    """Return what a reader must not conclude."""
    limits = [
        "A driver is what the model looks at, not a cause: changing it need not change the customer.",
        "A probability says who is likely to leave, not who can be kept.",
        f"Valid for the horizon and the population above, on what was known at {draft.trained_as_of}.",
    ]
    if draft.business.simulated:
        limits.insert(0, "Every number here is simulated: it shows how the method works, not how good it is.")
    for one in fitted.values():
        origins = [split.origin for split in one.splits.backtests]
        if None in origins or not origins:
            limits.append(f"{one.name}: judged {one.splits.protocol}, so change over time was not tested.")
        elif len(origins) < WANTED_ORIGINS:
            limits.append(
                f"{one.name}: backtested at {len(origins)} origin{'s' * (len(origins) > 1)} only; three or "
                "more are wanted."
            )
        limits.extend(
            f"{one.name}, {chosen.name}: {why_only_rules(one, chosen)}"
            for chosen in one.chosen
            if chosen.tier == "rules"
        )
    return limits


def why_only_rules(fitted: Fitted, chosen: Chosen) -> str:
    """Return why a population is answered by the rules tier."""
    y = fitted.data.y[fitted.tested.rows[chosen.rows]]
    rarer = int(min(y.sum(), len(y) - y.sum()))
    if rarer < TESTED_FLOOR:
        return (
            f"{rarer} held-out rows of the rarer outcome; a tier above the rules is judged from "
            f"{TESTED_FLOOR} on."
        )
    return "no tier above the rules earned publication; this is a weak model."


def plots_of(fitted: Mapping[str, Fitted], *, simulated: bool) -> dict[str, bytes]:
    """Return the card's pictures by file name, PNG."""
    plots = {}
    for name, one in fitted.items():
        y, p = one.data.y[one.tested.rows], one.tested_answer()
        if len(y):
            title = f"{name}{' (simulated)' if simulated else ''}"
            plots[f"{name}.calibration.png"] = calibration_plot(y, p, title)
            plots[f"{name}.gains.png"] = gains_plot(y, p, one.tested.p["rules"], title)
    return plots
