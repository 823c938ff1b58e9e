from __future__ import annotations

import pytest

from app.domain.errors import BusinessFileError
from training.tables.yaml_places import dotted, read_document


def test_every_key_and_item_knows_its_line() -> None:
    document = read_document("a: 1\nb:\n  c: 2\n  d:\n    - x\n    - y\n", "f.yaml")
    assert document.value == {"a": 1, "b": {"c": 2, "d": ["x", "y"]}}
    assert document.line(("b", "c")) == 3
    assert document.line(("b", "d", 1)) == 6


def test_unknown_place_has_the_line_above_it() -> None:
    document = read_document("a: 1\nb:\n  c: 2\n", "f.yaml")
    assert document.line(("b", "missing", "deeper")) == 2
    assert document.line(()) == 1


def test_place_reads_as_a_dotted_key() -> None:
    assert dotted(("objectives", "churn", "red")) == "objectives.churn.red"
    assert dotted(()) == "the file"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nname: y", "line 2, name: this key stands in line 1 already"),
        ("a:\n  b: 1\n  b: 2", "line 3, a.b"),
        ("a: [1", "line 1: not YAML"),
        ("a: b: c", "line 1: not YAML"),
        ("a: &x [*x]", "refers to itself"),
        ("a: \x00", "a character that YAML does not allow"),
    ],
)
def test_what_is_no_plain_document_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BusinessFileError, match=r"f\.yaml") as refused:
        read_document(text, "f.yaml")
    assert said in str(refused.value)
    assert refused.value.remedy
