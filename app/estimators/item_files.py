"""The files of a catalogue: plain arrays in archives, checked whole before anything is looked up in them.

``items.npz`` holds what is known of each of P products, ``links.npz`` and ``pairs.npz`` the rows of links and
of pairs (see :mod:`app.estimators.items` for their meaning). Texts stand as UTF-8 bytes, one after the other,
with the places where each ends.

Rules: arrays have the one type and shape that the number of products demands; ids are unique and not empty;
numbers are finite (a price or an interval may be missing) and in their ranges; an index names a product of
the catalogue, never the row's own, none twice, and what fills a row up comes last; counts of pairs are at
least ``MIN_CUSTOMERS`` customers and never more than either product's own.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.archive import members, plain_array
from app.estimators.items import MIN_CUSTOMERS, MONTHS, ROW_LIMIT, Items, Links, Pairs

FILE_LIMIT_BYTES: Final = 128 << 20
PRODUCTS_LIMIT: Final = 1_000_000
ID_LENGTH: Final = 128
NAME_LENGTH: Final = 256

_TEXTS: Final = ("ids", "names", "categories", "groups")
_COLUMNS: Final[Mapping[str, str]] = {
    "category": "<i4",
    "price": "<f8",
    "active": "|u1",
    "orders": "<i4",
    "customers": "<i4",
    "popularity": "<f8",
    "trend": "<f8",
    "interval_days": "<f8",
    "interval_gaps": "<i4",
}
"""Arrays of length P, and their types."""
_TABLES: Final[Mapping[str, str]] = {"group_lift": "<f4", "month_lift": "<f4"}
_ITEM_NAMES: Final = (
    "order_count",
    *_COLUMNS,
    *_TABLES,
    *(f"{name}_{part}" for name in _TEXTS for part in ("bytes", "ends")),
)
_LINKS: Final[Mapping[str, str]] = {"index": "<i4", "weight": "<f4", "customers": "<i4"}
_PAIRS: Final[Mapping[str, str]] = {"index": "<i4", "orders": "<i4", "customers": "<i4"}


def read_items(items: bytes, links: bytes, pairs: bytes) -> Items:
    """Parse the three files of a catalogue.

    Raises
    ------
    StructureError
        The bytes are not such files, or do not belong together; says which array is wrong.
    """
    found = members(items, _ITEM_NAMES, FILE_LIMIT_BYTES)
    texts = {name: _texts(name, found) for name in _TEXTS}
    size = len(texts["ids"])
    if not 1 <= size <= PRODUCTS_LIMIT:
        raise StructureError(f"there are {size} products; 1 to {PRODUCTS_LIMIT} were expected")
    columns = {name: plain_array(name, found[name], kind, size) for name, kind in _COLUMNS.items()}
    tables = {name: plain_array(name, found[name], kind) for name, kind in _TABLES.items()}
    order_count = plain_array("order_count", found["order_count"], "<i8", 1)
    _check_texts(texts, size)
    _check_columns(columns, len(texts["categories"]), int(order_count[0]))
    _check_tables(tables, size, len(texts["groups"]))
    rows = _archive(links, _LINKS, size)
    counts = _archive(pairs, _PAIRS, size)
    _check_links(rows, columns["customers"])
    _check_pairs(counts, columns["orders"])
    return Items(
        ids=texts["ids"],
        names=texts["names"],
        category=columns["category"],
        categories=texts["categories"],
        price=columns["price"],
        active=columns["active"].astype(bool),
        orders=columns["orders"],
        customers=columns["customers"],
        order_count=int(order_count[0]),
        popularity=columns["popularity"],
        trend=columns["trend"],
        groups=texts["groups"],
        group_lift=tables["group_lift"],
        month_lift=tables["month_lift"],
        interval_days=columns["interval_days"],
        interval_gaps=columns["interval_gaps"],
        links=Links(**rows),
        pairs=Pairs(**counts),
    )


def write_items(items: Items) -> tuple[bytes, bytes, bytes]:
    """Return the three files of a catalogue, the same bytes for the same content."""
    arrays = {"order_count": np.array([items.order_count], dtype="<i8")}
    arrays |= {name: getattr(items, name).astype(kind) for name, kind in {**_COLUMNS, **_TABLES}.items()}
    for name in _TEXTS:
        encoded = [text.encode() for text in getattr(items, name)]
        arrays[f"{name}_bytes"] = np.frombuffer(b"".join(encoded), dtype="|u1")
        arrays[f"{name}_ends"] = np.cumsum([len(part) for part in encoded], dtype="<i8")
    rows = {name: getattr(items.links, name).astype(kind) for name, kind in _LINKS.items()}
    counts = {name: getattr(items.pairs, name).astype(kind) for name, kind in _PAIRS.items()}
    return _saved(arrays), _saved(rows), _saved(counts)


def _saved(arrays: Mapping[str, Array]) -> bytes:
    buffer = io.BytesIO()
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    np.savez(buffer, allow_pickle=False, **plain)
    return buffer.getvalue()


def _texts(name: str, found: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the texts that stand under a name."""
    content = plain_array(f"{name}_bytes", found[f"{name}_bytes"], "|u1")
    ends = plain_array(f"{name}_ends", found[f"{name}_ends"], "<i8")
    if content.ndim != 1 or ends.ndim != 1:
        raise StructureError(f"{name} has more than one dimension")
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    if len(content) != (int(ends[-1]) if len(ends) else 0) or (starts > ends).any():
        raise StructureError(f"the texts of {name} do not fill their bytes")
    data = content.tobytes()
    try:
        return tuple(data[a:b].decode() for a, b in zip(starts.tolist(), ends.tolist(), strict=True))
    except UnicodeDecodeError as error:
        raise StructureError(f"{name} holds a text that is not UTF-8") from error


def _check_texts(texts: Mapping[str, Sequence[str]], size: int) -> None:
    """Refuse ids that do not tell products apart, and texts that no product has."""
    if len(texts["names"]) != size:
        raise StructureError(f"there are {len(texts['names'])} names of {size} products")
    for name, longest in (("ids", ID_LENGTH), ("categories", NAME_LENGTH), ("groups", NAME_LENGTH)):
        words = texts[name]
        if len(set(words)) != len(words) or not all(0 < len(word) <= longest for word in words):
            raise StructureError(f"{name} holds a text twice, none, or one of more than {longest} characters")
    if any(len(name) > NAME_LENGTH for name in texts["names"]):
        raise StructureError(f"names holds one of more than {NAME_LENGTH} characters")


def _check_columns(columns: Mapping[str, Array], categories: int, order_count: int) -> None:
    """Refuse numbers of products that cannot be."""
    _refuse_outside("category", columns["category"], -1, categories - 1)
    _refuse_outside("active", columns["active"], 0, 1)
    _refuse_outside("orders", columns["orders"], 0, order_count)
    _refuse_outside("customers", columns["customers"], 0, order_count)
    _refuse_outside("popularity", columns["popularity"], 1e-12, 1.0)
    _refuse_outside("trend", columns["trend"], -50.0, 50.0)
    _refuse_outside("interval_gaps", columns["interval_gaps"], 0, np.inf)
    for name, least in (("price", 0.0), ("interval_days", 1e-6)):
        known = columns[name][~np.isnan(columns[name])]
        _refuse_outside(name, known, least, 1e12)


def _refuse_outside(name: str, values: Array, low: float, high: float) -> None:
    if len(values) and not (values.min() >= low and values.max() <= high):
        raise StructureError(f"{name} holds a number that is not from {low:g} to {high:g}")


def _check_tables(tables: Mapping[str, Array], size: int, groups: int) -> None:
    for name, rows in (("group_lift", (groups,)), ("month_lift", (0, MONTHS))):
        table = tables[name]
        if table.ndim != 2 or table.shape[1] != size or table.shape[0] not in rows:
            raise StructureError(f"{name} is of shape {table.shape}; {rows} rows of {size} were expected")
        if not (np.abs(table) <= 50).all():
            raise StructureError(f"{name} holds a number that is not finite or beyond 50")


def _archive(data: bytes, types: Mapping[str, str], size: int) -> dict[str, Array]:
    """Return the arrays of links or pairs, all of one shape (P, K)."""
    found = members(data, tuple(types), FILE_LIMIT_BYTES)
    arrays = {name: plain_array(name, found[name], kind) for name, kind in types.items()}
    shape = arrays["index"].shape
    if len(shape) != 2 or shape[0] != size or shape[1] > ROW_LIMIT:
        raise StructureError(f"index is of shape {shape}; {size} rows of at most {ROW_LIMIT} were expected")
    if any(array.shape != shape for array in arrays.values()):
        raise StructureError("the arrays of links or pairs are not of one shape")
    _check_index(arrays["index"], size)
    return arrays


def _check_index(index: Array, size: int) -> None:
    """Refuse rows that name no product, their own product, one twice, or have a gap."""
    if not index.size:
        return
    _refuse_outside("index", index, 0, size)
    filled = index < size
    if (filled[:, 1:] & ~filled[:, :-1]).any():
        raise StructureError("a row of index goes on behind its end")
    if (index == np.arange(size, dtype=index.dtype)[:, None]).any():
        raise StructureError("a product stands in its own row of index")
    ordered = np.sort(index, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] < size)).any():
        raise StructureError("a product stands twice in a row of index")


def _check_links(rows: Mapping[str, Array], customers: Array) -> None:
    filled = rows["index"] < len(customers)
    weight = rows["weight"]
    if not ((weight >= 0) & (weight <= 1e6)).all() or (weight[~filled] != 0).any():
        raise StructureError(
            "weight holds a number that is not from 0 to 1e6, or one behind the end of a row"
        )
    _check_counts("customers", rows["customers"], rows["index"], customers)


def _check_pairs(counts: Mapping[str, Array], orders: Array) -> None:
    for name in ("orders", "customers"):
        _check_counts(name, counts[name], counts["index"], orders)
    if (counts["customers"] > counts["orders"]).any():
        raise StructureError("customers counts more of a pair than there are orders with it")


def _check_counts(name: str, counts: Array, index: Array, own: Array) -> None:
    """Refuse counts of pairs that too few customers stand behind, or that exceed the products' own."""
    filled = index < len(own)
    if (counts[filled] < MIN_CUSTOMERS).any() or (counts[~filled] != 0).any():
        raise StructureError(
            f"{name} counts fewer than {MIN_CUSTOMERS} customers of a pair, or some where there is none"
        )
    if (counts > own[:, None]).any() or (counts > np.append(own, 0)[index]).any():
        raise StructureError(f"{name} counts a pair more often than one of its products")
