"""Sentiment as an artifact: what it holds, and what its card says in either tier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.artifacts.canonical import canonical_bytes
from app.artifacts.manifest import ManifestDraft
from app.estimators.ngrams import read_ngrams
from tests.unit.training.rows import run_over
from tests.unit.training.tables.small import rows_of
from tests.unit.training.texts import texts_sql
from training.capabilities.sentiment import TEXT_MODEL, train_sentiment
from training.run import Trained
from training.sentiment.learned import learn_sentiment
from training.sentiment.plots import ABSTENTION, CALIBRATION

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def learned() -> Iterator[Trained]:
    with run_over({"feedback": texts_sql(400)}) as run:
        trained = train_sentiment(run)
        assert trained.files[TEXT_MODEL] == learn_sentiment(run).data
        yield trained


@pytest.fixture(scope="module")
def lexica() -> Trained:
    with run_over({"feedback": texts_sql(60)}) as run:
        return train_sentiment(run)


@pytest.fixture(scope="module")
def silent() -> Trained:
    orders = rows_of("order_id, customer_id, ordered_at, revenue", "'o', 'a', TIMESTAMPTZ '2026-06-01', 2.0")
    with run_over({"orders": orders}) as run:
        return train_sentiment(run)


def test_the_draft_names_the_model_and_reads_no_feature(learned: Trained) -> None:
    draft = learned.draft
    assert isinstance(draft, ManifestDraft)
    assert draft.text_model == TEXT_MODEL == "sentiment.npz"
    assert draft.label.definition == "rated_texts"
    (variant,) = draft.variants
    assert variant.name == "full"
    assert variant.features == ()
    assert variant.schema_hash == learned.features["full"].schema_hash
    (population,) = variant.populations
    assert (population.name, population.tier, population.estimator) == ("all", "statistical", None)
    assert population.baseline.metric == "log_loss"
    assert population.baseline.model_value < population.baseline.value
    assert {"macro_f1", "auc", "log_loss", "ece"} <= set(population.metrics)
    assert population.counts == {"rated_texts": 400, "trained_rows": 400, "tested_rows": 400}
    read_ngrams(learned.files[TEXT_MODEL])


def test_the_card_shows_calibration_abstention_and_confusion(learned: Trained) -> None:
    card = learned.card
    assert sum(bin_["texts"] for bin_ in card["judged"]["calibration"]) == 400
    assert sum(sum(row) for row in card["judged"]["confusion"]) == 400
    assert len(card["abstention"]["curve"]) >= 10
    assert card["abstention"]["abstain_below"] == read_ngrams(learned.files[TEXT_MODEL]).abstain_below
    assert card["abstention"]["chosen_by"] == "held_out_texts"
    assert "calibrated on the held-out answers of the others" in card["judged"]["protocol"]
    assert sum(one["texts"] for one in card["judged"]["by_language"].values()) == 400
    assert card["judged"]["rules"]["lexicon"]["texts"] == 400
    assert card["why_not_learned"] is None
    canonical_bytes(card)


def test_the_card_in_words_names_its_pictures_and_how_to_get_better(learned: Trained) -> None:
    assert set(learned.plots) == {CALIBRATION, ABSTENTION}
    assert all(plot.startswith(PNG) for plot in learned.plots.values())
    text = learned.markdown
    assert all(f"![{name}]({name})" in text for name in learned.plots)
    assert "learned from this company's rated texts (statistical)" in text
    assert "--only sentiment" in text
    assert "| threshold | share answered | accuracy of those |" in text
    assert "The lexica alone, uncalibrated, on the same texts" in text
    assert "with 85% right answers among those given" in text
    assert "chosen on the same held-out texts" in text
    assert "only if at least 2 customers wrote it" in text
    assert "those of the word lists are in every model" in text


def test_too_few_texts_leave_the_lexica_and_the_card_says_so(lexica: Trained) -> None:
    (population,) = lexica.draft.variants[0].populations
    assert lexica.draft.label.definition == "lexicon"
    assert population.tier == "rules"
    assert population.baseline.name == "most_frequent_class"
    assert population.counts["trained_rows"] == 0
    assert lexica.card["why_not_learned"] == "60 rated texts; 200 are needed"
    assert "The company's own texts are not used:** 60 rated texts; 200 are needed." in lexica.markdown
    assert "lexica of English and Chinese words (rules)" in lexica.markdown
    assert "words, not sentences" in lexica.markdown
    assert "no label is told: the default of the base model." in lexica.markdown
    assert lexica.card["abstention"]["chosen_by"] == "base_model"


@pytest.mark.parametrize(("texts", "tier"), [(400, "statistical"), (60, "rules")])
def test_the_threshold_of_the_business_file_holds_in_either_tier(texts: int, tier: str) -> None:
    said = {"sentiment": {"abstain_below": 0.62}}
    with run_over({"feedback": texts_sql(texts)}, objectives=said) as run:
        trained = train_sentiment(run)
    assert trained.card["tier"] == tier
    assert read_ngrams(trained.files[TEXT_MODEL]).abstain_below == 0.62
    abstention = trained.card["abstention"]
    assert (abstention["abstain_below"], abstention["chosen_by"]) == (0.62, "business_file")
    assert abstention["level"] is None
    assert "0.62 no label is told: the business file says so" in trained.markdown


def test_without_texts_the_card_says_that_nothing_is_known(silent: Trained) -> None:
    (population,) = silent.draft.variants[0].populations
    assert population.grade == "C"
    assert population.metrics == {}
    assert silent.plots == {}
    assert "There is no rated text to judge on" in silent.markdown
    canonical_bytes(silent.card)


def test_the_same_texts_give_the_same_bytes(learned: Trained) -> None:
    with run_over({"feedback": texts_sql(400)}) as run:
        again = train_sentiment(run)
    assert again.files[TEXT_MODEL] == learned.files[TEXT_MODEL]
    assert again.markdown == learned.markdown
    assert again.plots == learned.plots
