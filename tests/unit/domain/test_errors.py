"""The tree of errors: one root, an owner for each, and no input in a message."""

from __future__ import annotations

import inspect

from app.domain import errors
from app.domain.errors import BusinessFileError, FieldFault, KithError, PayloadError, TableError

TREE = {
    name: one for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, Exception)
}


def test_every_error_has_one_root_and_says_who_can_fix_it() -> None:
    assert all(issubclass(one, KithError) for one in TREE.values())
    assert all(one.__doc__ for one in TREE.values())


def test_the_tree_that_is_drawn_is_the_tree() -> None:
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in TREE)


def test_a_payload_error_counts_its_faults_and_repeats_none() -> None:
    error = PayloadError(FieldFault("/orders/0/revenue", "type", "secret"), FieldFault("", "other", "secret"))
    assert str(error) == "2 field(s) cannot be used"
    assert len(error.faults) == 2


def test_place_and_remedy_stand_apart_from_the_message() -> None:
    error = TableError("wrong", table="orders", column="revenue", remedy="mend it")
    assert (str(error), error.table, error.column, error.remedy) == ("wrong", "orders", "revenue", "mend it")
    assert BusinessFileError("wrong", remedy="mend it").remedy == "mend it"
