"""Rules of a playbook in CEL, the Common Expression Language: compiled, type-checked, and answered.

An expression reads variables: ``features.order_days``, ``attributes.plan``, ``churn.risk_level`` (a block's
score), ``triggers`` (the rules that fired) and ``known`` (the names of all variables that are known). It is
true, false, or cannot be told because something in it is not known; only what is true holds. Nothing is run
but comparisons: no loop, no call into Python. Only this module knows the library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from cel_expr_python import cel

from app.domain.errors import StructureError
from app.features.library import LIBRARY
from app.serving.evidence import known_scores

FEATURES, ATTRIBUTES = "features.", "attributes."
TRIGGERS, KNOWN = "triggers", "known"

_BOOL, _DOUBLE, _STRING = cel.Type.BOOL, cel.Type.DOUBLE, cel.Type.STRING
_KINDS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "number": _DOUBLE,
        "numeric": _DOUBLE,
        "flag": _BOOL,
        "boolean": _BOOL,
        "category": _STRING,
        "categorical": _STRING,
        "word": _STRING,
    }
)
_TOKEN: Final = re.compile(
    r"(?P<comment>//[^\n]*)"
    r"|[bB]?[rR][bB]?(?P<raw>\"\"\".*?\"\"\"|\'\'\'.*?\'\'\'|\"[^\"\r\n]*\"|'[^'\r\n]*')"
    r"|[bB]?(?P<text>\"\"\"(?:\\.|[^\\])*?\"\"\"|\'\'\'(?:\\.|[^\\])*?\'\'\'"
    r"|\"(?:\\.|[^\"\\\r\n])*\"|'(?:\\.|[^'\\\r\n])*')",
    re.DOTALL,
)
"""Comments and literals, as CEL reads them: a quote within a comment opens nothing."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\s*\.\s*[A-Za-z_][A-Za-z0-9_]*)*")
_LOOPS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
"""Macros that go through lists: what they cost has no bound."""
_CHAIN_LIMIT: Final = 8
"""Expressions that are answered in one go: the parser has a limit to how deep they may be nested."""
_INT_AND_DOUBLE: Final = re.compile(r"\((double, int|int, double|double, list\(int\))\)")
_IN_KNOWN: Final = re.compile(r"""(["'])([^"']*)\1\s*in\s+known\b""")
_WORD: Final = re.compile(r"""["']([^"']*)["']""")
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'")
_MISMATCH: Final = re.compile(r"found no matching overload for '([^']*)' applied to '\(([^)]*)\)'")


@dataclass(frozen=True, slots=True)
class Conditions:
    """Expressions, compiled; each is answered once for a customer."""

    names: frozenset[str]
    _env: Any
    _compiled: tuple[Any, ...]
    _groups: tuple[tuple[int, ...], ...] = ()
    _chains: tuple[Any, ...] = ()

    def holds(self, known: Mapping[str, Any]) -> tuple[bool, ...]:
        """Return which expressions are true, in their order.

        Parameters
        ----------
        known : mapping
            Variables by name: float, bool, str or a list of str; what is not known is not there.
        """
        if not self._compiled:
            return ()
        activation = self._activation(known)
        return tuple([one.eval(activation).plain_value() is True for one in self._compiled])

    def failing(self, known: Mapping[str, Any]) -> Callable[[int], int | None]:
        """Return what tells the place of a group's first expression that is not true, None where all are.

        A group is answered in one go, unless something in it is not known.
        """
        activation = self._activation(known)

        def first(group: int) -> int | None:
            positions, chain = self._groups[group], self._chains[group]
            place = None if chain is None else chain.eval(activation).plain_value()
            if isinstance(place, int):
                return place if place < len(positions) else None
            for place, position in enumerate(positions):
                if self._compiled[position].eval(activation).plain_value() is not True:
                    return place
            return None

        return first

    def _activation(self, known: Mapping[str, Any]) -> Any:
        names = self.names
        bound = {name: value for name, value in known.items() if name in names}
        if KNOWN in names:
            bound[KNOWN] = list(known)
        return self._env.Activation(bound)


def compile_conditions(
    expressions: Iterable[str], attributes: Mapping[str, str], groups: Iterable[Iterable[int]] = ()
) -> Conditions:
    """Return expressions ready to be answered.

    Parameters
    ----------
    attributes : mapping
        Declared attributes and their kinds: numeric, boolean, categorical.
    groups : iterable of iterables of int
        Positions of expressions that are asked about together.

    Raises
    ------
    StructureError
        An expression cannot be compiled; the message says why.
    """
    expressions = tuple(_without_comments(expression) for expression in expressions)
    for expression in expressions:
        fault = explain(expression, attributes)
        if fault is not None:
            raise StructureError(f"a rule cannot be used: {fault}")
    env = _environment(tuple(sorted(attributes.items())))
    names = frozenset(name for expression in expressions for name in _names_of(expression))
    mentioned = (
        frozenset(text for expression in expressions for text in _literals(expression))
        if KNOWN in names
        else frozenset()
    )
    variables = variables_of(attributes)
    grouped = tuple(tuple(group) for group in groups)
    return Conditions(
        (names | mentioned) & variables.keys(),
        env,
        tuple(env.compile(one) for one in expressions),
        grouped,
        tuple(_chained(env, [expressions[position] for position in group]) for group in grouped),
    )


def _chained(env: Any, expressions: Sequence[str]) -> Any:
    """Return what gives the place of the first expression that is false; None where one by one is better."""
    if not 1 < len(expressions) <= _CHAIN_LIMIT:
        return None
    steps = [f"!({expression}) ? {place} : " for place, expression in enumerate(expressions)]
    try:
        return env.compile("".join((*steps, str(len(expressions)))))
    except RuntimeError:  # Each may be as deep as the parser allows; all of them together are deeper.
        return None


def explain(expression: str, attributes: Mapping[str, str]) -> str | None:
    """Return in words what is wrong with an expression; None where nothing is."""
    variables = variables_of(attributes)
    expression = _without_comments(expression)
    for call in re.findall(r"\.?\s*([A-Za-z_]+)\s*\(", _bare(expression)):
        if call == "has":
            return 'has() is not available; write "features.order_days" in known'
        if call in _LOOPS:
            return f"{call}() goes through lists and is not available; write one comparison for each value"
    try:
        compiled = _environment(tuple(sorted(attributes.items()))).compile(expression)
    except RuntimeError as error:
        return _in_words(str(error), variables)
    if compiled.return_type() != _BOOL:
        return f"it must be true or false, and is a {compiled.return_type().name().lower()}"
    return _unknown_name(expression, variables) or _unknown_word(expression)


@lru_cache(maxsize=16)
def _variables(attributes: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    found = {FEATURES + name: _KINDS[feature.kind] for name, feature in LIBRARY.items()}
    found |= {ATTRIBUTES + name: _KINDS[kind] for name, kind in attributes if name.isidentifier()}
    found |= {name: _KINDS.get(output.unit, _DOUBLE) for name, output in known_scores().items()}
    words = cel.Type.List(_STRING)
    return MappingProxyType({**found, TRIGGERS: words, KNOWN: words})


def variables_of(attributes: Mapping[str, str]) -> Mapping[str, Any]:
    """Return every variable that an expression may read, with its type."""
    return _variables(tuple(sorted(attributes.items())))


@lru_cache(maxsize=16)
def _environment(attributes: tuple[tuple[str, str], ...]) -> Any:
    return cel.NewEnv(variables=dict(_variables(attributes)))


def _names_of(expression: str) -> set[str]:
    """Return what an expression may read, outside of its literals; a call (``.startsWith``) ends a name."""
    parts = (re.sub(r"\s", "", name).split(".") for name in _NAME.findall(_bare(expression)))
    return {".".join(name[:end]) for name in parts for end in range(1, len(name) + 1)}


def _without_comments(expression: str) -> str:
    return _TOKEN.sub(lambda token: " " if token["comment"] else token[0], expression)


def _bare(expression: str) -> str:
    """Return an expression whose literals are empty."""
    return _TOKEN.sub('""', expression)


def _literals(expression: str) -> list[str]:
    return [(token["raw"] or token["text"]).strip("\"'") for token in _TOKEN.finditer(expression)]


def _in_words(message: str, variables: Mapping[str, Any]) -> str:
    """Return what the compiler found, in words for people who write playbooks."""
    if _INT_AND_DOUBLE.search(message):
        return "numbers have a decimal point: write 3.0 for 3"
    undeclared = _UNDECLARED.search(message)
    if undeclared is not None:
        return _not_known(undeclared[1], variables)
    mismatch = _MISMATCH.search(message)
    if mismatch is not None:
        return f"{mismatch[1].strip('_')} cannot be applied to {mismatch[2]}"
    first = message.partition("\n")[0]
    return first.rpartition("<input>:")[2] or first


def _not_known(name: str, variables: Mapping[str, Any]) -> str:
    near = get_close_matches(name, variables, 1, 0.6)
    return f"{name} is not known{f'; did you mean {near[0]}?' if near else ''}"


def _unknown_name(expression: str, variables: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a name that is looked for among the known ones; None where nothing is.

    A name that is none is never known, so that its denial would hold for everybody.
    """
    for _, name in _IN_KNOWN.findall(expression):
        if name not in variables:
            return _not_known(name, variables)
    if KNOWN in _names_of(_IN_KNOWN.sub('""', expression)):
        return 'known is asked for one name at a time: write "features.order_days" in known'
    return None


def _unknown_word(expression: str) -> str | None:
    """Return what is wrong with a word that a score is compared with; None where nothing is."""
    for name, output in known_scores().items():
        if not output.words or name not in expression:
            continue
        for word in _compared(expression, re.escape(name)):
            if word not in output.words:
                (near,) = get_close_matches(word, output.words, 1, 0.0)
                return f"{name} is never {word!r}; did you mean {near}?"
    return None


def _compared(expression: str, name: str) -> list[str]:
    """Return the words that a score is compared with: behind it, in front of it, or in a list."""
    word = _WORD.pattern
    behind = re.findall(rf"\b{name}\s*[=!]=\s*{word}", expression)
    before = re.findall(rf"{word}\s*[=!]=\s*{name}\b(?!\.)", expression)
    lists = re.findall(rf"\b{name}\s+in\s*\[([^\]]*)\]", expression)
    return [*behind, *before, *(one for words in lists for one in _WORD.findall(words))]
