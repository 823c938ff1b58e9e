from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from app.artifacts import lightgbm_text
from app.artifacts.canonical import sha256
from app.artifacts.lightgbm_text import check_lightgbm_text
from app.artifacts.manifest import MANIFEST_NAME
from app.artifacts.reader import read_artifact
from app.domain.errors import DigestMismatchError, StructureError
from tests.unit.artifacts import tiny

CATEGORICAL = (2, 3)
TEXT = tiny.trees()


def check(text: bytes) -> None:
    check_lightgbm_text(text, len(tiny.FULL), CATEGORICAL)


def numbers(key: str) -> list[str]:
    return tiny.line_of(TEXT, key).split(" ")


def changed(key: str, index: int, value: str) -> bytes:
    items = numbers(key)
    items[index] = value
    return tiny.rewritten(TEXT, (key, " ".join(items)))


def test_the_tidy_author_of_these_tests_leaves_a_good_text_good() -> None:
    assert tiny.rewritten(TEXT) == TEXT
    check(TEXT)
    assert tiny.line_of(TEXT, "num_cat") != "0"


@pytest.mark.parametrize(
    "objective",
    [
        "binary",
        "regression",
        "regression_l1",
        "huber",
        "fair",
        "quantile",
        "poisson",
        "tweedie",
        "cross_entropy",
    ],
)
def test_objectives_whose_margin_is_a_sum_of_leaves_are_accepted(objective: str) -> None:
    check(tiny.trees(1, objective))


def test_objective_that_makes_many_trees_at_once_is_refused() -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    booster = lgb.train(
        {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}, lgb.Dataset(X, y), 2
    )
    with pytest.raises(StructureError, match="num_class"):
        check_lightgbm_text(booster.model_to_string().encode(), 2, ())


def test_linear_leaves_are_refused() -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    settings = {"objective": "regression", "linear_tree": True, "verbosity": -1, "num_threads": 1}
    booster = lgb.train(settings, lgb.Dataset(X, X[:, 0] ** 2, params=settings), 2)
    with pytest.raises(StructureError, match=r"unknown|linear"):
        check_lightgbm_text(booster.model_to_string().encode(), 2, ())


def test_infinite_threshold_that_parts_missing_from_known_is_accepted() -> None:
    index = next(i for i, kind in enumerate(numbers("decision_type")) if int(kind) % 2 == 0)
    check(changed("threshold", index, "inf"))


def test_tree_of_one_leaf_is_accepted() -> None:
    X = np.zeros((50, 2))
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1}, lgb.Dataset(X, np.arange(50) % 2), 1
    )
    check_lightgbm_text(booster.model_to_string().encode(), 2, ())


CRAFTED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "child that is itself": ("split 1 has the child 1", lambda: changed("left_child", 1, "1")),
    "child that is an ancestor": ("split 2 has the child 0", lambda: changed("right_child", 2, "0")),
    "child far out of range": ("has the child 999999", lambda: changed("left_child", 0, "999999")),
    "child beyond 32 bits": ("has the child 2147483647", lambda: changed("left_child", 0, "2147483647")),
    "leaf far out of range": ("has the child -100000000", lambda: changed("right_child", 0, "-100000000")),
    "leaf that two splits share": (
        "not the child of exactly one",
        lambda: changed("right_child", 0, numbers("right_child")[-1]),
    ),
    "feature out of range": ("asks for feature 4", lambda: changed("split_feature", 0, "4")),
    "feature far out of range": (
        "asks for feature 500000000",
        lambda: changed("split_feature", 0, "500000000"),
    ),
    "feature below zero": ("asks for feature -5", lambda: changed("split_feature", 0, "-5")),
    "leaf that is NaN": ("leaf_value is not a list", lambda: changed("leaf_value", 0, "nan")),
    "leaf that is infinite": ("leaf_value is not a list", lambda: changed("leaf_value", 0, "inf")),
    "leaf beyond float64": (
        "leaf_value holds a number beyond float64",
        lambda: changed("leaf_value", 0, "1e400"),
    ),
    "leaf beyond reason": ("a leaf is beyond 1e", lambda: changed("leaf_value", 0, "1e300")),
    "threshold that is NaN": ("threshold is not a list", lambda: changed("threshold", 0, "nan")),
    "threshold that is two words": ("threshold is not a list", lambda: changed("threshold", 0, "1  2")),
    "unknown decision type": ("decision type 14", lambda: changed("decision_type", 0, "14")),
    "decision type below zero": ("decision type -2", lambda: changed("decision_type", 0, "-2")),
    "leaf that counts no rows": ("leaf_count", lambda: changed("leaf_count", 0, "0")),
    "leaf that counts below zero": ("leaf_count", lambda: changed("leaf_count", 0, "-7")),
    "split that counts other rows": ("split 0 counts 7 rows", lambda: changed("internal_count", 0, "7")),
    "split that counts no rows": (r"split \d counts", lambda: changed("internal_count", -1, "0")),
    "more leaves than stated": (
        "entries; 5 were expected",
        lambda: tiny.rewritten(TEXT, ("num_leaves", "5")),
    ),
    "a billion leaves": (
        "num_leaves is 1000000000",
        lambda: tiny.rewritten(TEXT, ("num_leaves", "1000000000")),
    ),
    "no leaves": ("num_leaves is 0", lambda: tiny.rewritten(TEXT, ("num_leaves", "0"))),
    "leaves below zero": ("num_leaves is -1", lambda: tiny.rewritten(TEXT, ("num_leaves", "-1"))),
    "a million category sets": ("num_cat is 1000000", lambda: tiny.rewritten(TEXT, ("num_cat", "1000000"))),
    "no category sets": ("num_cat is 0", lambda: tiny.rewritten(TEXT, ("num_cat", "0"))),
    "category set cut beyond its end": (
        "does not cut cat_threshold",
        lambda: changed("cat_boundaries", -1, "99"),
    ),
    "category set that begins late": (
        "does not cut cat_threshold",
        lambda: changed("cat_boundaries", 0, "1"),
    ),
    "category word beyond 32 bits": (
        "not 32 bits",
        lambda: changed("cat_threshold", 0, "4294967296"),
    ),
    "category word below zero": ("not 32 bits", lambda: changed("cat_threshold", 0, "-1")),
    "leaf array that is short": (
        "leaf_value has 2 entries",
        lambda: tiny.rewritten(TEXT, ("leaf_value", "0.1 0.2")),
    ),
    "linear leaves": ("linear models", lambda: tiny.rewritten(TEXT, ("is_linear", "1"))),
    "another number of features": (
        "max_feature_idx is '40'",
        lambda: tiny.rewritten(TEXT, ("max_feature_idx", "40")),
    ),
    "many classes": ("num_class is", lambda: tiny.rewritten(TEXT, ("num_class", "1000000000"))),
    "no trees per iteration": (
        "num_tree_per_iteration is '0'",
        lambda: tiny.rewritten(TEXT, ("num_tree_per_iteration", "0")),
    ),
    "many trees per iteration": (
        "num_tree_per_iteration is '7'",
        lambda: tiny.rewritten(TEXT, ("num_tree_per_iteration", "7")),
    ),
    "no objective": ("the objective ''", lambda: tiny.rewritten(TEXT, ("objective", ""))),
    "another objective": (
        "the objective 'rank_xendcg'",
        lambda: tiny.rewritten(TEXT, ("objective", "rank_xendcg")),
    ),
    "a margin that is no log-odds": (
        "the objective 'binary sigmoid:2'",
        lambda: tiny.rewritten(TEXT, ("objective", "binary sigmoid:2")),
    ),
    "another format": ("version is 'v3'", lambda: tiny.rewritten(TEXT, ("version", "v3"))),
    "a feature twice": ("name stands twice", lambda: tiny.rewritten(TEXT, ("feature_names", "a b c a"))),
    "too few feature names": (
        "feature_names has 2 entries",
        lambda: tiny.rewritten(TEXT, ("feature_names", "a b")),
    ),
    "huge tree size": (
        "tree 0: the block",
        lambda: TEXT.replace(b"tree_sizes=", b"tree_sizes=9999999999 ", 1),
    ),
    "short tree sizes": (
        "tree_sizes does not end",
        lambda: TEXT.replace(
            b"tree_sizes=" + tiny.line_of(TEXT, "tree_sizes").encode(),
            b"tree_sizes=" + numbers("tree_sizes")[0].encode(),
        ),
    ),
    "no tree sizes": (
        "lists 0 trees",
        lambda: tiny.rewritten(TEXT, ("tree_sizes", "")).replace(
            b"tree_sizes=" + tiny.line_of(TEXT, "tree_sizes").encode(), b"tree_sizes="
        ),
    ),
    "averaged output": (
        "'average_output' is unknown",
        lambda: TEXT.replace(b"label_index=0\n", b"label_index=0\naverage_output\n"),
    ),
    "an unknown key in a tree": (
        "'extra=1' is unknown",
        lambda: tiny.resized(TEXT.replace(b"\nis_linear=0", b"\nextra=1\nis_linear=0", 1)),
    ),
    "a key of a tree twice": (
        "'leaf_value=9 9 9 9 9 9' is unknown, or stands twice",
        lambda: tiny.resized(TEXT.replace(b"\nshrinkage=1", b"\nshrinkage=1\nleaf_value=9 9 9 9 9 9", 1)),
    ),
    "a missing key of a tree": (
        "is_linear is missing",
        lambda: tiny.resized(TEXT.replace(b"\nis_linear=0", b"", 1)),
    ),
    "trees in another order": ("tree 0: the block", lambda: TEXT.replace(b"Tree=0", b"Tree=9")),
    "an unknown line after the trees": (
        "neither an importance nor a parameter",
        lambda: TEXT.replace(b"\nparameters:\n", b"\nparser:\nparameters:\n"),
    ),
    "linear leaves by a parameter": (
        "neither an importance nor a parameter",
        lambda: TEXT.replace(b"[linear_tree: 0]", b"[linear_tree: 1]"),
    ),
    "linear leaves by a parameter in other words": (
        "neither an importance nor a parameter",
        lambda: TEXT.replace(b"[linear_tree: 0]", b"[linear_tree:  1]"),
    ),
    "categories of a data frame": (
        "neither an importance nor a parameter",
        lambda: TEXT.replace(b"pandas_categorical:null", b'pandas_categorical:[["a"]]'),
    ),
    "a zero byte": ("control character", lambda: TEXT.replace(b"[boosting: gbdt]", b"[boosting: gb\0t]")),
    "a carriage return": ("control character", lambda: TEXT.replace(b"\n[boosting", b"\r\n[boosting")),
    "bytes that are no UTF-8": (
        "not UTF-8",
        lambda: TEXT.replace(b"[boosting: gbdt]", b"[boosting: gb\xfft]"),
    ),
    "no newline at the end": ("no newline", lambda: TEXT[:-1]),
    "half a file": (".", lambda: TEXT[: len(TEXT) // 2]),
    "nothing": ("no newline", lambda: b""),
    "something else": ("control character", lambda: b"\x00\x01" * 100),
}


@pytest.mark.parametrize(("message", "crafted"), CRAFTED.values(), ids=CRAFTED.keys())
def test_crafted_text_is_refused(message: str, crafted: Callable[[], bytes]) -> None:
    text = crafted()
    assert text != TEXT
    with pytest.raises(StructureError, match=message):
        check(text)


def test_split_that_two_splits_share_and_one_that_none_has_are_refused() -> None:
    lightgbm_text._check_shape([1, 2, -2, -4], [3, -1, -3, -5])
    with pytest.raises(StructureError, match="not the child of exactly one"):
        lightgbm_text._check_shape([1, 2, -2, -4], [2, -1, -3, -5])


def test_split_by_category_of_a_number_is_refused() -> None:
    with pytest.raises(StructureError, match="is not categorical"):
        check_lightgbm_text(TEXT, len(tiny.FULL), ())


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (
        "TEXT_LIMIT_BYTES",
        "TREES_LIMIT",
        "LEAVES_LIMIT",
        "DEPTH_LIMIT",
        "COUNT_LIMIT",
        "LEAF_LIMIT",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(lightgbm_text, limit, 0.001 if limit == "LEAF_LIMIT" else 1)
            with pytest.raises(StructureError, match=r"expected|beyond|or fewer"):
                check(TEXT)


def corruptions(text: bytes, count: int) -> list[bytes]:
    """Return texts damaged as in the field: bytes flipped, digits changed, truncated, ranges lost."""
    rng = random.Random(7)  # noqa: S311  damage, not secrets
    digits = [i for i, byte in enumerate(text) if 48 <= byte < 58]
    made = []
    for number in range(count):
        bad = bytearray(text)
        kind = number % 5
        if kind == 0:
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        elif kind == 1:
            for _ in range(20):
                bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        elif kind == 2:
            bad[rng.choice(digits)] = rng.choice(b"0123456789")
        elif kind == 3:
            del bad[rng.randrange(len(bad)) :]
        else:
            start = rng.randrange(len(bad))
            del bad[start : start + rng.randrange(1, 200)]
        made.append(bytes(bad))
    return [bad for bad in made if bad != text]


def test_every_random_corruption_is_refused_by_its_digest(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    digest = sha256((folder / MANIFEST_NAME).read_bytes())
    corpus = corruptions(TEXT, 220)
    assert len(corpus) >= 200
    for bad in corpus:
        (folder / "repeat.txt").write_bytes(bad)
        with pytest.raises(DigestMismatchError):
            read_artifact(folder, digest)


def ranking(objective: str) -> bytes:
    """Return trees that rank rows within requests of ten."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 3))
    y = (X[:, 0] + rng.normal(size=400) > 1).astype(int)
    settings = {"objective": objective, "num_leaves": 4, "verbosity": -1, "num_threads": 1, "seed": 1}
    return lgb.train(settings, lgb.Dataset(X, y, group=[10] * 40), 5).model_to_string().encode()


def test_trees_that_rank_by_pairs_are_accepted() -> None:
    text = ranking("lambdarank")
    assert tiny.line_of(text, "objective") == "lambdarank"
    check_lightgbm_text(text, 3, ())
    with pytest.raises(StructureError, match="objective"):
        check_lightgbm_text(tiny.rewritten(text, ("objective", "lambdarank sigmoid:2")), 3, ())
    with pytest.raises(StructureError, match="objective"):
        check_lightgbm_text(ranking("rank_xendcg"), 3, ())
