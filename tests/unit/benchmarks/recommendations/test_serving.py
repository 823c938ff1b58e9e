"""Made-up catalogues and requests, and what the page says of what they cost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.capabilities.recommend import Wish, rank
from app.estimators.blend import ALL_ITEMS
from app.estimators.item_files import read_items, write_items
from app.estimators.items import ROW_LIMIT
from benchmarks.recommendations import serving
from benchmarks.recommendations.catalogues import (
    LINES,
    LINES_OF_ORDER,
    body_of,
    made_items,
    made_model,
    made_requests,
    with_trees,
)
from benchmarks.recommendations.serving import (
    BOUNDS,
    ECHO,
    GATHER,
    GATHER_TOP,
    PLAIN,
    REASONS,
    WHOLE,
    Figures,
    by_turns,
    over_http,
    page,
    sides,
)
from benchmarks.serving.rounds import Spread

ITEMS = made_items(300)


def test_a_catalogue_has_full_rows_and_passes_as_a_file() -> None:
    assert ITEMS.links.index.shape == ITEMS.pairs.index.shape == (300, ROW_LIMIT)
    read = read_items(*write_items(ITEMS))
    assert np.array_equal(read.links.index, ITEMS.links.index)


def test_requests_differ_and_have_their_lines_in_orders() -> None:
    one, other = made_requests(ITEMS, 2)
    assert len(np.unique(one.product)) == LINES
    assert not np.array_equal(one.product, other.product)
    assert np.bincount(one.order).tolist() == [LINES_OF_ORDER] * (LINES // LINES_OF_ORDER)
    body = json.loads(body_of(ITEMS, one, 1))
    told = [line["product_id"] for order in body["orders"] for line in order["products"]]
    assert told == [ITEMS.ids[k] for k in one.product.tolist()]


def test_trees_rank_again() -> None:
    (asked,) = made_requests(ITEMS, 1)
    plain = made_model(ITEMS)
    wish = Wish(10, ITEMS.active)
    lists = [
        [pick.product for pick in rank(model, asked.shopper, wish).picks]
        for model in (plain, with_trees(plain))
    ]
    assert lists[0] != lists[1]
    assert with_trees(plain).blend.reranked >= {ALL_ITEMS}


def test_every_side_answers_and_so_does_the_service(tmp_path: Path) -> None:
    requests = made_requests(ITEMS, 2)
    told = by_turns(sides(ITEMS), requests, 2)
    assert list(told)[:4] == [GATHER, GATHER_TOP, PLAIN, REASONS]
    assert all(len(values) == 2 and min(values) > 0 for values in told.values())
    whole = over_http(ITEMS, requests, tmp_path)
    assert all(run() > 0 for run in whole.values())


def figures(plain: float, reasons: float) -> Figures:
    names = {GATHER: 1.0, GATHER_TOP: 2.0, PLAIN: plain, REASONS: reasons, WHOLE: 9.0, ECHO: 3.0}
    one = Figures(5_000, load_seconds=0.1)
    one.cpu.update({name: Spread.of([value]) for name, value in names.items()})
    for beside in (GATHER, GATHER_TOP):
        one.ratios[beside] = {
            name: Spread.of([value / names[beside]]) for name, value in names.items() if name != beside
        }
    one.ratios[ECHO] = {WHOLE: Spread.of([3.0])}
    one.megabytes.update({"items.npz": 1.0, "links.npz": 2.0})
    return one


def test_bounds_are_ratios_to_the_bare_gather() -> None:
    assert figures(*BOUNDS.values()).missed() == []
    assert figures(3.01, 5.0).missed() == [
        "5,000 products: list without reasons costs 3.01 times gather and sum, at most 3"
    ]
    assert len(figures(3.01, 5.01).missed()) == 2


def test_the_page_tells_both_yardsticks() -> None:
    text = page([figures(2.0, 4.0)], "a machine")
    assert f"| {REASONS} | 4 (4–4) | 4.00 (4.00–4.00) | 2.00 (2.00–2.00) |" in text
    assert f"| {GATHER} | 1 (1–1) | – | 0.50 (0.50–0.50) |" in text
    assert "together 3.0" in text
    assert "* held: " in text
    assert "* MISSED: " in page([figures(9.0, 4.0)], "a machine")


def test_the_command_ends_with_1_where_a_bound_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(serving, "measure", lambda size, _: figures(2.0, size / 1000))
    assert serving.main(["--sizes", "4000", "--out", str(tmp_path)]) == 0
    assert serving.main(["--sizes", "4000", "6000", "--out", str(tmp_path)]) == 1
    assert "MISSED: 5,000 products: list with types" in capsys.readouterr().err
    assert len(json.loads((tmp_path / "recommendations-serving.json").read_text())["catalogues"]) == 2
