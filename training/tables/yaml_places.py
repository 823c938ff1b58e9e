"""Where in a YAML file a key stands, so that a message can name its line; a key given twice is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from app.domain.errors import BusinessFileError

Place = tuple[str | int, ...]
"""The way to a value: keys of mappings and positions in lists, from the top."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML file says, and the line (from 1) of every key and list item in it."""

    value: Any
    lines: Mapping[Place, int]

    def line(self, place: Sequence[str | int]) -> int:
        """Return the line of a place, or of the nearest one above it."""
        way = tuple(place)
        while way and way not in self.lines:
            way = way[:-1]
        return self.lines.get(way, 1)


def read_document(text: str, file: str) -> Document:
    """Return the value and the lines of a YAML text.

    Parameters
    ----------
    text : str
        One YAML document.
    file : str
        The name to use in messages.

    Raises
    ------
    BusinessFileError
        The text is not YAML, refers to itself, or gives a key twice.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Place, int] = {}
        for place, line in _places(root, (), file, ()):
            if place in lines:
                raise BusinessFileError(
                    f"{file}, line {line}, {dotted(place)}: this key stands in line {lines[place]} already",
                    remedy="Keep one of the two; the later one would silently win.",
                )
            lines[place] = line
        return Document(yaml.safe_load(text), lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BusinessFileError(
            f"{file}, line {line}: not YAML: {error.problem or 'unreadable'}",
            remedy="Check indentation, quotes and colons near that line.",
        ) from error
    except yaml.YAMLError as error:
        raise BusinessFileError(
            f"{file}: not YAML: it holds a character that YAML does not allow",
            remedy="Save the file as UTF-8 text.",
        ) from error


def dotted(place: Sequence[str | int]) -> str:
    """Return a place as a dotted key, ``objectives.churn.red``."""
    return ".".join(str(part) for part in place) or "the file"


def _places(
    node: yaml.Node | None, place: Place, file: str, above: tuple[yaml.Node, ...]
) -> Iterator[tuple[Place, int]]:
    """Yield every key and list item with its line, top down."""
    if node is None:
        return
    if any(node is other for other in above):
        raise BusinessFileError(
            f"{file}, line {node.start_mark.line + 1}, {dotted(place)}: refers to itself",
            remedy="Write the value out instead of an alias.",
        )
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _places(value, inner, file, (*above, node))
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield (*place, position), value.start_mark.line + 1
            yield from _places(value, (*place, position), file, (*above, node))
