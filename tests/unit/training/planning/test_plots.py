"""The pictures of a plan are drawn from anything that a report can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.training.test_plots import size
from training.planning.lift import Bought, lift_part
from training.planning.plots import PICTURES, drawable, plots_of, segment_colours, sides

Part = dict[str, Any]


def told(value: float, *, has_range: bool = True) -> Part:
    ends = (value / 2, value * 2) if has_range else (None, None)
    return {"expected": value, "low": ends[0], "high": ends[1]}


def report(months: int = 3, segments: tuple[str, ...] = ("champions", "lost"), *, full: bool = True) -> Part:
    """Return a report of two segments in which everything is known, or hardly anything."""
    names = [f"2026-{1 + m:02d}" for m in range(months)]
    both = {"orders": told(3.0) if full else None, "revenue": told(150.0, has_range=full)}
    rows = [
        {"earlier": "champions", "now": "lost", "customers": 7, "share": 0.7},
        {"earlier": "champions", "now": "champions", "customers": 3, "share": 0.3},
        {"earlier": None, "now": "champions", "customers": 2, "share": 1.0},
    ]
    bought = Bought(
        ("tea | leaf", "茶", "a $1 thing with a long name"),
        np.array([[30, 10, 2], [5, 20, 9]]),
        np.array([40, 30]),
        np.array([50, 60]),
        1,
    )
    risk = {
        **{level: {"customers": 1, "predicted_value": 2.0} for level in ("yellow", "red")},
        "predicted_value": 4.0,
        "share": 0.4,
    }
    value = {
        "customers": 10,
        "share": 0.5,
        "historic_value": 100.0 if full else None,
        "predicted_value": 10.0 if full else None,
        "at_risk": risk if full else None,
    }
    doubt = {"level": 0.2, "month": 0.2, "value": 0.1, "scores": 0.05, "basis": "year_ago"}
    return {
        "business": "a shop",
        "simulated": full,
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "release": "r",
        "as_of": "2026-01-10T12:00:00.123456+01:00",
        "since": "2025-10-12T12:00:00.123456+02:00",
        "is_trained_later": not full,
        "customers": {"planned": 1234, "without_purchase": 5, "not_profiled": 6},
        "segments": list(segments),
        "forecast": {
            "level": 0.8,
            "customers": 1230,
            "trained_horizon_days": 365,
            "revenue_within_trained_horizon": 900.0,
            "scaled_by": 1.5,
            "months": [{"month": name, "is_partial": k == 0} for k, name in enumerate(names)],
            "uncertainty": {
                "draws": 500,
                "sampled_customers": 1230,
                "width_error": 0.01,
                "doubt": doubt,
            }
            if full
            else None,
            "cells": [{"month": month, "segment": name, **both} for month in names for name in segments],
            "by_month": [{"month": month, **both} for month in names],
            "by_segment": [{"segment": name, **both} for name in segments],
            "total": both,
        },
        "why_no_forecast": None,
        "past": {
            "days": 365,
            "orders": 77.0,
            "revenue": 7_700.0,
            "share_of_orders_from_existing": 0.5,
            "share_of_revenue_from_existing": None,
        },
        "lift": lift_part(bought, segments) if len(segments) == 2 else None,
        "why_no_lift": None if len(segments) == 2 else "no_categories",
        "migration": {
            "rows": rows if full else [],
            **dict.fromkeys(("customers_then", "stayed", "moved", "new", "left", "became_lost"), 3),
        },
        "totals": {"rows": [{"segment": name, **value} for name in segments], "total": value},
    }


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("months", [1, 36])
def test_any_number_of_months_is_drawn(months: int, full: bool) -> None:
    found = plots_of(report(months, full=full))
    assert set(found) == (set(PICTURES) if full else {"revenue.png", "lift.png"})
    for content in found.values():
        assert min(size(content)) > 200


def test_what_is_not_known_is_not_drawn() -> None:
    nothing = {**report(), "forecast": None, "migration": None, "lift": None}
    assert plots_of(nothing) == {}


def test_the_same_report_draws_the_same_bytes() -> None:
    assert plots_of(report()) == plots_of(report())
    assert plots_of(report())["revenue.png"] != plots_of(report(2))["revenue.png"]


def test_a_segment_keeps_its_colour_and_shares_it_with_none() -> None:
    names = ["champions", "loyal", "lost", "all", "unnamed"]
    colours = segment_colours(names)
    assert len(set(colours.values())) == len(names)
    assert segment_colours(["lost"])["lost"] == colours["lost"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tea", "tea"),
        ("Küche", "Küche"),
        ("茶", "#4"),
        ("a $ sign", r"a \$ sign"),
        ("x" * 20, "x" * 15 + "…"),
    ],
)
def test_a_category_is_written_as_far_as_the_font_goes(text: str, shown: str) -> None:
    assert drawable(text, 4) == shown


def test_only_segments_that_somebody_came_from_or_is_in_are_shown() -> None:
    rows = report()["migration"]["rows"]
    assert sides(rows, "earlier") == ["champions", None]
    assert sides(rows, "now") == ["champions", "lost"]
