"""Training satisfaction: the score that somebody would give, from what was known before scores were given.

The score is the answer to a survey, the stars of a review, a label, or the absence of a complaint. The rule
is the rate of dissatisfied scores by the last score or by recency; above it stand an ordinal regression and
ordinal trees, judged on later answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from app.artifacts.manifest import Label, ManifestDraft, Text
from app.capabilities.sentiment import scores
from app.domain.consent import granted
from app.domain.errors import TableError
from app.domain.history import MICROSECONDS_PER_DAY, NAT, Array, History
from app.domain.selection import take
from app.estimators.base import logit
from app.estimators.ordinal import Scale
from app.features.schema import FeatureSet
from app.features.support import SENTIMENT_COLUMN, TEXT_FEATURES
from training import leaks
from training.examples import Declared, Examples, candidates, feature_set, optional_columns
from training.ladder import Data
from training.run import Run, Trained
from training.satisfaction.inputs import ORDER_TABLES, rows_of
from training.satisfaction.ordinal import Ordinal, fit_scale
from training.satisfaction.report import Learned, card_of, plots_of
from training.satisfaction.responders import response_of, supported
from training.satisfaction.rows import Given, first_known, given_scores, take_only
from training.satisfaction.text import markdown
from training.sentiment.learned import learn_sentiment
from training.snapshots import Splits, alike, at_random, by_cut, by_date
from training.tables.objectives import SatisfactionObjective
from training.targets import PROBABILITY
from training.variant_entry import variant_entry
from training.variants import Fitted, fit_variant

RULES: Final = (
    "last_feedback_score",
    "average_feedback_score",
    "days_since_last_order",
    "order_days",
    "revenue_365d",
    "summary.days_since_last_order",
    "summary.order_count",
    "summary.revenue_total",
    "complaints_365d",
)
"""What the rule may be made of: the last scores, and the dimensions of a segment; the best one is."""
NAMES: Final = {
    "csat": ("the answer to a satisfaction survey (CSAT)", "满意度调查评分（CSAT）"),
    "nps": ("the answer to a net promoter survey (NPS)", "净推荐值评分（NPS）"),
    "ces": ("the answer to an effort survey (CES)", "客户费力度评分（CES）"),
    "review": ("the stars of a review", "评价星级"),
}
"""What each kind of feedback asks for, in words."""
TEXT_MODEL: Final = "sentiment.npz"
CHECKED_CUTS: Final = 3
BASE_ROWS: Final = 20_000
"""Customers who could have been asked, drawn to compare those who answered with."""

Splitting = Callable[[Data, Given], Splits]
"""From labelled rows to who is learned from and who is judged by."""


def train_satisfaction(run: Run, *, split: Splitting | None = None) -> Trained:
    """Train satisfaction for one business.

    Parameters
    ----------
    run : Run
    split : callable, optional
        What chooses the rows to learn from and to be judged by; later answers by default.

    Raises
    ------
    TableError
        A table that the definition needs is missing, or the scores are all alike.
    PublicationError
        A tripwire caught a leak.
    """
    objective = run.business.objectives.satisfaction or SatisfactionObjective()
    given = given_scores(run, objective)
    history, reader = with_texts(run)
    learned = Learning(run, objective, given, history, split).learned()
    entries = tuple(
        variant_entry(
            one.fitted, one.X, np.zeros(len(one.X), dtype=np.int64), run.attribute_labels, lambda _: {}
        ).model_copy(update={"settings": {"scale": _settings(one.scale)}})
        for one in learned.values()
    )
    reads_texts = reader is not None and any(
        set(one.fitted.data.features.names) & {feature.name for feature in TEXT_FEATURES}
        for one in learned.values()
    )
    draft = ManifestDraft(
        capability="satisfaction",
        business=run.entry,
        label=label_of(given, objective),
        settings={"interval_level": objective.interval_level},
        variants=entries,
        text_model=TEXT_MODEL if reads_texts else None,
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    files = {name: content for one in learned.values() for name, content in one.fitted.files.items()}
    if reads_texts:
        assert reader is not None  # noqa: S101  asked for above
        files[TEXT_MODEL] = reader
    card = card_of(draft, learned, given, objective, run.tables)
    plots = plots_of(learned, given, simulated=run.business.simulated)
    return Trained(
        draft,
        files,
        {name: one.fitted.data.features for name, one in learned.items()},
        card,
        markdown(card, tuple(sorted(plots))),
        plots,
    )


def with_texts(run: Run) -> tuple[History, bytes | None]:
    """Return the history with the sentiment of texts on record, and the model that reads them.

    Each text is read by a model that learned from no text of the same customer, as it is when it first comes.
    """
    feedback = run.history.tables.get("feedback")
    if feedback is None or all(text is None for text in feedback["text"]):
        return run.history, None
    texts = learn_sentiment(run)
    # What the service would not judge has no sentiment here either.
    is_judged = ~np.isnan(scores(texts.model, feedback["text"].tolist()))
    columns = {**feedback.columns, SENTIMENT_COLUMN: np.where(is_judged, texts.out_of_fold, np.nan)}
    tables = {**run.history.tables, "feedback": replace(feedback, columns=columns)}
    return replace(run.history, tables=tables), texts.data


@dataclass(frozen=True, slots=True)
class Learning:
    """One business while its satisfaction is learned; ``history`` holds the sentiment of texts."""

    run: Run
    objective: SatisfactionObjective
    given: Given
    history: History
    split: Splitting | None

    @property
    def known_at(self) -> Array:
        """Up to when things are known of each row: a moment before an answer, today without dates."""
        given = self.given
        if not given.is_dated:
            return np.full(len(given.level), self.run.as_of)
        return given.at - (given.definition not in {"complaint", "label"})

    def learned(self) -> dict[str, Learned]:
        """Return every variant that the tables allow, fitted and judged."""
        return self.fitted(("full", "summary") if "orders" in self.history.tables else ("full",))

    def fitted(self, variants: tuple[str, ...]) -> dict[str, Learned]:
        """Return some variants, fitted and judged."""
        given = self.given
        self.run.progress(f"satisfaction by {given.definition}: inputs of {len(given.level)} scores")
        rows = self.rows(variants)
        base = self._base(variants)
        return {
            variant: self._variant(variant, rows[variant], None if base is None else base[variant])
            for variant in variants
        }

    def rows(self, variants: tuple[str, ...]) -> dict[str, Examples]:
        """Return for each variant what was known before each score, and whether it was dissatisfied."""
        given = self.given
        found = rows_of(self.run, self.history, variants, given.customer, self.known_at)
        return {variant: replace(rows, y=given.dissatisfied) for variant, rows in found.items()}

    def _variant(self, variant: str, rows: Examples, base: Examples | None) -> Learned:
        """Return one variant, fitted and judged."""
        run, given = self.run, self.given
        features, response = self.features(variant, rows), None
        if base is not None:
            X, others = (features.matrix(one.columns, one.size) for one in (rows, base))
            response = response_of(features, X, others, run.seed)
            features, left_out = supported(features, X, others)
            response = replace(response, left_out=left_out)
        data = self.data(features, rows)
        data = data if response is None else replace(data, weight=response.weight)
        splits = (self.split or self.splits)(data, given)
        self._refuse_leaks(variant, data, splits, rows)
        target = replace(PROBABILITY, climb=Ordinal(len(given.scores), given.cut).climb)
        fitted = fit_variant(variant, data, splits, run.seed, run.progress, None, target)
        return Learned(fitted, self._scale(fitted), rows, self._today(variant, features), response)

    def _today(self, variant: str, features: FeatureSet) -> Array:
        """Return the inputs of everybody who may be asked about today, shape (N, F)."""
        run, history = self.run, self.history
        today = np.full(history.size, run.as_of)
        asked = np.flatnonzero(granted(history, "profiling", today, run.business.consent_defaults))
        needed = frozenset(features.names)
        now = rows_of(run, history, (variant,), asked, today[asked], needed)[variant]
        return features.matrix(now.columns, now.size)

    def data(self, features: FeatureSet, rows: Examples) -> Data:
        """Return rows for the ladder."""
        names = tuple(name for name in RULES if name in features.positions)
        return Data(
            features,
            ("all",),
            (names or features.names,),
            features.matrix(rows.columns, rows.size),
            rows.y,
            rows.population,
            rows.customer,
            optional_columns(features, frozenset()),
            level=self.given.level,
        )

    def features(self, variant: str, rows: Examples) -> FeatureSet:
        """Return the inputs of a variant."""
        run, given = self.run, self.given
        declared = Declared(
            run.business.attribute_kinds,
            frozenset(name for name, attribute in run.business.attributes.items() if attribute.static),
        )
        tables = frozenset(self.history.tables)
        if variant == "summary":
            tables = tables - ORDER_TABLES | {"summary"}
        chosen = candidates(tables, declared, is_summary=False, is_dated=given.is_dated)
        texts = TEXT_FEATURES if self.history is not run.history else ()
        span = float(np.ptp(rows.cut)) / MICROSECONDS_PER_DAY if rows.size else 0.0
        features = feature_set((*chosen, *texts), rows.columns, (), span)
        if not features.features:
            raise TableError(
                "there is no input to learn satisfaction from",
                remedy="declare attributes, or map orders, support_cases or another table with a time",
            )
        return features

    def _base(self, variants: tuple[str, ...]) -> Mapping[str, Examples] | None:
        """Return customers drawn from all who were known at the times of the answers; None without times."""
        given, history, run = self.given, self.history, self.run
        if given.definition in {"complaint", "label"} or not given.is_dated:
            return None
        rng = np.random.default_rng(run.seed)
        size = min(len(given.level), BASE_ROWS)
        at = rng.permutation(self.known_at)[:size]
        customer = rng.integers(0, history.size, size)
        known = first_known(history)[customer]
        keep = np.flatnonzero((known != NAT) & (known <= at))
        defaults = run.business.consent_defaults
        today = granted(history, "profiling", np.full(history.size, run.as_of), defaults)
        keep = keep[today[customer[keep]]]
        then = granted(
            take(take_only(history, ("consents",)), customer[keep]), "profiling", at[keep], defaults
        )
        return rows_of(run, history, variants, customer[keep][then], at[keep][then])

    def splits(self, data: Data, given: Given) -> Splits:
        """Return later answers to judge by where there are dates, random folds where there are none."""
        seed = self.run.seed
        if given.definition == "complaint":
            return by_cut(given.at, data.y, data.customer, data.X, self.objective.horizon_days, seed)
        if given.is_dated:
            return by_date(given.at, data.y, data.customer, data.X, 0, seed)
        return at_random(data.y, alike(data.X), seed, np.arange(len(data.y)), "the scores have no dates")

    def _refuse_leaks(self, variant: str, data: Data, splits: Splits, rows: Examples) -> None:
        allowed = self.objective.allow_near_label
        near = leaks.near_label(data.features, data.X, data.y, data.customer, allowed)
        beyond: list[str] = []
        if self.given.is_dated and variant == "full":
            cuts = np.unique(np.quantile(rows.cut, np.linspace(0.3, 0.9, CHECKED_CUTS), method="lower"))
            beyond = leaks.past_the_cuts(self.history, cuts.tolist(), data.features, self.run.seed)
        shuffled = leaks.shuffled_label(data, splits.backtests, self.run.seed)
        leaks.refuse_leaks("satisfaction", near, beyond, shuffled)

    def _scale(self, fitted: Fitted) -> Scale:
        """Return the scale by what was said of rows that were held out, and what was given."""
        given, tested = self.given, fitted.tested
        level = self.objective.interval_level
        if not len(tested.rows):
            rung = fitted.ladder.rungs[fitted.chosen[0].tier]
            margin = rung.margin(fitted.data.X, fitted.data.population)
            scale = fit_scale(given.scores, given.cut, margin, given.level, level)
            return replace(scale, width=1.0)
        margin = logit(fitted.tested_answer())
        return fit_scale(given.scores, given.cut, margin, given.level[tested.rows], level)


def label_of(given: Given, objective: SatisfactionObjective) -> Label:
    """Return what is predicted, in words: the score, its scale, and what counts as dissatisfied."""
    low, best, cut = (f"{value:g}" for value in (given.scores[0], given.scores[-1], given.scores[given.cut]))
    days = objective.horizon_days
    name_en, name_zh = NAMES.get(given.definition, ("the given score", "给定的评分"))
    en = f"{name_en}, {low} to {best}; {cut} or less is dissatisfied"
    zh = f"{name_zh}（{low} 至 {best} 分），{cut} 分及以下为不满意"
    if given.definition == "complaint":
        en = f"1 without a complaint within {days} days, 0 with one: a stand-in where nobody is asked"
        zh = f"{days} 天内没有投诉记为 1，有投诉记为 0；没有调查时的替代指标"
    return Label(definition=given.definition, text=Text(en=en, zh_cn=zh))


def _settings(scale: Scale) -> dict[str, Any]:
    return {
        "scores": scale.scores.tolist(),
        "cut": scale.cut,
        "steps": scale.steps.tolist(),
        "width": scale.width,
    }
