"""What a text speaks of: the aspects of a business that its clauses name, by tables of words.

Rules:
- a clause names an aspect where it holds one of the aspect's keywords; English ones count as whole words
  (``late`` is not in ``chocolate``), Chinese ones anywhere, traditional characters like simplified ones;
- of keywords that begin at one place the longest counts; phrases that only look like a keyword
  (``will return``, ``宝贵``) are listed and name nothing;
- a clause that names several aspects is cut between them where each part says something of its own;
- a clause that holds a keyword and nothing else before a colon or a question mark (``Service: terrible``)
  takes in the clause after it.

What is said of an aspect, and whether it is negated, is not decided here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final, NamedTuple

from app.texts.catalogue import Locale
from app.texts.clauses import Span, clauses, fold
from app.texts.languages import HAN

OTHER: Final = "other"
ASPECTS: Final = (
    "delivery",
    "product_quality",
    "price",
    "service",
    "return_and_refund",
    "app_and_site",
    "billing",
    "staff_attitude",
    OTHER,
)


class Clause(NamedTuple):
    """A clause by its place in the text as given, in code points, and the aspects that it names."""

    start: int
    end: int
    aspects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The tables, ready for use: which aspect a keyword names (None: nothing), and how keywords are found."""

    labels: Mapping[str, Mapping[str, str]]
    keywords: Mapping[str, str | None]
    english: re.Pattern[str]
    chinese: re.Pattern[str]
    simplified: Mapping[int, str]


class _Named(NamedTuple):
    """A keyword at a place of the text as given."""

    start: int
    end: int
    aspect: str


@lru_cache(maxsize=1)
def taxonomy() -> Taxonomy:
    """Return the tables of ``aspects.json``."""
    document: dict[str, Any] = json.loads(files("app.texts").joinpath("aspects.json").read_text("utf-8"))
    aspects, ignored = document["aspects"], document["ignored"]
    keywords: dict[str, str | None] = {word: None for words in ignored.values() for word in words}
    for name, entry in aspects.items():
        keywords.update(dict.fromkeys([*entry["en"], *entry["zh"]], name))
    english, chinese = (
        [*ignored[language], *(word for entry in aspects.values() for word in entry[language])]
        for language in ("en", "zh")
    )
    return Taxonomy(
        labels={name: entry["label"] for name, entry in aspects.items()},
        keywords=keywords,
        english=re.compile(rf"(?<![a-z0-9])({_any_of(english)})(?:'?s)?(?![a-z0-9])"),
        chinese=re.compile(f"({_any_of(chinese)})"),
        simplified={ord(pair[0]): pair[1] for line in document["traditional"] for pair in line.split()},
    )


def aspect_label(locale: Locale, aspect: str) -> str:
    """Return what an aspect is called."""
    return taxonomy().labels[aspect][locale]


def read_clauses(text: str) -> list[Clause]:
    """Return the clauses of a text in order, each with the aspects that it names, if any."""
    named = _named(text)
    found: list[Clause] = []
    at = 0
    for span in clauses(text):
        inside = []
        while at < len(named) and named[at].start < span.end:
            if named[at].start >= span.start:
                inside.append(named[at])
            at += 1
        found += _parts(text, span, inside)
    return _completed(text, found)


def _any_of(words: list[str]) -> str:
    """Return a regular expression for any of some words, the longest first at each place."""
    root: dict[str, Any] = {}
    for word in words:
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return _branches(root)


def _branches(node: dict[str, Any]) -> str:
    parts = [
        (r"[\s-]+" if letter == " " else re.escape(letter)) + _branches(rest)
        for letter, rest in node.items()
        if letter
    ]
    if not parts:
        return ""
    inner = parts[0] if len(parts) == 1 and "" not in node else f"(?:{'|'.join(parts)})"
    return f"{inner}?" if "" in node else inner


def _named(text: str) -> list[_Named]:
    """Return the keywords of a text in order."""
    tables = taxonomy()
    folded = fold(text)
    searched = folded.text.translate(tables.simplified)
    found = [*tables.english.finditer(searched)]
    if not text.isascii():
        found += tables.chinese.finditer(searched)
        found.sort(key=re.Match.start)
    size = len(text)
    named = []
    for match in found:
        aspect = tables.keywords[_BLANKS.sub(" ", match[1])]
        if aspect is not None:
            start, end = match.span()
            named.append(_Named(folded.place(start, size), folded.place(end - 1, size) + 1, aspect))
    return named


_BLANKS: Final = re.compile(r"[\s-]+")
_AND: Final = re.compile(r"\b(?:and|plus|while|also)\b", re.IGNORECASE)
_LINKS: Final = "的和与跟及、与與是有"
_COMMENTS: Final = "快慢好差贵貴高低烂爛糟棒赞讚行"
_ALSO: Final = re.compile("(?:而且|并且|並且|以及|同时|同時|另外|还有|還有|也|还|還|又|且)$")
_AROUND: Final = 80
"""Characters around an "and" that are looked at."""
_HAN_ONLY: Final = re.compile(f"[{HAN}]+")


def _parts(text: str, span: Span, named: list[_Named]) -> list[Clause]:
    """Return a clause, cut between the aspects that it names where each part says something of its own."""
    found: list[Clause] = []
    start, aspects = span.start, dict.fromkeys([one.aspect for one in named[:1]])
    for before, after in pairwise(named):
        cut = _cut(text, Span(start, span.end), before, after) if after.aspect not in aspects else None
        if cut is not None:
            found.append(Clause(start, cut.start, tuple(aspects)))
            start, aspects = cut.end, {}
        aspects[after.aspect] = None
    return [*found, Clause(start, span.end, tuple(aspects))]


def _cut(text: str, part: Span, before: _Named, after: _Named) -> Span | None:
    """Return what is left out between two keywords of a part where each side says something of its own."""
    gap = text[before.end : after.start]
    link = _AND.search(gap)
    if link is not None:
        start, end = before.end + link.start(), before.end + link.end()
        said = text[max(part.start, start - _AROUND) : start], text[end : min(part.end, end + _AROUND)]
        if any(map(_is_bare, said)):
            return None
        return Span(start - _idle(gap[: link.start()]), end + _idle(text[end : after.start + 1][::-1]))
    if not _HAN_ONLY.fullmatch(gap) or gap[0] in _LINKS or gap[-1] == "的":
        return None
    comment = _ALSO.sub("", gap)
    if len(comment) > 1 or comment in _COMMENTS:
        place = before.end + len(comment)
        return Span(place, place)
    return None


def _idle(part: str) -> int:
    """Return how many blanks a part ends with."""
    return len(part) - len(part.rstrip())


_BARE_EN: Final = frozenset(
    ["a", "and", "are", "is", "of", "on", "our", "the", "their", "was", "with", "your", "my"]
)
_BARE_ZH: Final = frozenset("的了呢嘛啊吧是上方面这个那么")
_COLON: Final = re.compile("[:：?？]")
_TELLING_KEYWORDS: Final = 2
"""So many keywords say something of each other: ``the box was crushed``."""
_BARE_WORDS: Final = re.compile(f"[^\\W{HAN}]+|[{HAN}]")


def _completed(text: str, found: list[Clause]) -> list[Clause]:
    """Return clauses where one that only names an aspect has taken in the one after it, no more."""
    done: list[Clause] = []
    is_full = False
    for clause in found:
        last = done[-1] if done and not is_full else None
        is_full = False
        if (
            last is not None
            and last.aspects
            and not clause.aspects
            and _COLON.search(text, last.end - 1, clause.start)
            and _is_bare(text[last.start : last.end])
        ):
            done[-1] = Clause(last.start, clause.end, last.aspects)
            is_full = True
        else:
            done.append(clause)
    return done


def _is_bare(clause: str) -> bool:
    """Return whether a clause holds a keyword and nothing that says something of it."""
    named = _named(clause)
    left = list(clause)
    for one in named:
        left[one.start : one.end] = " " * (one.end - one.start)
    return len(named) < _TELLING_KEYWORDS and all(
        word.lower() in _BARE_EN or word in _BARE_ZH for word in _BARE_WORDS.findall("".join(left))
    )
