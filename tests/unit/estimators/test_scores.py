"""Scores by cut points; one name and one code for every combination."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.domain.errors import StructureError
from app.estimators.scores import CODES, GRID, NAMED, NAMES, coded, named, place_of, read_scale

ALL = [(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(6)]


def test_every_combination_has_one_name_and_every_name_is_used() -> None:
    assert {named(*scores) for scores in ALL} == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("scores", "name"),
    [
        ((5, 5, 5), "champions"),
        ((5, 4, 3), "champions"),
        ((5, 5, 2), "loyal"),
        ((5, 5, 0), "champions"),
        ((3, 4, 1), "loyal"),
        ((5, 1, 5), "new_customers"),
        ((4, 1, 1), "promising"),
        ((4, 3, 3), "potential_loyalists"),
        ((3, 3, 3), "needs_attention"),
        ((3, 1, 5), "about_to_sleep"),
        ((2, 4, 4), "at_risk"),
        ((1, 3, 5), "cannot_lose"),
        ((1, 5, 1), "cannot_lose"),
        ((2, 2, 5), "hibernating"),
        ((1, 1, 5), "lost"),
    ],
)
def test_the_classic_names(scores: tuple[int, int, int], name: str) -> None:
    assert named(*scores) == name


def test_money_moves_two_names_only() -> None:
    moved = {(named(r, f, 0), named(r, f, m)) for r, f, m in ALL if named(r, f, m) != named(r, f, 0)}
    assert moved == {("champions", "loyal"), ("at_risk", "cannot_lose")}


def test_the_tables_hold_what_the_functions_say() -> None:
    r, f, m = np.array(ALL).T
    place = place_of(r, f, m)
    assert sorted(place.tolist()) == list(range(150))
    assert NAMED[place].tolist() == [named(*scores) for scores in ALL]
    assert CODES[place].tolist() == [coded(*scores) for scores in ALL]
    assert len(set(CODES.tolist())) == 150
    assert (coded(5, 4, 3), coded(5, 4, 0)) == ("R5F4M3", "R5F4")
    assert len(GRID) == 5
    assert {len(row) for row in GRID} == {5}


def test_a_value_at_a_cut_point_is_above_it() -> None:
    scale = read_scale({"edges": [1.0, 2.0], "scores": [5, 3, 1]})
    assert scale.of(np.array([0.9, 1.0, 1.9, 2.0, 1e9, -1e9])).tolist() == [5, 3, 3, 1, 1, 5]


def test_without_cut_points_everything_scores_alike() -> None:
    assert read_scale({"edges": [], "scores": [3]}).of(np.array([0.0, 1e9])).tolist() == [3, 3]


@pytest.mark.parametrize(
    "found",
    [
        {"edges": [1.0], "scores": [1]},
        {"edges": [2.0, 1.0], "scores": [1, 2, 3]},
        {"edges": [1.0, 1.0], "scores": [1, 2, 3]},
        {"edges": [float("nan")], "scores": [1, 2]},
        {"edges": [1.0], "scores": [0, 2]},
        {"edges": [1.0], "scores": [1, 6]},
        {"edges": [[1.0]], "scores": [1, 2]},
    ],
)
def test_cut_points_that_do_not_hold_together_are_refused(found: dict[str, Any]) -> None:
    with pytest.raises(StructureError):
        read_scale(found)
