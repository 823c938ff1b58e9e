from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.sample.streams import Streams

NAMES = st.text(min_size=1, max_size=20)


@given(seed=st.integers(0, 2**40), block=st.integers(0, 1000), name=NAMES)
def test_a_stream_is_decided_by_seed_block_and_name(seed: int, block: int, name: str) -> None:
    assert np.array_equal(Streams(seed, block)[name].random(4), Streams(seed, block)[name].random(4))


@given(seed=st.integers(0, 2**40), names=st.lists(NAMES, min_size=2, max_size=5, unique=True))
def test_draws_of_one_concern_do_not_change_another(seed: int, names: list[str]) -> None:
    alone = Streams(seed, 0)[names[0]].random(4)
    together = Streams(seed, 0)
    for name in names[1:]:
        together[name].random(100)
    assert np.array_equal(alone, together[names[0]].random(4))


def test_blocks_and_seeds_and_names_differ() -> None:
    draws = [
        Streams(seed, block)[name].random()
        for seed in (1, 2)
        for block in (0, 1)
        for name in ("visits", "orders")
    ]
    assert len(set(draws)) == len(draws)


def test_a_stream_goes_on_when_it_is_asked_for_again() -> None:
    streams = Streams(1, 0)
    assert streams["visits"].random() != streams["visits"].random()
