"""The settings of a blend: what is written is read, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.domain.errors import StructureError
from app.estimators.blend import ALL_ITEMS, EITHER_SIGN, NEW_ITEMS, SOURCES, TASKS, Blend
from tests.items import blend
from tests.unit.estimators.random_items import random_blend

Settings = dict[str, Any]
ONE_SIGN = next(name for name in SOURCES if name not in EITHER_SIGN)


def settings() -> Settings:
    written: Settings = json.loads(json.dumps(blend().settings()))
    return written


def same(one: Blend, other: Blend) -> bool:
    return json.dumps(one.settings()) == json.dumps(other.settings())


def test_what_is_written_is_read() -> None:
    rng = np.random.default_rng(1)
    for k in range(20):
        one = random_blend(rng)
        one = Blend.of_settings({**one.settings(), "reranked": [ALL_ITEMS, NEW_ITEMS][: k % 3]})
        again = Blend.of_settings(json.loads(json.dumps(one.settings())))
        assert same(one, again)
        assert again.reranked == one.reranked
        assert all(again.weights[task].tolist() == one.weights[task].tolist() for task in TASKS)


def test_other_settings_beside_the_blend_are_no_fault() -> None:
    assert same(Blend.of_settings({**settings(), "recipe": {"links": "ease"}}), blend())


def test_a_table_without_edges_is_read() -> None:
    one = Blend.of_settings({**settings(), "rebuy_edges": [], "rebuy": [[0.1]] * 5})
    assert one.rebuy.shape == (5, 1)


def without(name: str) -> Callable[[Settings], object]:
    return lambda told: told.pop(name)


def without_task(task: str) -> Callable[[Settings], object]:
    return lambda told: told["weights"].pop(task)


def weight(value: Any, name: str = ONE_SIGN) -> Callable[[Settings], object]:
    return lambda told: told["weights"][ALL_ITEMS].update({name: value})


def put(**changes: Any) -> Callable[[Settings], object]:
    return lambda told: told.update(changes)


FAULTS: dict[str, Callable[[Settings], object]] = {
    **{f"without {name}": without(name) for name in blend().settings()},
    **{f"without {task}": without_task(task) for task in TASKS},
    **{
        f"{name} {value!r}": put(**{name: value})
        for name, value in blend().settings().items()
        if isinstance(value, float)
        for value in (-1.0, 1e9, float("nan"), float("inf"), "x", None, [1.0], 10**400)
    },
    "a weight less": lambda told: told["weights"][ALL_ITEMS].pop(ONE_SIGN),
    "a weight more": weight(1.0, "horoscope"),
    "a weight below 0": weight(-0.1),
    "a weight beyond 1000": weight(1001.0),
    "a weight that is no number": weight("x"),
    "a weight that is a list": weight([1.0]),
    "a weight that is nothing": weight(None),
    "a weight that is not finite": weight(float("nan")),
    "a weight too large for a float": weight(10**400),
    "a free weight beyond 1000": weight(-1001.0, EITHER_SIGN[0]),
    "weights that are a list": lambda told: told["weights"].update({ALL_ITEMS: [1.0] * len(SOURCES)}),
    "weights that are nothing": lambda told: told["weights"].update({NEW_ITEMS: None}),
    "no weights at all": put(weights=[]),
    "every weight in a list": lambda told: told["weights"].update(
        {ALL_ITEMS: {name: [1.0] for name in SOURCES}}
    ),
    "edges that fall": put(rebuy_edges=[1.0, 0.5, 2.0]),
    "an edge twice": put(rebuy_edges=[1.0, 1.0, 2.0]),
    "an edge that is not finite": put(rebuy_edges=[0.5, 1.0, float("inf")]),
    "an edge that is no number": put(rebuy_edges=[0.5, float("nan"), 2.0]),
    "one edge that is no list": put(rebuy_edges=1.0),
    "an edge too few": put(rebuy_edges=[0.5, 1.0]),
    "rows of different lengths": put(rebuy=[[0.1] * 4] * 4 + [[0.1] * 3]),
    "a row too few": put(rebuy=[[0.1] * 4] * 4),
    "a share of 0": put(rebuy=[[0.0] * 4] * 5),
    "a share above 1": put(rebuy=[[1.5] * 4] * 5),
    "a share that is no number": put(rebuy=[[float("nan")] * 4] * 5),
    "an unknown task": put(reranked=["everything"]),
    "a task that is no list": put(reranked=ALL_ITEMS),
    "nothing for reranked": put(reranked=None),
}


@pytest.mark.parametrize("change", FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_is_refused(change: Callable[[Settings], object]) -> None:
    told = settings()
    change(told)
    with pytest.raises(StructureError):
        Blend.of_settings(told)


@pytest.mark.parametrize("name", EITHER_SIGN)
def test_what_parts_bought_from_new_may_be_below_0(name: str) -> None:
    told = settings()
    told["weights"][ALL_ITEMS][name] = -2.0
    assert Blend.of_settings(told).weights[ALL_ITEMS][SOURCES.index(name)] == -2.0
