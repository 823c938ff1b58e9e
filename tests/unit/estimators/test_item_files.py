"""The files of a catalogue: read as written, and refused whichever rule is broken."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from app.domain.errors import StructureError
from app.estimators import item_files
from app.estimators.item_files import ID_LENGTH, NAME_LENGTH, read_items, write_items
from app.estimators.items import MIN_CUSTOMERS, ROW_LIMIT, Items, Links, Pairs
from tests.items import BISCUIT, BLACK, COFFEE, CUP, GREEN, IDS, catalogue
from tests.unit.estimators.random_items import random_catalogue

Arrays = dict[str, Any]
ITEMS, LINKS, PAIRS = range(3)
FILES = write_items(catalogue())
SIZE = len(IDS)


def arrays_of(data: bytes) -> Arrays:
    with np.load(io.BytesIO(data)) as archive:
        return {name: archive[name].copy() for name in archive.files}


def saved(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def same(one: Items, other: Items) -> bool:
    for field in fields(Items):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, Links | Pairs):
            parts = [(getattr(mine, part.name), getattr(theirs, part.name)) for part in fields(mine)]
        else:
            parts = [(mine, theirs)]
        for a, b in parts:
            is_array = isinstance(a, np.ndarray)
            if is_array and not (a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()):
                return False
            if not is_array and a != b:
                return False
    return True


def changed(which: int, change: Callable[[Arrays], object]) -> tuple[bytes, ...]:
    """Return the three files, the arrays of one of them changed."""
    arrays = arrays_of(FILES[which])
    change(arrays)
    return tuple(saved(arrays) if k == which else data for k, data in enumerate(FILES))


def words(name: str, *texts: str) -> Callable[[Arrays], object]:
    """Return a change that puts other texts under a name."""
    encoded = [text.encode() for text in texts]
    return lambda arrays: arrays.update(
        {
            f"{name}_bytes": np.frombuffer(b"".join(encoded), dtype="|u1"),
            f"{name}_ends": np.cumsum([len(part) for part in encoded], dtype="<i8"),
        }
    )


def put(name: str, where: Any, value: Any) -> Callable[[Arrays], object]:
    """Return a change of one number."""
    return lambda arrays: arrays[name].__setitem__(where, value)


def instead(name: str, make: Callable[[Any], Any]) -> Callable[[Arrays], object]:
    """Return a change of a whole array."""
    return lambda arrays: arrays.update({name: make(arrays[name])})


def test_what_is_written_is_read() -> None:
    read = read_items(*FILES)
    assert same(read, catalogue())
    assert read.names[GREEN] == "Green tea"


def test_random_catalogues_survive_and_give_the_same_bytes_again() -> None:
    rng = np.random.default_rng(2)
    for size in (1, 2, 5, 14, 30):
        items = random_catalogue(rng, size, width=min(4, size - 1))
        written = write_items(items)
        read = read_items(*written)
        assert same(read, items)
        assert write_items(read) == written


def test_texts_of_any_script_survive() -> None:
    names = ("绿茶", "", "Überraschung 🎁", *("x" * NAME_LENGTH for _ in range(SIZE - 3)))
    items = replace(catalogue(), names=names, categories=("茶", "ware", "food", "coffee"))
    assert same(read_items(*write_items(items)), items)


def test_catalogue_without_links_pairs_categories_groups_and_months_is_read() -> None:
    none = np.empty((SIZE, 0), dtype=np.int32)
    items = catalogue(
        links=Links(none, none.astype(np.float32), none),
        pairs=Pairs(none, none, none),
        category=np.full(SIZE, -1, dtype=np.int32),
        categories=(),
        groups=(),
        group_lift=np.empty((0, SIZE), dtype=np.float32),
        month_lift=np.empty((0, SIZE), dtype=np.float32),
    )
    assert same(read_items(*write_items(items)), items)


def test_rows_that_are_all_empty_are_read() -> None:
    filler = np.full((SIZE, 3), SIZE, dtype=np.int32)
    nothing = np.zeros((SIZE, 3), dtype=np.int32)
    items = catalogue(links=Links(filler, nothing.astype(np.float32), nothing))
    assert same(read_items(*write_items(items)), items)


FULL = int(np.argmax((arrays_of(FILES[LINKS])["index"] < SIZE).sum(axis=1)))
BROKEN: dict[str, tuple[int, Callable[[Arrays], object], str]] = {
    "a type": (ITEMS, instead("price", lambda a: a.astype("<f4")), "price"),
    "big-endian numbers": (ITEMS, instead("orders", lambda a: a.astype(">i4")), "orders"),
    "a length": (ITEMS, instead("trend", lambda a: a[:-1]), "trend"),
    "two dimensions": (ITEMS, instead("category", lambda a: a[:, None]), "category"),
    "a name missing": (ITEMS, lambda arrays: arrays.pop("popularity"), "popularity"),
    "a name too many": (ITEMS, lambda arrays: arrays.update(customer_id=np.zeros(1)), "nothing else"),
    "no products": (ITEMS, words("ids"), "products"),
    "an id twice": (ITEMS, words("ids", *IDS[:-1], IDS[0]), "ids"),
    "an empty id": (ITEMS, words("ids", *IDS[:-1], ""), "ids"),
    "a long id": (ITEMS, words("ids", *IDS[:-1], "x" * (ID_LENGTH + 1)), "ids"),
    "an id less": (ITEMS, words("ids", *IDS[:-1]), "expected"),
    "a name less": (ITEMS, words("names", *IDS[:-1]), "names"),
    "a long name": (ITEMS, words("names", *IDS[:-1], "x" * (NAME_LENGTH + 1)), "names"),
    "a category twice": (ITEMS, words("categories", "tea", "tea", "food", "coffee"), "categories"),
    "an empty group": (ITEMS, words("groups", "bronze", ""), "groups"),
    "a text that is not UTF-8": (ITEMS, put("names_bytes", 0, 255), "names"),
    "texts that end early": (ITEMS, put("ids_ends", -1, 3), "ids"),
    "texts that end in turn": (ITEMS, put("names_ends", 0, 30), "names do not fill"),
    "texts that begin before the first": (ITEMS, put("names_ends", 0, -1), "names do not fill"),
    "bytes in two dimensions": (ITEMS, instead("ids_bytes", lambda a: a[None]), "ids"),
    "an unknown category": (ITEMS, put("category", 0, 4), "category"),
    "a category below none": (ITEMS, put("category", 0, -2), "category"),
    "half active": (ITEMS, put("active", 0, 2), "active"),
    "more orders than there are": (ITEMS, put("orders", 0, 1001), "orders"),
    "orders below 0": (ITEMS, put("orders", -1, -1), "orders"),
    "customers below 0": (ITEMS, put("customers", -1, -1), "customers"),
    "more customers than orders": (ITEMS, put("customers", -1, 1001), "customers"),
    "an order count below 0": (ITEMS, put("order_count", 0, -1), "orders"),
    "popularity of 0": (ITEMS, put("popularity", 0, 0.0), "popularity"),
    "popularity above 1": (ITEMS, put("popularity", 0, 1.5), "popularity"),
    "popularity unknown": (ITEMS, put("popularity", 0, np.nan), "popularity"),
    "trend unknown": (ITEMS, put("trend", 0, np.nan), "trend"),
    "trend infinite": (ITEMS, put("trend", 0, np.inf), "trend"),
    "a price below 0": (ITEMS, put("price", 0, -0.01), "price"),
    "a price infinite": (ITEMS, put("price", 0, np.inf), "price"),
    "an interval of 0": (ITEMS, put("interval_days", 0, 0.0), "interval_days"),
    "an interval infinite": (ITEMS, put("interval_days", 0, np.inf), "interval_days"),
    "gaps below 0": (ITEMS, put("interval_gaps", 0, -1), "interval_gaps"),
    "a group's row less": (ITEMS, instead("group_lift", lambda a: a[:1]), "group_lift"),
    "a lift in one dimension": (ITEMS, instead("group_lift", np.ravel), "group_lift"),
    "a lift unknown": (ITEMS, put("group_lift", (0, 0), np.nan), "group_lift"),
    "half a year": (ITEMS, instead("month_lift", lambda a: a[:6]), "month_lift"),
    "months of other products": (ITEMS, instead("month_lift", lambda a: a[:, 1:]), "month_lift"),
    "a month beyond 50": (ITEMS, put("month_lift", (0, 0), 51.0), "month_lift"),
    "a row of links less": (
        LINKS,
        lambda arrays: arrays.update({name: array[1:] for name, array in arrays.items()}),
        "index",
    ),
    "links of two lengths": (LINKS, instead("weight", lambda a: a[:, 1:]), "one shape"),
    "links in one dimension": (
        LINKS,
        lambda arrays: arrays.update({name: array[:, 0] for name, array in arrays.items()}),
        "index",
    ),
    "too many links": (
        LINKS,
        lambda arrays: arrays.update(
            {
                name: np.pad(array, ((0, 0), (0, ROW_LIMIT)), constant_values=SIZE if name == "index" else 0)
                for name, array in arrays.items()
            }
        ),
        "index",
    ),
    "a link to nothing": (LINKS, put("index", (0, 0), SIZE + 1), "index"),
    "a link from the end": (LINKS, put("index", (0, 0), -1), "index"),
    "a gap in a row": (LINKS, put("index", (FULL, 0), SIZE), "index"),
    "its own row": (LINKS, put("index", (FULL, 0), FULL), "index"),
    "a product twice in a row": (
        LINKS,
        lambda arrays: arrays["index"][FULL].__setitem__(0, arrays["index"][FULL, 1]),
        "index",
    ),
    "a weight below 0": (LINKS, put("weight", (FULL, 0), -0.1), "weight"),
    "a weight unknown": (LINKS, put("weight", (FULL, 0), np.nan), "weight"),
    "a weight infinite": (LINKS, put("weight", (FULL, 0), np.inf), "weight"),
    "a weight behind the end": (LINKS, put("weight", (COFFEE, 0), 0.1), "weight"),
    "a link of too few": (LINKS, put("customers", (FULL, 0), MIN_CUSTOMERS - 1), "customers"),
    "customers behind the end": (LINKS, put("customers", (COFFEE, 0), 5), "customers"),
    "a link of more than bought it": (LINKS, put("customers", (FULL, 0), 10_000), "customers"),
    "a pair of too few": (PAIRS, put("customers", (GREEN, 0), MIN_CUSTOMERS - 1), "customers"),
    "a pair in too few orders": (PAIRS, put("orders", (GREEN, 0), 1), "orders"),
    "orders behind the end": (PAIRS, put("orders", (COFFEE, 0), 5), "orders"),
    "more customers than orders of a pair": (PAIRS, put("customers", (GREEN, 0), 81), "customers"),
    "a pair more often than its product": (PAIRS, put("orders", (BISCUIT, 0), 101), "orders"),
    "its own pair": (PAIRS, put("index", (GREEN, 0), GREEN), "index"),
    "no array at all": (PAIRS, lambda arrays: arrays.clear(), "index"),
}


@pytest.mark.parametrize(("which", "change", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_each_broken_rule_is_refused_and_named(
    which: int, change: Callable[[Arrays], object], told: str
) -> None:
    with pytest.raises(StructureError, match=told):
        read_items(*changed(which, change))


def test_the_author_of_these_faults_leaves_good_files_good() -> None:
    for which in (ITEMS, LINKS, PAIRS):
        assert same(read_items(*changed(which, lambda arrays: None)), catalogue())


def test_a_pair_more_often_than_the_other_product_is_refused() -> None:
    orders = catalogue().orders.copy()
    orders[CUP] = 79
    items = catalogue(orders=orders)
    # Without this the lift of green tea and the cup would be that of more orders than hold the cup at all.
    alone = np.flatnonzero(items.pairs.index[CUP] == GREEN)
    pairs = replace(items.pairs, orders=items.pairs.orders.copy(), customers=items.pairs.customers.copy())
    pairs.orders[CUP, alone] = 79
    with pytest.raises(StructureError, match="orders"):
        read_items(*write_items(replace(items, pairs=pairs)))


def test_a_link_by_more_than_bought_the_other_product_is_refused() -> None:
    customers = catalogue().customers.copy()
    customers[BLACK] = 59
    items = catalogue(customers=customers)
    back = np.flatnonzero(items.links.index[BLACK] == GREEN)
    links = replace(items.links, customers=items.links.customers.copy())
    links.customers[BLACK, back] = 59
    with pytest.raises(StructureError, match="customers"):
        read_items(*write_items(replace(items, links=links)))


def test_files_in_the_wrong_order_are_refused() -> None:
    items, links, pairs = FILES
    for wrong in ((links, items, pairs), (items, pairs, links), (items, links, b""), (b"", b"", b"")):
        with pytest.raises(StructureError):
            read_items(*wrong)


def test_a_file_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_files, "FILE_LIMIT_BYTES", len(FILES[ITEMS]) - 1)
    with pytest.raises(StructureError, match="bytes"):
        read_items(*FILES)


def test_compressed_arrays_are_refused() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays_of(FILES[LINKS]))
    with pytest.raises(StructureError, match="compressed"):
        read_items(FILES[ITEMS], buffer.getvalue(), FILES[PAIRS])


@pytest.mark.parametrize("which", [ITEMS, LINKS, PAIRS])
def test_any_damaged_byte_is_refused_or_changes_nothing(which: int) -> None:
    chance = random.Random(which)  # noqa: S311  no secret
    whole = FILES[which]
    good = catalogue()
    refused = 0
    for _ in range(250):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        files = [bytes(data) if k == which else one for k, one in enumerate(FILES)]
        try:
            assert same(read_items(*files), good)
        except StructureError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("which", [ITEMS, LINKS, PAIRS])
def test_a_file_that_ends_early_is_refused(which: int) -> None:
    for end in range(0, len(FILES[which]), 97):
        files = [one[:end] if k == which else one for k, one in enumerate(FILES)]
        with pytest.raises(StructureError):
            read_items(*files)


def test_damaged_numbers_give_a_refusal_or_a_catalogue_that_is_written_again() -> None:
    chance = np.random.default_rng(4)
    kept = 0
    for which in (ITEMS, LINKS, PAIRS):
        arrays = arrays_of(FILES[which])
        for name, array in arrays.items():
            for _ in range(6):
                broken = array.copy()
                flat = broken.reshape(-1).view("|u1")
                flat[chance.integers(len(flat))] ^= 1 << int(chance.integers(8))
                files = list(FILES)
                files[which] = saved({**arrays, name: broken})
                try:
                    read = read_items(*files)
                except StructureError:
                    continue
                kept += 1
                assert same(read_items(*write_items(read)), read)
    assert kept > 10
