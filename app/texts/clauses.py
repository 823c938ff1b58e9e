"""Where the clauses of a text begin and end, in characters of the text as it was given, and its folded form.

Rules:
- positions are Unicode code points, half open; a clause is a part of the given text, not of a cleaned one;
- punctuation of both languages ends a clause, and so do line breaks, emoji, blanks between Chinese
  characters, and words that turn the sentence (but, however, 但是, 不过);
- points and commas inside numbers, addresses and abbreviations end nothing;
- a clause keeps the marks that show how it is meant, ``!``, ``?`` and emoji, as far as they stand together on
  its line; other punctuation, blanks and the turning word are left out;
- the folded form is for finding words: small letters without accents, half width, blanks in place of control
  characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from app.texts.languages import HAN

_EMOJI: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u231a-\u23ff\u25aa-\u25fe\u2600-\u27bf\u2b05-\u2b55\u3297\u3299"
    "\U0001f000-\U0001faff"
)
_JOINERS: Final = "\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f"
_FACES: Final = r"[:;=8]['’]?-?[)(DPp/\\|\]\[]+(?!\w)|\^_+\^|T_T|<3"

_TURN_EN: Final = "but|however|although|though|whereas|nevertheless|on the other hand|that said"
_TURN_ZH: Final = (
    "但是|但(?!愿|凡)|不过(?![关来去分])|可是|然而|虽然|虽说|尽管|只是(?=[^一])|美中不足的?是?|唯一"
)
_TURN_ZH_OLD: Final = "不過(?![關來去分])|雖然|雖說|儘管|美中不足的?是?"

_BREAK: Final = re.compile(
    rf"(?P<shown>(?:(?:[{_EMOJI}][{_JOINERS}]*|{_FACES}|[!?！？])[^\S\n\r\v\f\x85\u2028\u2029]*)+)"
    r"|(?P<hidden>[\n\r\v\f\x85\u2028\u2029;；。｡…、，､~～|•·—]+"
    r"|(?<!\d)[.,:：]+|[.,:：]+(?!\d)|\s[-–]+\s|--+|[()（）【】\[\]「」『』“”\"]+"
    rf"|(?<=[{HAN}])\s+(?=[{HAN}])"
    rf"|(?<![^\W_])(?:{_TURN_EN})(?![^\W_])"
    rf"|(?<!不)(?<!只)(?:{_TURN_ZH}|{_TURN_ZH_OLD}))",
    re.IGNORECASE,
)
_WHOLE: Final = re.compile(
    r"(?:https?://|www\.)[^\s，。]*[\w/]|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+\.\w[\w.-]*|[@#]\w+|\w\.\w\.(?:\w\.)?|&\w+;"
    r"|(?<=\w)[(（【][^\W_ ]{1,8}[)）】](?=\w)|\b(?:Dr|Mr|Mrs|Ms|St|vs)\."
)
"""What no break is looked for in: addresses, accounts, abbreviations, a word in brackets inside a name."""
_HINT: Final = re.compile("[.@#&:)）】]")
_ADDRESSED: Final = re.compile(r"(?:@\w+[\s:,]+)+(?=\S)")
_TRIMMED: Final = " \t\u3000\xa0\u200b\ufeff.,:;、，。：；'\"“”‘’-–—_*·•…~～|/\\<>《》"

_FOLD_LIMIT: Final = 20_000
"""Characters whose folded form is kept."""


class Span(NamedTuple):
    """A part of a text: from ``start`` up to, without, ``end``, in code points."""

    start: int
    end: int


class Folded(NamedTuple):
    """A text for finding words in, and where each of its characters stands in the text as given."""

    text: str
    places: tuple[int, ...] | None
    """None where every character has kept its place."""

    def place(self, position: int, size: int) -> int:
        """Return the place in a given text of ``size`` characters of a position in the folded one."""
        if self.places is None:
            return position
        return self.places[position] if position < len(self.places) else size


class _Fold(dict[str, str]):
    """Folded characters, worked out when first met."""

    def __missing__(self, character: str) -> str:
        folded = _folded(character)
        if len(self) < _FOLD_LIMIT:
            self[character] = folded
        return folded


def _folded(character: str) -> str:
    """Return the folded form of one character; nothing for one that is not seen."""
    category = unicodedata.category(character)
    if category in {"Cc", "Cs", "Zl", "Zp", "Zs"}:
        return " "
    if category in {"Cf", "Mn"}:
        return ""
    if character == "’":
        return "'"
    plain = unicodedata.normalize("NFKD", character).lower()
    return "".join(part for part in plain if unicodedata.category(part) != "Mn")


_fold_table: Final = _Fold()


def fold(text: str) -> Folded:
    """Return a text in small letters, half width and without accents, with the place of each character."""
    if text.isascii():
        return Folded(text.lower().translate(_CONTROLS), None)
    parts = [_fold_table[character] for character in text]
    if all(len(part) == 1 for part in parts):
        return Folded("".join(parts), None)
    places = tuple([place for place, part in enumerate(parts) for _ in part])
    return Folded("".join(parts), places)


_CONTROLS: Final = dict.fromkeys((*range(32), 127), " ")


def has_words_or_emoji(text: str) -> bool:
    """Return whether a text holds a letter, an emoji or a face made of marks: more than digits and marks."""
    return any(map(str.isalpha, text)) or _SHOWS.search(text) is not None


def clauses(text: str) -> list[Span]:
    """Return the clauses of a text that hold a letter, a digit or an emoji, in order."""
    found = []
    at = 0
    for start, end, shown in _breaks(text):
        found.append(_trimmed(text, at, end if shown else start))
        at = end
    found.append(_trimmed(text, at, len(text)))
    return [span for span in found if _SAYS.search(text, *span)]


_SHOWS: Final = re.compile(rf"[{_EMOJI}]|{_FACES}")
_SAYS: Final = re.compile(rf"[^\W_]|[{_EMOJI}]|{_FACES}")


def _breaks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield where a clause ends: the break's start and end, and whether it belongs to the clause before."""
    wholes = [found.span() for found in _WHOLE.finditer(text)] if _HINT.search(text) else []
    at = 0
    for found in _BREAK.finditer(text):
        start, end = found.span()
        while at < len(wholes) and wholes[at][1] <= start:
            at += 1
        if at < len(wholes) and wholes[at][0] <= start:
            continue
        if found[0] in {".", ":"} and start and end < len(text) and _joins(text[start - 1], text[end]):
            continue
        yield start, end, found.lastgroup == "shown"


def _joins(before: str, after: str) -> bool:
    """Return whether a point between two characters stands inside a word, as in ``node.js`` or ``4.x``."""
    return before.isascii() and after.isascii() and before.isalnum() and (after.islower() or after.isdigit())


def _trimmed(text: str, start: int, end: int) -> Span:
    """Return a span without blanks and punctuation at its ends, and without accounts that it speaks to."""
    while start < end and (text[start] in _TRIMMED or text[start].isspace() or text[start] in "!?！？"):
        start += 1
    addressed = _ADDRESSED.match(text, start, end)
    if addressed is not None:
        start = addressed.end()
    while start < end and (text[end - 1] in _TRIMMED or text[end - 1].isspace()):
        end -= 1
    return Span(start, end)
