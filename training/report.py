"""The model card: what a model is for, how it was judged, how good it is, what drives it, and its limits.

One document, rendered as JSON and as Markdown; everything in it comes from held-out rows unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import ManifestDraft
from app.domain.clock import from_microseconds
from app.domain.history import Array
from app.features.schema import ATTRIBUTE_PREFIX
from app.texts.catalogue import feature_label
from training.evaluation import auc, band, calibration_table, log_loss
from training.plots import calibration_plot, gains_plot
from training.probability import Fitted, published_rung
from training.tables import Tables

DRIVER_LIMIT: Final = 15
DRIVER_ROWS: Final = 2_000
SUBGROUP_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Goal:
    """What an error costs, in the business's currency, and how wide the colour bands are."""

    cost_missed: float
    cost_false_alarm: float
    currency: str
    red: float
    yellow: float


def card_of(
    draft: ManifestDraft, fitted: Mapping[str, Fitted], goal: Goal, tables: Tables
) -> dict[str, Any]:
    """Return the card of a probability capability as a document."""
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
        "variants": [_variant(one, draft, goal) for one in fitted.values()],
        "limits": _limits(draft, fitted),
    }


def _population_text(draft: ManifestDraft) -> str:
    gone = draft.settings.get("gone_after_days")
    return {
        "inactivity": (
            f"customers with a purchase, silent for at most {gone} days; one order day is a population of its own; "
            "who denied profiling is left out"
        ),
        "subscription_end": "customers with a running subscription; who denied profiling is left out",
        "label": "customers with a label; who denied profiling is left out",
    }[draft.label.definition]


def _variant(fitted: Fitted, draft: ManifestDraft, goal: Goal) -> dict[str, Any]:
    y = fitted.data.y[fitted.tested.rows]
    p = fitted.tested_probability()
    return {
        "name": fitted.name,
        "protocol": fitted.splits.protocol,
        "backtests": [
            {
                "origin": None if split.origin is None else _iso(split.origin, draft.business.timezone),
                "trained_rows": len(split.train),
                "tested_rows": len(split.test),
                "tested_positives": int(fitted.data.y[split.test].sum()),
                **_by_origin(fitted, number),
            }
            for number, split in enumerate(fitted.splits.backtests)
        ],
        "chosen": {tier: rung.choice for tier, rung in fitted.ladder.rungs.items()},
        "populations": [_population(fitted, k) for k in range(len(fitted.chosen))],
        "calibration": [asdict(bin_) for bin_ in calibration_table(y, p)] if len(y) else [],
        "gains": _gains(y, p),
        "bands": _bands(fitted, goal),
        "drivers": _drivers(fitted),
        "subgroups": _subgroups(fitted),
        "features": list(fitted.data.features.names),
    }


def _iso(microseconds: int, timezone: str) -> str:
    return from_microseconds(microseconds, timezone).isoformat()


def _by_origin(fitted: Fitted, number: int) -> dict[str, float]:
    """Return the published answers' and the rule's quality at one origin."""
    at = fitted.tested.origin == number
    y = fitted.data.y[fitted.tested.rows[at]]
    p, rule = fitted.tested_probability()[at], fitted.tested.p["rules"][at]
    return {
        "auc": _plain(auc(y, p)),
        "rule_auc": _plain(auc(y, rule)),
        "log_loss": _plain(log_loss(y, p)),
        "rule_log_loss": _plain(log_loss(y, rule)),
        "mean_predicted": _plain(float(p.mean()) if len(p) else float("nan")),
        "observed": _plain(float(y.mean()) if len(y) else float("nan")),
    }


def _plain(value: float) -> Any:
    return value if np.isfinite(value) else None


def _population(fitted: Fitted, index: int) -> dict[str, Any]:
    one = fitted.chosen[index]
    return {
        "name": one.name,
        "tier": one.tier,
        "grade": one.verdict.grade,
        "baseline": one.verdict.baseline.model_dump(),
        "reduction": one.verdict.reduction.model_dump(),
        "tested_rows": len(one.rows),
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


def _gains(y: Array, p: Array) -> list[dict[str, float]]:
    """Return the share of positives found in each top tenth of the held-out rows."""
    if not len(y) or y.sum() == 0:
        return []
    found = np.cumsum(y[np.argsort(-p, kind="stable")]) / y.sum()
    return [
        {"share": tenth / 10, "found": float(found[max(len(y) * tenth // 10, 1) - 1])} for tenth in range(1, 11)
    ]


def _bands(fitted: Fitted, goal: Goal) -> list[dict[str, Any]]:
    """Return what acting on red, and on red and yellow, would have done, beside the rule at the same shares."""
    y = fitted.data.y[fitted.tested.rows]
    if not len(y):
        return []
    answer = []
    for level, share in (("red", goal.red), ("yellow or red", goal.red + goal.yellow)):
        for who, p in (("model", fitted.tested_probability()), ("rule", fitted.tested.p["rules"])):
            # Each origin is cut on its own, as it would have been on the day; ties at the cut by position.
            chosen = np.zeros(len(y), dtype=bool)
            for number in np.unique(fitted.tested.origin):
                at = np.flatnonzero(fitted.tested.origin == number)
                chosen[at[np.argsort(-p[at], kind="stable")[: round(share * len(at))]]] = True
            answer.append({"by": who, **asdict(band(level, y, chosen, goal.cost_missed, goal.cost_false_alarm))})
    return answer


def _drivers(fitted: Fitted) -> list[dict[str, Any]]:
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
                "label": feature.name.removeprefix(ATTRIBUTE_PREFIX)
                if feature.name.startswith(ATTRIBUTE_PREFIX)
                else feature_label("en", feature.name),
                "mean_impact": float(strength[j]),
                "direction": None if feature.kind == "category" else _direction(X[:, j], values[:, j]),
            }
        )
    return answer


def _direction(value: Array, impact: Array) -> str | None:
    known = ~np.isnan(value)
    if known.sum() < 2:
        return None
    ranks = [np.argsort(np.argsort(column[known], kind="stable")) for column in (value, impact)]
    if np.ptp(value[known]) == 0 or np.ptp(impact[known]) == 0:
        return None
    return "raises" if np.corrcoef(*ranks)[0, 1] > 0 else "lowers"


def _subgroups(fitted: Fitted) -> list[dict[str, Any]]:
    """Return how predictions and outcomes compare in each category's groups of 100 held-out rows or more."""
    y, p = fitted.data.y[fitted.tested.rows], fitted.tested_probability()
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
                        "auc": _plain(auc(y[own], p[own])),
                    }
                )
    return answer


def _limits(draft: ManifestDraft, fitted: Mapping[str, Fitted]) -> list[str]:
    """Return what a reader must not conclude."""
    limits = [
        "A driver is what the model looks at, not a cause: changing it need not change the customer.",
        "A probability says who is likely to leave, not who can be kept.",
        f"Valid for the horizon and the population above; trained on what was known at {draft.trained_as_of}.",
    ]
    if draft.business.simulated:
        limits.insert(0, "Every number here is simulated: it shows how the method works, not how good it is.")
    for one in fitted.values():
        if "random" in one.splits.protocol:
            limits.append(f"{one.name}: judged by a {one.splits.protocol}, so change over time was not tested.")
        if len(one.splits.backtests) < 3:
            limits.append(f"{one.name}: {len(one.splits.backtests)} backtests only; three or more are wanted.")
        limits.extend(
            f"{one.name}, {chosen.name}: no tier above the rules earned publication; this is a weak model."
            for chosen in one.chosen
            if chosen.tier == "rules"
        )
    return limits


def plots_of(fitted: Mapping[str, Fitted], *, simulated: bool) -> dict[str, bytes]:
    """Return the card's pictures by file name, PNG."""
    plots = {}
    for name, one in fitted.items():
        y, p = one.data.y[one.tested.rows], one.tested_probability()
        if len(y):
            title = f"{name}{' (simulated)' if simulated else ''}"
            plots[f"{name}.calibration.png"] = calibration_plot(y, p, title)
            plots[f"{name}.gains.png"] = gains_plot(y, p, one.tested.p["rules"], title)
    return plots


def markdown(card: Mapping[str, Any], plots: tuple[str, ...]) -> str:
    """Return the card as Markdown."""
    goal = card["goal"]
    lines = [
        f"# Model card: {card['capability']} of {card['business']}",
        "",
        *(["**Simulated data.** Nothing here is evidence about real customers.", ""] if card["simulated"] else []),
        f"Predicts: {goal['predicts']['en']} ({goal['predicts']['zh-CN']}).",
        "",
        f"* Population: {card['population']}.",
        f"* Known up to: {card['trained_as_of']}. Data fingerprint `{card['data']['fingerprint'][:16]}`.",
        f"* Costs: a missed churner {goal['cost_missed']:g} {goal['currency']}, "
        f"a false alarm {goal['cost_false_alarm']:g} {goal['currency']}.",
        "",
    ]
    for variant in card["variants"]:
        lines += _variant_markdown(variant, goal["currency"], plots)
    lines += ["## Limits", "", *(f"* {limit}" for limit in card["limits"]), ""]
    return "\n".join(lines)


def _variant_markdown(variant: Mapping[str, Any], currency: str, plots: tuple[str, ...]) -> list[str]:
    lines = [f"## Variant {variant['name']}", "", f"Judged {variant['protocol']}.", ""]
    lines += _table(
        ("population", "tier", "grade", "baseline", "its log-loss", "log-loss", "reduction (95 %)", "AUC (95 %)", "ECE", "rows"),
        [
            (
                one["name"],
                one["tier"],
                one["grade"],
                one["baseline"]["name"],
                f"{one['baseline']['value']:.4f}",
                f"{one['baseline']['model_value']:.4f}",
                _span(one["reduction"]),
                _span(one["metrics"].get("auc")),
                f"{one['metrics']['ece']['value']:.3f}" if "ece" in one["metrics"] else "",
                one["tested_rows"],
            )
            for one in variant["populations"]
        ],
    )
    lines += ["Every tier that was tried:", ""]
    lines += _table(
        ("population", "tier", "grade", "against", "reduction (95 %)", "why"),
        [
            (one["name"], tier, verdict["grade"], verdict["against"], _span(verdict["reduction"]), verdict["reason"])
            for one in variant["populations"]
            for tier, verdict in one["verdicts"].items()
        ],
    )
    lines += ["Backtests:", ""]
    lines += _table(
        ("origin", "rows to learn from", "rows tested", "positives", "AUC", "rule's AUC", "predicted", "observed"),
        [
            (
                one["origin"] or "random",
                one["trained_rows"],
                one["tested_rows"],
                one["tested_positives"],
                *(_short(one[name]) for name in ("auc", "rule_auc", "mean_predicted", "observed")),
            )
            for one in variant["backtests"]
        ],
    )
    lines += [f"Acting on a band, per 1,000 customers, if the action always helps ({currency}):", ""]
    lines += _table(
        ("band", "by", "share", "precision", "recall", "net benefit"),
        [
            (one["level"], one["by"], *(f"{one[name]:.3f}" for name in ("share", "precision", "recall")), f"{one['net_benefit']:,.0f}")
            for one in variant["bands"]
        ],
    )
    lines += ["Calibration, ten equal-count bins:", ""]
    lines += _table(
        ("rows", "predicted", "observed"),
        [(one["rows"], _short(one["predicted"]), _short(one["observed"])) for one in variant["calibration"]],
    )
    lines += [f"![{name}]({name})" for name in plots if name.startswith(variant["name"] + ".")]
    lines += ["", "Drivers (mean size of the contribution to the log-odds; not causes):", ""]
    lines += _table(
        ("feature", "what it is", "mean impact", "more of it"),
        [
            (f"`{one['feature']}`", one["label"], f"{one['mean_impact']:.3f}", one["direction"] or "depends")
            for one in variant["drivers"]
        ],
    )
    if variant["subgroups"]:
        lines += ["Subgroups:", ""]
        lines += _table(
            ("feature", "group", "rows", "predicted", "observed", "AUC"),
            [
                (f"`{one['feature']}`", one["word"], one["rows"], *(_short(one[name]) for name in ("predicted", "observed", "auc")))
                for one in variant["subgroups"]
            ],
        )
    return lines


def _span(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return ""
    return f"{interval['value']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    if not rows:
        return ["(none)", ""]
    return [
        "| " + " | ".join(head) + " |",
        "| " + " | ".join("---" for _ in head) + " |",
        *("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows),
        "",
    ]
