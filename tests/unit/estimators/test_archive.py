"""Arrays of an archive: headers that are not what they must be are refused, however they are broken."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from app.domain.errors import StructureError
from app.estimators.archive import plain_array


def with_header(header: str) -> bytes:
    """Return a member with a header as it is told, and 16 bytes of numbers."""
    told = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(told)) + told + bytes(16)


def header(descr: str = "'<f8'", shape: str = "(2,)", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}}}\n"


def test_plain_array_is_read() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([1.5, -2.0]))
    assert plain_array("steps", buffer.getvalue(), "<f8", 2).tolist() == [1.5, -2.0]
    assert plain_array("steps", with_header(header()), "<f8", 2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "told",
    [
        "",
        "\n",
        "{",
        "  {\n 'descr': 1,\n}",
        " 1\n  2\n 3",
        "(" * 9000,
        "-" * 9000 + "1",
        "1+" * 4000 + "1",
        "if 1:\n   2\n 3",
        "[" * 150 + "]" * 150,
        "'" * 3,
        '"""',
        "{[]: 1}",
        "{{}: 1, 'descr': 2}",
        "{1: 1, 'descr': 2, 'shape': 3}",
        header(descr="[('a',)]"),
        header(descr="(1, 2, 3)"),
        header(descr="'<f8,'"),
        header(descr="{'a': 1}"),
        header(descr="None"),
        header(shape="(2.0,)"),
        header(shape="[2]"),
        header(shape="(True, True)"),
        header(shape="(-2,)"),
        header(shape="(1" + "0" * 400 + ",)"),
        header(fortran="1"),
        "1" * 10_001,
        "\x00",
    ],
)
def test_header_that_is_not_as_it_must_be_is_refused(told: str) -> None:
    with pytest.raises(StructureError):
        plain_array("steps", with_header(told), "<f8", 2)
