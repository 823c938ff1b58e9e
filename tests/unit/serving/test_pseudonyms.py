"""Pseudonyms: keyed, told apart by kind, and evenly spread where they decide."""

from __future__ import annotations

import numpy as np
from scipy.stats import kstest

from app.serving.pseudonyms import Keys, place_of

KEY = b"k" * 32


def test_pseudonyms_depend_on_key_kind_and_text() -> None:
    keys, same, other = Keys(KEY), Keys(KEY), Keys(b"o" * 32)
    found = {
        keys.person("a"),
        keys.person("b"),
        keys.request("a"),
        keys.event("a"),
        keys.contact("a"),
        keys.feedback("a"),
        keys.decision("a"),
        other.person("a"),
    }
    assert len(found) == 8
    assert keys.person("a") == same.person("a")
    assert all(len(one) == 32 for one in found)


def test_luck_and_places_are_uniform_and_independent_of_each_other() -> None:
    keys = Keys(KEY)
    luck = np.array([keys.luck(f"r-{k}") for k in range(5_000)])
    places = np.array([place_of(keys.person(f"r-{k}"), "2026") for k in range(5_000)])
    anew = np.array([place_of(keys.person(f"r-{k}"), "2027") for k in range(5_000)])
    for sample in (luck, places, anew):
        assert kstest(sample, "uniform").pvalue > 1e-3
        assert sample.min() >= 0
        assert sample.max() < 1
    assert abs(np.corrcoef([luck, places, anew])[np.triu_indices(3, 1)]).max() < 0.05
