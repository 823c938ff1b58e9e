"""Artifacts of a ranker: loaded whole or refused, and golden requests that answer as they did."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from app.artifacts.manifest import ItemFiles, ManifestDraft
from app.capabilities.recommend import TYPES, Wish, rank
from app.domain.errors import GoldenAnswerError, KithError, StructureError
from app.domain.history import MICROSECONDS_PER_DAY
from app.estimators.blend import ALL_ITEMS, NEW_ITEMS
from app.estimators.item_files import write_items
from app.estimators.reranking import RANKED_INPUTS
from app.estimators.shopper import Shopper
from app.serving.golden import check_golden, write_golden_items
from app.serving.golden_items import REQUESTS_LIMIT
from app.serving.loading import load_draft
from app.serving.release import LoadedArtifact
from tests.items import CUP, GREEN, blend, catalogue, manifest
from tests.unit.artifacts import tiny

NOW = 1_793_500_000_000_000
RERANKED = ItemFiles(items="items.npz", links="links.npz", pairs="pairs.npz", reranker="reranker.txt")
PLAIN = RERANKED.model_copy(update={"reranker": None})
Document = dict[str, Any]


@lru_cache(maxsize=4)
def trees(inputs: int = len(RANKED_INPUTS)) -> bytes:
    """Return small trees that rank."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, inputs))
    data = lgb.Dataset(X, (X[:, 3] > 0.5).astype(int), group=[10] * 30)
    settings = {"objective": "lambdarank", "num_leaves": 4, "verbosity": -1, "num_threads": 1, "seed": 1}
    return lgb.train(settings, data, 3).model_to_string().encode()


def files(**changes: bytes | None) -> dict[str, bytes]:
    """Return the files of a catalogue with trees; None leaves one out."""
    made: dict[str, bytes | None] = dict(
        zip(("items.npz", "links.npz", "pairs.npz"), write_items(catalogue()), strict=True)
    )
    made["reranker.txt"] = trees()
    made |= {name.replace("_", "."): data for name, data in changes.items()}
    return {name: data for name, data in made.items() if data is not None}


def draft(items: ItemFiles | None = PLAIN, **changes: Any) -> ManifestDraft:
    [full] = manifest().variants
    full = full.model_copy(update={"schema_hash": full.feature_set().schema_hash})
    known = {name: getattr(manifest(), name) for name in ManifestDraft.model_fields}
    return ManifestDraft(**{**known, "variants": (full,), "items": items, **changes})


def settings(**changes: Any) -> Document:
    return {**blend().settings(), **changes}


@lru_cache(maxsize=1)
def artifact() -> LoadedArtifact:
    return load_draft(draft(), files())


def person(*products: str) -> Document:
    lines = [{"product_id": product, "quantity": 1.0, "price": 5.0} for product in products]
    order = {
        "order_id": "o1",
        "ordered_at": NOW - 9 * MICROSECONDS_PER_DAY,
        "revenue": 9.0,
        "products": lines,
    }
    return {"customer_id": "g1", "orders": [order]}


REQUESTS: list[Document] = [
    {"person": person("tea-green"), "cart": [], "ask": {}},
    {
        "person": person("tea-green"),
        "cart": ["cup"],
        "ask": {"limit": 3, "diversity": 0.3, "max_per_category": 2},
    },
    {
        "person": person("tea-black"),
        "cart": [],
        "ask": {"hide_bought": True, "types": ["cross_sell", "popular"]},
    },
    {"person": {"customer_id": "g2"}, "cart": ["no-such"], "ask": {}},
    {"products": ["tea-green", "no-such"], "ask": {"limit": 2}},
    {"products": ["coffee"], "ask": {}},
]


@lru_cache(maxsize=1)
def golden() -> bytes:
    return write_golden_items(artifact(), REQUESTS, NOW)


def changed(change: Callable[[Document], object]) -> bytes:
    document = json.loads(golden())
    change(document)
    return json.dumps(document).encode()


# ── Loading ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_ranker_is_loaded_with_catalogue_blend_and_trees() -> None:
    plain, again = load_draft(draft(), files()), load_draft(draft(RERANKED), files())
    for one in (plain, again):
        assert one.item_model is not None
        assert one.item_model.items.ids == catalogue().ids
        assert one.item_model.blend.settings() == blend().settings()
    assert plain.item_model is not None
    assert again.item_model is not None
    assert plain.item_model.reranker is None
    assert again.item_model.reranker is not None


def test_trees_rank_the_tasks_that_the_settings_name() -> None:
    person_ = Shopper(np.array([GREEN, CUP]), np.array([9.0, 9.0]), np.array([0, 0]))
    wish = Wish(12, np.ones(12, dtype=bool))

    def shown(reranked: list[str]) -> list[int]:
        one = load_draft(draft(RERANKED, settings=settings(reranked=reranked)), files())
        assert one.item_model is not None
        return [pick.product for pick in rank(one.item_model, person_, wish).picks]

    assert shown([ALL_ITEMS]) != shown([])
    assert shown([NEW_ITEMS]) == shown([])
    assert sorted(shown([ALL_ITEMS])) == list(range(12))


def test_a_ranker_without_a_catalogue_is_refused() -> None:
    with pytest.raises(StructureError, match="catalogue"):
        load_draft(draft(None), files())


def test_a_ranker_that_does_not_say_how_good_each_answer_is_is_refused() -> None:
    plain = draft()
    [variant] = plain.variants
    for populations in (variant.populations[1:], ()):
        fewer = variant.model_copy(update={"populations": populations})
        with pytest.raises(StructureError, match="populations"):
            load_draft(plain.model_copy(update={"variants": (fewer,)}), files())


@pytest.mark.parametrize("name", ["items_npz", "links_npz", "pairs_npz", "reranker_txt"])
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(StructureError, match=name.replace("_", r"\.")):
        load_draft(draft(RERANKED), files(**{name: None}))


def test_trees_that_nobody_names_are_not_needed() -> None:
    assert load_draft(draft(), files(reranker_txt=None)).item_model is not None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"tree\n",
        trees()[:-200],
        trees(len(RANKED_INPUTS) - 1),
        tiny.trees(),
        trees().replace(b"v4", b"v3"),
    ],
    ids=["nothing", "a word", "an end less", "an input less", "of something else", "another version"],
)
def test_trees_that_are_none_are_refused_and_named(text: bytes) -> None:
    with pytest.raises(StructureError, match=r"reranker\.txt"):
        load_draft(draft(RERANKED), files(reranker_txt=text))


@pytest.mark.parametrize("name", ["items_npz", "links_npz", "pairs_npz"])
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", write_items(catalogue())[0][:-50]])
def test_a_file_that_is_no_catalogue_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(StructureError):
        load_draft(draft(), files(**{name: data}))


@pytest.mark.parametrize(
    "changes",
    [{"link_days": 0.0}, {"weights": {}}, {"rebuy": []}, {"reranked": ["nobody"]}, {"view_days": None}],
)
def test_settings_that_are_no_blend_are_refused(changes: Document) -> None:
    with pytest.raises(StructureError):
        load_draft(draft(settings=settings(**changes)), files())
    with pytest.raises(StructureError):
        load_draft(draft(settings={}), files())


# ── Golden requests ─────────────────────────────────────────────────────────────────────────────────────────


def test_golden_requests_answer_as_they_did() -> None:
    assert check_golden(artifact(), golden()) == len(REQUESTS)
    assert golden() == write_golden_items(artifact(), REQUESTS, NOW)


def test_golden_answers_are_those_of_the_requests() -> None:
    first, second, third, stranger, beside, nothing = json.loads(golden())["answers"]
    assert first["items"][0]["rank"] == 1
    assert len(second["items"]) == 3
    assert {item["type"] for item in third["items"]} <= {"cross_sell", "popular"}
    assert "tea-black" not in {item["product_id"] for item in third["items"]}
    assert (stranger["cold_start"], stranger["unknown_items"]) == (True, ["no-such"])
    assert [item["product_id"] for item in beside["items"]] == ["cup", "honey"]
    assert nothing["items"] == []


DIFFERENT: Mapping[str, Callable[[Document], object]] = {
    "another product": lambda it: it["answers"][0]["items"][0].update(product_id="coffee"),
    "another score": lambda it: it["answers"][0]["items"][1].update(score=0.123),
    "another type": lambda it: it["answers"][0]["items"][0].update(type="popular"),
    "an item less": lambda it: it["answers"][0]["items"].pop(),
    "an answer less": lambda it: it["answers"].pop(),
    "another purchase": lambda it: it["requests"][0].update(person=person("coffee")),
    "another time": lambda it: it.update(as_of=NOW + 90 * MICROSECONDS_PER_DAY),
}


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_difference_is_found(change: Callable[[Document], object]) -> None:
    with pytest.raises(GoldenAnswerError):
        check_golden(artifact(), changed(change))


def test_another_catalogue_is_found_out() -> None:
    items = catalogue()
    other = dict(zip(("items.npz", "links.npz", "pairs.npz"), write_items(items), strict=True))
    popularity = items.popularity[::-1].copy()
    other["items.npz"] = write_items(catalogue(popularity=popularity))[0]
    with pytest.raises(GoldenAnswerError):
        check_golden(load_draft(draft(), other), golden())


SAME: Mapping[str, Callable[[Document], object]] = {
    "the release": lambda it: it["answers"][0].update(release="another"),
    "the version": lambda it: it["answers"][0]["model"].update(version="20200101-00000000"),
    "the sentence of a reason": lambda it: it["answers"][0]["items"][0]["reason"].update(text="Other words."),
    "a score by 1e-13": lambda it: it["answers"][0]["items"][1].update(
        score=it["answers"][0]["items"][1]["score"] + 1e-13
    ),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_what_training_could_not_know_does_not_count(change: Callable[[Document], object]) -> None:
    assert check_golden(artifact(), changed(change)) == len(REQUESTS)


def first(**changes: Any) -> Callable[[Document], object]:
    return lambda it: it["requests"][0].update(changes)


def ask(**changes: Any) -> Callable[[Document], object]:
    return first(ask=changes)


BROKEN: Mapping[str, Callable[[Document], object]] = {
    "no requests": lambda it: it.update(requests=[], answers=[]),
    "requests that are no list": lambda it: it.update(requests={}),
    "too many requests": lambda it: it.update(requests=it["requests"][:1] * (REQUESTS_LIMIT + 1)),
    "a field too many": lambda it: it.update(extra=1),
    "a field too few": lambda it: it.pop("as_of"),
    "a time that is no whole number": lambda it: it.update(as_of=1.5),
    "a time that is true": lambda it: it.update(as_of=True),
    "a request that is no mapping": lambda it: it["requests"].__setitem__(0, 1),
    "a request that is a list": lambda it: it["requests"].__setitem__(0, []),
    "a request without a person": lambda it: it["requests"][0].pop("person"),
    "a request without a cart": lambda it: it["requests"][0].pop("cart"),
    "a request that asks nothing": lambda it: it["requests"][0].pop("ask"),
    "a cart that is a text": first(cart="cup"),
    "a cart of numbers": first(cart=[1]),
    "products that are a text": lambda it: it["requests"][4].update(products="cup"),
    "a person that is a list": first(person=[1]),
    "orders that are numbers": first(person={"orders": [1]}),
    "an order without a time": first(person={"orders": [{"order_id": "o"}]}),
    "an ask that is a list": first(ask=[1]),
    "an ask for something else": ask(price_max=3.0),
    "types that are a text": ask(types="popular"),
    "a limit that is a text": ask(limit="x"),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_a_document_that_holds_no_golden_requests_is_refused(change: Callable[[Document], object]) -> None:
    with pytest.raises(StructureError):
        check_golden(artifact(), changed(change))


ODD: Mapping[str, Callable[[Document], object]] = {
    "a limit of 0": ask(limit=0),
    "a limit below 0": ask(limit=-3),
    "a limit beyond all": ask(limit=10**9),
    "a cap of 0": ask(max_per_category=0),
    "a diversity of 7": ask(diversity=7.0),
    "no types": ask(types=[]),
    "an unknown type": ask(types=["lottery"]),
    "an order far in the future": first(
        person={"orders": [{"order_id": "o", "ordered_at": 10**17, "revenue": 1.0, "products": []}]}
    ),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD.keys())
def test_an_odd_golden_request_differs_or_is_refused_and_never_fails(
    change: Callable[[Document], object],
) -> None:
    with pytest.raises(KithError):
        check_golden(artifact(), changed(change))


def test_no_golden_requests_are_not_written() -> None:
    with pytest.raises(StructureError):
        write_golden_items(artifact(), [], NOW)
    assert set(TYPES) > {"cross_sell", "popular"}
