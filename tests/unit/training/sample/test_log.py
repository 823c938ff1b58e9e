from __future__ import annotations

import numpy as np

from training.sample.log import Log


def test_rows_come_back_in_the_order_in_which_they_were_added() -> None:
    log = Log(customer=np.int64, felt=np.float64)
    assert log.add(2, customer=np.array([4, 5]), felt=0.5).tolist() == [0, 1]
    assert log.add(1, customer=np.array([6]), felt=np.array([1.5])).tolist() == [2]
    columns = log.columns()
    assert columns["customer"].tolist() == [4, 5, 6]
    assert columns["felt"].tolist() == [0.5, 0.5, 1.5]


def test_a_log_without_rows_still_has_its_columns() -> None:
    log = Log(customer=np.int64, known=np.bool_)
    log.add(0, customer=np.zeros(0), known=False)
    assert {name: (len(c), c.dtype) for name, c in log.columns().items()} == {
        "customer": (0, np.dtype(np.int64)),
        "known": (0, np.dtype(np.bool_)),
    }


def test_later_changes_of_what_was_added_change_nothing() -> None:
    log = Log(customer=np.int64)
    rows = np.array([1, 2])
    log.add(2, customer=rows)
    rows[:] = 9
    assert log.columns()["customer"].tolist() == [1, 2]
