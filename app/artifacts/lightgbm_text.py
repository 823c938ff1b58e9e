"""Is a text a well-formed LightGBM model? Found out without LightGBM, whose parser does not ask.

LightGBM's own reader indexes memory with the numbers that it finds: about half of all single-byte errors
end the process, a fifth change the answers without a word, and a node that is its own child never returns.
A digest rules out accidents; these rules are for a text that was *published* wrong.

Rules:

1. The text is UTF-8 of at most ``TEXT_LIMIT_BYTES``, its lines end with a newline, and it holds no other
   control character (a zero byte would end it early for a reader in C).
2. The header has known keys, each once: one class, one tree per iteration, a known objective, as many
   features as the manifest lists. ``tree_sizes`` cuts the rest exactly into blocks that begin with
   ``Tree=i``, and after the last stands ``end of trees``.
3. A tree has known keys, each once, no linear leaves, and arrays of the lengths that ``num_leaves``
   demands.
4. Every child lies in range and, if it is a split, behind its parent, and every split and leaf is the child
   of exactly one split: the tree is a tree, and a walk through it ends. Its depth is bounded.
5. Splits name a feature of the model. Only a categorical feature is split by categories, whose bit sets lie
   end to end. Decision types have known bits.
6. Leaves are finite and bounded; thresholds are numbers, or infinite where a split only parts missing
   values from known ones. Counts are positive and add up, because contributions divide by them.
7. After the trees stand importances and parameters in lines of the known form. No answer depends on them but
   for ``linear_tree``, which is 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeVar

from app.domain.errors import StructureError

T = TypeVar("T", int, float)

TEXT_LIMIT_BYTES: Final = 128 << 20
TREES_LIMIT: Final = 20_000
LEAVES_LIMIT: Final = 8_192
DEPTH_LIMIT: Final = 512
COUNT_LIMIT: Final = (1 << 31) - 1
LEAF_LIMIT: Final = 1e15
"""No margin of any objective comes near; sums over all trees stay far from the end of float64."""

OBJECTIVES: Final = (
    r"binary sigmoid:1",
    r"regression(_l1)?",
    r"huber",
    r"fair",
    r"quantile( alpha:0\.[0-9]+)?",
    r"poisson",
    r"gamma",
    r"tweedie( tweedie_variance_power:1\.[0-9]+)?",
    r"cross_entropy",
    r"lambdarank",
)
"""Objectives whose margin is a sum of leaves. With another sigmoid, a binary margin would not be log-odds."""

_HEADER_KEYS: Final = frozenset(
    {
        "version",
        "num_class",
        "num_tree_per_iteration",
        "label_index",
        "max_feature_idx",
        "objective",
        "feature_names",
        "feature_infos",
        "tree_sizes",
    }
)
_HEADER_OPTIONAL: Final = frozenset({"monotone_constraints"})
_TREE_KEYS: Final = frozenset(
    {
        "num_leaves",
        "num_cat",
        "split_feature",
        "split_gain",
        "threshold",
        "decision_type",
        "left_child",
        "right_child",
        "leaf_value",
        "leaf_weight",
        "leaf_count",
        "internal_value",
        "internal_weight",
        "internal_count",
        "is_linear",
        "shrinkage",
    }
)
_CATEGORY_KEYS: Final = frozenset({"cat_boundaries", "cat_threshold"})

_END: Final = b"end of trees\n"


def _list_of(item: str) -> re.Pattern[str]:
    """Return the form of items with one space between them; possessive, so that a misfit costs no search."""
    return re.compile(f"(?:{item})(?: (?:{item}))*+")


_NUMBER: Final = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_INTEGERS: Final = _list_of(r"-?(?:0|[1-9][0-9]{0,9})")
_NUMBERS: Final = _list_of(_NUMBER)
_THRESHOLDS: Final = _list_of(f"-?inf|{_NUMBER}")
_CONTROL: Final = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
_TAIL_LINE: Final = re.compile(
    r"|feature_importances:|[^=\[\]]{1,256}=[0-9.eE+]{1,32}"
    r"|parameters:|\[linear_tree: 0\]|\[(?!linear_tree)[a-z_0-9]{1,64}: [^\[\]]{0,65536}\]"
    r"|end of parameters|pandas_categorical:(null|\[\])"
)
_CATEGORICAL: Final = 1
_DECISION_TYPES: Final = range(12)
"""Bit 0: by category; bit 1: missing goes left; above: what counts as missing (0 nothing, 1 zero, 2 NaN)."""


def check_lightgbm_text(data: bytes, features: int, categorical: Sequence[int]) -> None:
    """Refuse a text that is not a well-formed LightGBM model over the manifest's features.

    Parameters
    ----------
    data : bytes
        The whole file.
    features : int
        How many inputs the manifest lists.
    categorical : sequence of int
        Positions of the categorical ones.

    Raises
    ------
    StructureError
        Names the tree and the key, what was found and what was expected.
    """
    if len(data) > TEXT_LIMIT_BYTES:
        raise StructureError(f"{len(data)} bytes; at most {TEXT_LIMIT_BYTES} are expected")
    if _CONTROL.search(data) or not data.endswith(b"\n"):
        raise StructureError("a control character, or no newline at the end; lines of text are expected")
    head, separator, _ = data.partition(b"\n\n")
    if not separator:
        raise StructureError("no empty line ends the header")
    sizes = _check_header(_decoded(head), features)
    start = len(head) + len(separator)
    allowed = frozenset(categorical)
    for number, size in enumerate(sizes):
        block = data[start : start + size]
        start += size
        try:
            _check_tree(_tree_lines(block, number), features, allowed)
        except StructureError as error:
            raise StructureError(f"tree {number}: {error}") from None
    if not data.startswith(_END, start):
        raise StructureError(f"tree_sizes does not end at {_END.decode().strip()!r}")
    for line in _decoded(data[start + len(_END) : -1]).split("\n"):
        if not _TAIL_LINE.fullmatch(line):
            raise StructureError("a line after the trees is neither an importance nor a parameter")


def _check_header(text: str, features: int) -> list[int]:
    """Check the header and return the sizes of the trees, bytes."""
    first, _, rest = text.partition("\n")
    if first != "tree":
        raise StructureError("the first line is not 'tree'")
    header = _pairs(rest.split("\n"), _HEADER_KEYS, _HEADER_OPTIONAL)
    for key, expected in (
        ("version", "v4"),
        ("num_class", "1"),
        ("num_tree_per_iteration", "1"),
        ("label_index", "0"),
        ("max_feature_idx", str(features - 1)),
    ):
        if header[key] != expected:
            raise StructureError(f"{key} is {header[key][:32]!r}; {expected!r} was expected")
    if not any(re.fullmatch(objective, header["objective"]) for objective in OBJECTIVES):
        raise StructureError(f"the objective {header['objective'][:64]!r} is not one that can be served")
    for key in ("feature_names", "feature_infos"):
        if len(names := header[key].split(" ")) != features or not all(names):
            raise StructureError(f"{key} has {len(names)} entries; {features} were expected")
    if len(set(header["feature_names"].split(" "))) != features:
        raise StructureError("a feature name stands twice")
    sizes = _integers(header, "tree_sizes", None)
    if not 1 <= len(sizes) <= TREES_LIMIT or min(sizes) < 1:
        raise StructureError(
            f"tree_sizes lists {len(sizes)} trees; 1 to {TREES_LIMIT} of 1 byte or more expected"
        )
    return sizes


def _tree_lines(block: bytes, number: int) -> list[str]:
    """Return the lines of one tree between its first line and the empty lines at its end."""
    begin, end = f"Tree={number}\n".encode(), b"\n\n\n"
    if not block.startswith(begin) or not block.endswith(end):
        raise StructureError(f"the block that tree_sizes cuts out does not go from {begin!r} to its end")
    return _decoded(block[len(begin) : -len(end)]).split("\n")


def _check_tree(lines: list[str], features: int, categorical: frozenset[int]) -> None:
    """Check one tree (rules 3 to 6)."""
    tree = _pairs(lines, _TREE_KEYS, _CATEGORY_KEYS)
    (leaves,) = _integers(tree, "num_leaves", 1)
    (sets,) = _integers(tree, "num_cat", 1)
    if not 1 <= leaves <= LEAVES_LIMIT:
        raise StructureError(f"num_leaves is {leaves}; 1 to {LEAVES_LIMIT} were expected")
    if tree["is_linear"] != "0":
        raise StructureError("its leaves are linear models, which are not served")
    splits = leaves - 1
    if any(abs(value) > LEAF_LIMIT for value in _numbers(tree, "leaf_value", leaves)):
        raise StructureError(f"a leaf is beyond {LEAF_LIMIT:g}")
    _numbers(tree, "shrinkage", 1)
    for key in ("split_gain", "internal_value", "internal_weight"):
        _numbers(tree, key, splits)
    # A tree of one leaf has no weights: LightGBM leaves the array empty.
    _numbers(tree, "leaf_weight", leaves if splits else 0)
    left = _integers(tree, "left_child", splits)
    right = _integers(tree, "right_child", splits)
    _check_shape(left, right)
    _check_counts(
        left, right, _integers(tree, "leaf_count", leaves), _integers(tree, "internal_count", splits)
    )
    _check_splits(tree, splits, sets, features, categorical)


def _check_shape(left: list[int], right: list[int]) -> None:
    """Check that children form one tree in which every walk from the root ends (rule 4)."""
    splits = len(left)
    parents = [0] * splits
    leaves = [0] * (splits + 1)
    depth = [1] * splits
    for parent, children in enumerate(zip(left, right, strict=True)):
        for child in children:
            if parent < child < splits:
                parents[child] += 1
                depth[child] = depth[parent] + 1
            elif -splits - 1 <= child < 0:
                leaves[~child] += 1
            else:
                raise StructureError(
                    f"split {parent} has the child {child}; a later split or a leaf was expected"
                )
    if any(count != 1 for count in parents[1:]) or (splits and any(count != 1 for count in leaves)):
        raise StructureError("a split or a leaf is not the child of exactly one split")
    if max(depth, default=0) > DEPTH_LIMIT:
        raise StructureError(f"it is {max(depth)} splits deep; at most {DEPTH_LIMIT} are expected")


def _check_counts(left: list[int], right: list[int], leaf: list[int], internal: list[int]) -> None:
    """Check that every leaf counts rows, and every split those of its children (rule 6)."""
    if min(leaf) < 1 or sum(leaf) > COUNT_LIMIT:
        raise StructureError(
            f"leaf_count is not of 1 row or more in each leaf and {COUNT_LIMIT} or fewer in all"
        )
    for parent, children in enumerate(zip(left, right, strict=True)):
        expected = sum(internal[child] if child >= 0 else leaf[~child] for child in children)
        if internal[parent] != expected:
            raise StructureError(f"split {parent} counts {internal[parent]} rows, its children {expected}")


def _check_splits(
    tree: Mapping[str, str], splits: int, sets: int, features: int, categorical: frozenset[int]
) -> None:
    """Check features, thresholds, decision types and bit sets of categories (rules 5 and 6)."""
    by_category: list[float] = []
    for feature, threshold, decision in zip(
        _integers(tree, "split_feature", splits),
        _items(tree, "threshold", splits, _THRESHOLDS, float),
        _integers(tree, "decision_type", splits),
        strict=True,
    ):
        if not 0 <= feature < features:
            raise StructureError(f"a split asks for feature {feature}; 0 to {features - 1} exist")
        if decision not in _DECISION_TYPES:
            raise StructureError(
                f"a split has the decision type {decision}; below {len(_DECISION_TYPES)} expected"
            )
        if decision & _CATEGORICAL:
            if feature not in categorical:
                raise StructureError(f"feature {feature} is split by categories and is not categorical")
            by_category.append(threshold)
    if sorted(by_category) != list(range(sets)):
        raise StructureError(f"num_cat is {sets}; the splits by category name other bit sets")
    present = len(tree.keys() & _CATEGORY_KEYS)
    if present != (len(_CATEGORY_KEYS) if sets else 0):
        raise StructureError(f"num_cat is {sets}, which does not fit cat_boundaries and cat_threshold")
    if sets:
        _check_categories(_integers(tree, "cat_boundaries", sets + 1), _integers(tree, "cat_threshold", None))


def _check_categories(boundaries: list[int], words: list[int]) -> None:
    """Check that bit sets of categories lie end to end (rule 5)."""
    rising = all(a < b for a, b in pairwise(boundaries))
    if boundaries[0] != 0 or not rising or boundaries[-1] != len(words):
        raise StructureError("cat_boundaries does not cut cat_threshold end to end")
    if min(words) < 0 or max(words) >= 1 << 32:
        raise StructureError("cat_threshold holds a word that is not 32 bits")


def _pairs(lines: Sequence[str], required: frozenset[str], optional: frozenset[str]) -> dict[str, str]:
    """Return ``key=value`` lines as a mapping: all required keys, no unknown one, none twice."""
    pairs: dict[str, str] = {}
    for line in lines:
        key, separator, value = line.partition("=")
        if not separator or key in pairs or key not in required | optional:
            raise StructureError(f"the line {line[:32]!r} is unknown, or stands twice")
        pairs[key] = value
    if missing := required - pairs.keys():
        raise StructureError(f"{min(missing)} is missing")
    return pairs


def _items(
    pairs: Mapping[str, str], key: str, length: int | None, form: re.Pattern[str], kind: Callable[[str], T]
) -> list[T]:
    """Return the items of an array, all of one form, of the length that is expected."""
    text = pairs[key]
    if text and not form.fullmatch(text):
        raise StructureError(f"{key} is not a list of numbers of the expected form")
    items = [kind(item) for item in text.split(" ")] if text else []
    if length is not None and len(items) != length:
        raise StructureError(f"{key} has {len(items)} entries; {length} were expected")
    return items


def _integers(pairs: Mapping[str, str], key: str, length: int | None) -> list[int]:
    return _items(pairs, key, length, _INTEGERS, int)


def _numbers(pairs: Mapping[str, str], key: str, length: int) -> list[float]:
    numbers = _items(pairs, key, length, _NUMBERS, float)
    if not all(map(math.isfinite, numbers)):
        raise StructureError(f"{key} holds a number beyond float64")
    return numbers


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise StructureError("a text that is not UTF-8") from error
