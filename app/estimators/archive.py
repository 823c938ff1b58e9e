"""Plain arrays in an archive (.npz), read without trusting it: nothing compressed, nothing pickled.

Rules: the archive holds exactly the arrays that are asked for, stored as they are, so that it is no larger
than it looks; each has a plain header, the type that is asked for, and as many numbers as its header says.
"""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
from collections.abc import Collection
from typing import Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array

_HEADER_ERRORS: Final = (
    ValueError,
    EOFError,
    OSError,
    TypeError,
    SyntaxError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
)
"""What NumPy lets through from a header, which it reads as a Python literal."""


def members(data: bytes, names: Collection[str], limit: int) -> dict[str, bytes]:
    """Return the members of an archive: exactly the named arrays, none compressed.

    Raises
    ------
    StructureError
        The archive is no archive, is larger than ``limit`` bytes, or holds something else.
    """
    if len(data) > limit:
        raise StructureError(f"{len(data)} bytes; at most {limit} are expected")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sorted(entry.filename for entry in entries) != sorted(f"{name}.npy" for name in names):
                raise StructureError(f"the archive does not hold {', '.join(names)} and nothing else")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise StructureError("the archive is compressed; stored arrays are expected")
            if sum(entry.file_size for entry in entries) > len(data):
                raise StructureError("the archive says that it holds more bytes than it has")
            return {entry.filename.removesuffix(".npy"): archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise StructureError(f"not an archive of arrays: {type(error).__name__}") from error


def plain_array(name: str, content: bytes, kind: str, length: int | None = None) -> Array:
    """Return one array of a member, of at most two dimensions.

    Parameters
    ----------
    kind : str
        The NumPy type string that it must have, such as ``<f8``.
    length : int, optional
        How long it must be, in one dimension; any shape without it.

    Raises
    ------
    StructureError
        Says what was found and what was expected.
    """
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise StructureError(f"{name} is of another version of the array format than 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except _HEADER_ERRORS as error:
        raise StructureError(f"{name} has no readable header") from error
    wanted = "" if length is None else f" of shape ({length},)"
    if fortran or dtype.str != kind or len(shape) > 2 or (length is not None and shape != (length,)):
        raise StructureError(f"{name} is {dtype.str} of shape {shape}; {kind}{wanted} was expected")
    rest, expected = stream.read(), math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or len(rest) != expected:
        raise StructureError(f"{name} has {len(rest)} bytes of numbers; {expected} were expected")
    return np.frombuffer(rest, dtype=dtype).reshape(shape)
