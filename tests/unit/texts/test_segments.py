"""Every word that a segment may be called has a text in both languages, and clusters read well."""

from __future__ import annotations

import pytest

from app.capabilities.segment import FREQUENCY_TIERS, STAGES, VALUE_TIERS
from app.estimators.clusters import NAMES as CLUSTERS
from app.estimators.clusters import TRAITS
from app.estimators.scores import NAMES
from app.texts.catalogue import LOCALES, Locale, catalogue
from app.texts.segments import cluster_text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("segments", NAMES),
        ("lifecycle_stages", STAGES),
        ("frequency_tiers", FREQUENCY_TIERS),
        ("value_tiers", VALUE_TIERS),
    ],
)
def test_every_word_has_a_text_and_nothing_else_does(
    locale: Locale, section: str, words: tuple[str, ...]
) -> None:
    texts = catalogue(locale)[section]
    assert texts.keys() == set(words)
    assert len({text.strip() for text in texts.values()} - {""}) == len(words)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_cluster_has_a_text_of_its_own(locale: Locale) -> None:
    texts = [cluster_text(locale, name) for name in CLUSTERS]
    assert len(set(texts)) == len(CLUSTERS)
    assert not [text for text in texts if "_" in text or "{" in text]
    traits = {word for words in TRAITS.values() for word in words}
    assert catalogue(locale)["cluster_traits"].keys() == traits | {"average", "cluster", "separator"}


@pytest.mark.parametrize(
    ("name", "en", "zh"),
    [
        ("frequent_high_spend", "many orders, large orders", "下单多、客单价高"),
        ("rare_silent", "few orders, silent for long", "下单少、久未购买"),
        ("high_spend_full_price", "large orders, hardly any discount", "客单价高、很少用折扣"),
        ("average", "in the middle of everything", "各方面居中"),
        ("cluster_3", "group 3", "第 3 组"),
    ],
)
def test_clusters_in_words(name: str, en: str, zh: str) -> None:
    assert (cluster_text("en", name), cluster_text("zh-CN", name)) == (en, zh)


def test_a_name_of_something_else_is_refused() -> None:
    with pytest.raises(KeyError):
        cluster_text("en", "rare_unknown")
