from __future__ import annotations

import numpy as np

from training.sample.catalogue import CATEGORIES, CLUSTERS, catalogue

GOODS = catalogue()


def test_there_are_200_products_in_10_categories_with_names_of_their_own_in_both_languages() -> None:
    assert GOODS.size == 200
    assert np.bincount(GOODS.category, minlength=len(CATEGORIES)).tolist() == [20] * 10
    assert len(set(GOODS.name_en)) == len(set(GOODS.name_zh)) == 200
    assert all(name.isascii() for name in GOODS.name_en)
    assert not any(name.isascii() for name in GOODS.name_zh)


def test_each_cluster_has_a_taste_of_its_own() -> None:
    assert np.allclose(GOODS.choice.sum(axis=1), 1.0)
    by_category = np.array([np.bincount(GOODS.category, weights=taste) for taste in GOODS.choice])
    assert len(set(by_category.argmax(axis=1).tolist())) == len(CLUSTERS)


def test_companions_and_successors_are_other_products_that_are_sold() -> None:
    numbers = np.arange(GOODS.size)
    assert (GOODS.companion != numbers).all()
    retired = GOODS.last_day < 1096
    assert 0 < retired.sum() < 20
    assert (GOODS.successor[retired] != numbers[retired]).all()
    assert not retired[GOODS.successor].any()
    assert (GOODS.price > 0).all()
    assert ((GOODS.margin > 0) & (GOODS.margin < 1)).all()
