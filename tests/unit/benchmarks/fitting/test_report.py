from __future__ import annotations

import json

from benchmarks.fitting.convergence import Tally
from benchmarks.fitting.report import Figures, page
from benchmarks.fitting.speed import Race

GOOD = Figures(
    (
        Race(23_570, "bg_nbd", 0.01, 0.5, 0.013, 10.0),
        Race(1_000_000, "pareto_nbd", 0.5, None),
    ),
    (Tally("CDNOW", "gamma_gamma", 1000, 0, 2, 9, 12.34),),
)


def test_the_page_tells_every_figure() -> None:
    text = page(GOOD, "a machine")
    assert "a machine" in text
    assert "| 23,570 | BG/NBD | 0.0100 | 0.500 | 50.0 | 10 | 0.013 |" in text
    assert "| 1,000,000 | Pareto/NBD | 0.5000 | not run |  |  |  |" in text
    assert "| CDNOW | Gamma-Gamma | 1,000 | 0 | 2 | 9 | 12.3 |" in text
    assert GOOD.missed() == []
    assert json.loads(json.dumps(GOOD.document()))["tallies"][0]["fits"] == 1000


def test_what_is_missed_and_what_is_skipped_is_said() -> None:
    bad = Figures(
        (Race(23_570, "bg_nbd", 0.1, 0.5, 0.0, 10.0),),
        (Tally("CDNOW", "mbg_nbd", 1000, 3, 0, 9, 1.0),),
        ("online-retail: a file is not there",),
    )
    assert bad.missed() == [
        "BG/NBD on 23,570 customers: 5.0 times faster, asked for is 10",
        "MBG/NBD on CDNOW: 3 of 1000 fits failed",
    ]
    assert "skipped online-retail: a file is not there" in page(bad, "")
