"""Faults of a company's YAML file in words: file, line and key in front, the nearest known word behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from app.domain.errors import BusinessFileError
from app.domain.triggers import Fault
from training.tables.business import suggestion
from training.tables.yaml_places import Document, dotted

_NAMED: Final = 12
"""Words that a message lists at most."""


def text_of(path: Path, key: str) -> str:
    """Return the text of a file that the business file names under ``key``.

    Raises
    ------
    BusinessFileError
        The file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BusinessFileError(
            f"{path.name}, named by {key}, cannot be read: {reason}",
            remedy="The path is relative to the business file.",
        ) from error


def refuse(faults: Iterable[Fault], document: Document, file: str, remedy: str) -> None:
    """Refuse a file that has faults, each in a line of its own, in the order of the file.

    Raises
    ------
    BusinessFileError
        There is a fault.
    """
    ordered = sorted(faults, key=lambda fault: document.line(fault.place))
    if ordered:
        raise BusinessFileError("\n".join(_told(one, document, file) for one in ordered), remedy=remedy)


def meant(found: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return the nearest known word as a question behind a message, or nothing."""
    return suggestion(found, known) if found else ""


def _told(fault: Fault, document: Document, file: str) -> str:
    near = meant(fault.found, fault.known)
    if not near and fault.known:
        more = ", …" if len(fault.known) > _NAMED else ""
        near = f"; expected one of {', '.join(fault.known[:_NAMED])}{more}"
    return f"{file}, line {document.line(fault.place)}, {dotted(fault.place)}: {fault.message}{near}"
