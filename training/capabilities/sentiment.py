"""Training sentiment: the text model as an artifact, from rated texts where there are enough, else lexica."""

from __future__ import annotations

from typing import Final

from app.artifacts.manifest import Baseline, Label, ManifestDraft, Population, Text, Variant
from app.features.schema import FeatureSet
from training.evaluation import Verdict
from training.run import Run, Trained
from training.sentiment.judging import MOST_FREQUENT, class_metrics
from training.sentiment.learned import LearnedTexts, learn_sentiment
from training.sentiment.plots import sentiment_plots
from training.sentiment.report import card_of, grade_of
from training.sentiment.words import markdown
from training.variant_entry import feature_entries

TEXT_MODEL: Final = "sentiment.npz"
RATED_TEXTS, LEXICON = "rated_texts", "lexicon"
_LABEL: Final = Text(
    en="whether a text is negative, neutral or positive", zh_cn="文本的情感是负面、中性还是正面"
)


def train_sentiment(run: Run) -> Trained:
    """Learn and judge the text model of one business; without rated texts the lexica answer alone."""
    learned = learn_sentiment(run)
    features = FeatureSet((), {})
    definition = RATED_TEXTS if learned.tier == "statistical" else LEXICON
    draft = ManifestDraft(
        capability="sentiment",
        business=run.entry,
        label=Label(definition=definition, text=_LABEL),
        variants=(
            Variant(
                name="full",
                features=feature_entries(features, {}),
                schema_hash=features.schema_hash,
                populations=(_population(learned, run.seed),),
            ),
        ),
        text_model=TEXT_MODEL,
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    title = f"{run.business.name}{' (simulated)' if run.business.simulated else ''}"
    plots = sentiment_plots(learned.rated.label, learned.held_out, learned.model.abstain_below, title)
    card = card_of(draft, learned)
    return Trained(
        draft=draft,
        files={TEXT_MODEL: learned.data},
        features={"full": features},
        card=card,
        plots=plots,
        markdown=markdown(card, tuple(sorted(plots))),
    )


def _population(learned: LearnedTexts, seed: int) -> Population:
    """Return who answers for every text, and how well."""
    rated = learned.rated
    return Population(
        name="all",
        tier=learned.tier,
        grade=grade_of(learned.verdict),  # type: ignore[arg-type]
        estimator=None,
        baseline=_baseline(learned.verdict),
        metrics=dict(class_metrics(rated.label, learned.held_out, rated.customer, seed)),
        counts={
            "rated_texts": len(rated.texts),
            "trained_rows": len(rated.texts) if learned.tier == "statistical" else 0,
            "tested_rows": len(rated.texts),
        },
    )


def _baseline(verdict: Verdict | None) -> Baseline:
    """Return what the model was judged against; zeros where there was nothing to judge on."""
    if verdict is None:
        return Baseline(name=MOST_FREQUENT, metric="log_loss", value=0.0, model_value=0.0)
    return verdict.baseline
