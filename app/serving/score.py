"""Score N customers with one release: the use case behind every endpoint, job and golden answer.

Rules: the answer is a pure function of the history, ``as_of``, the ask and the release; a customer in a batch
gets the same answer as alone; a customer who denied profiling is not scored and nothing of the history is
read; a limit of the data is an answer with a reason, never an error; no NaN leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.capabilities import TRIGGERS
from app.domain.clock import from_microseconds
from app.domain.consent import granted
from app.domain.history import Array, History
from app.domain.selection import take
from app.features.schema import ATTRIBUTE_PREFIX
from app.serving.blocks import Answered, Part, scores_of, silent
from app.serving.brief import BRIEF_FEATURES, brief
from app.serving.plan import BRIEF, answering, by_form, plan_of, published, rules_plan, variant_for
from app.serving.release import LoadedArtifact, LoadedRelease
from app.serving.triggers import fire
from app.texts.catalogue import Locale, warning_text


@dataclass(frozen=True, slots=True)
class Ask:
    """What a caller wants to know. An empty ``want`` means everything that is published."""

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
    wanted = ask.want or answering(release)
    profiled = granted(history, "profiling", as_of, release.business.consent_defaults)
    blocks = _blocks(release, wanted, history, as_of, profiled, ask)
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
    found = []
    for name in wanted:
        artifact = release.artifacts.get(name)
        if artifact is None:
            continue
        label, settings = artifact.manifest.label, artifact.manifest.settings
        asked = label.horizon_days if ask.horizon_days is None else ask.horizon_days
        values = {"capability": name, "trained": label.horizon_days, "asked": asked}
        if _is_other_horizon(artifact, ask):
            found.append(_warning(ask.locale, "horizon_not_trained", **values))
        learned = settings.get("learned_days")
        if isinstance(learned, int) and asked is not None and asked > learned:
            found.append(_warning(ask.locale, "horizon_extrapolated", learned=learned, **values))
        if settings.get("season", "year_ago") != "year_ago":
            found.append(_warning(ask.locale, "season_unknown", **values))
    return found


def _warning(locale: Locale, code: str, **values: object) -> dict[str, str]:
    return {"code": code, "detail": warning_text(locale, code, **values)}


def _is_other_horizon(artifact: LoadedArtifact, ask: Ask) -> bool:
    trained = artifact.manifest.label.horizon_days
    return ask.horizon_days is not None and trained is not None and ask.horizon_days != trained


def _blocks(
    release: LoadedRelease,
    wanted: tuple[str, ...],
    history: History,
    as_of: Array,
    profiled: Array,
    ask: Ask,
) -> dict[str, list[Any]]:
    """Return the blocks of each customer by name."""
    there = {*answering(release), BRIEF}
    blocks: dict[str, list[Any]] = {
        name: [silent("profiling_denied" if name in there else "no_model")] * history.size for name in wanted
    }
    (others,) = profiled.nonzero()
    for name in wanted:
        if name not in there:
            no_model = silent("no_model")
            for i in others.tolist():
                blocks[name][i] = no_model
    for is_summary, rows in by_form(history, others).items():
        is_all = len(rows) == history.size
        work = _Work(
            release,
            wanted,
            history if is_all else take(history, rows),
            as_of if is_all else as_of[rows],
            ask,
            is_summary,
        )
        for name, found in work.blocks().items():
            for i, block in zip(rows.tolist(), found, strict=True):
                blocks[name][i] = block
    return blocks


@dataclass(frozen=True, slots=True)
class _Work:
    """Customers who gave the same form of input, and what is wanted of them."""

    release: LoadedRelease
    wanted: tuple[str, ...]
    history: History
    as_of: Array
    ask: Ask
    is_summary: bool

    def blocks(self) -> dict[str, list[Any]]:
        """Return the wanted blocks of each customer by name."""
        ask, wanted = self.ask, self.wanted
        scorers, rules = self._scorers(), rules_plan(self.release) if self._judges() else None
        artifacts, is_summary = self.release.artifacts, self.is_summary
        plans = {
            name: plan_of(artifacts[name], variant_for(artifacts[name], is_summary=is_summary))
            for name in scorers
        }
        needed = frozenset().union(*(plan.needed for plan in plans.values()))
        if rules is not None:
            needed |= rules.features
        if BRIEF in wanted:
            needed |= BRIEF_FEATURES
        part = Part(self.release, self.history, self.as_of, needed)
        answered = {name: Answered(part, plan, ask.horizon_days) for name, plan in plans.items()}
        told = set(wanted) if BRIEF not in wanted else {*wanted, *scorers}
        found: dict[str, list[Any]] = {
            name: one.blocks(ask.locale, explain=ask.explain)
            for name, one in answered.items()
            if name in told
        }
        if rules is not None:
            business = self.release.business
            found[TRIGGERS] = fire(
                rules.rules,
                part.columns,
                scores_of({name: one for name, one in answered.items() if name in rules.blocks}),
                self.as_of,
                business.timezone,
                ask.locale,
                business.currency,
                rules.labels[ask.locale],
            )
        if BRIEF in wanted:
            found[BRIEF] = self._briefs(found, part)
        return {name: blocks for name, blocks in found.items() if name in wanted}

    def _judges(self) -> bool:
        """Return whether trigger rules are asked for, and there."""
        return TRIGGERS in self.release.artifacts and bool({TRIGGERS, BRIEF} & set(self.wanted))

    def _scorers(self) -> list[str]:
        """Return the scorers to ask: those wanted, and those that rules or the brief speak of."""
        needed = set(self.wanted)
        if self._judges():
            needed |= rules_plan(self.release).blocks
        there = published(self.release)
        return [name for name in there if name in needed or BRIEF in needed]

    def _briefs(self, found: Mapping[str, list[Any]], part: Part) -> list[Any]:
        """Return the sentences for each customer."""
        facts = {name: part.columns[name].tolist() for name in BRIEF_FEATURES if name in part.columns}
        currency = self.release.business.currency
        return [
            brief(
                {name: blocks[k] for name, blocks in found.items()},
                {name: values[k] for name, values in facts.items()},
                self.ask.locale,
                currency,
            )
            for k in range(self.history.size)
        ]


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
