"""Golden requests of a capability that ranks products, as :mod:`app.serving.golden` holds them.

``golden.json`` has the fields ``as_of``, ``requests`` and ``answers``. A request is ``person`` (rows as
:func:`app.domain.rows.build_history` takes them), ``cart`` and ``ask``, or ``products`` and ``ask`` for what
goes with them. ``ask`` holds what differs from the defaults: ``limit``, ``types``, ``hide_bought``,
``diversity`` and ``max_per_category``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from app.domain.errors import StructureError
from app.serving.item_filters import Filters
from app.serving.recommend import AskItems, recommend, similar_items
from app.serving.release import LoadedArtifact, LoadedRelease

ITEM_FIELDS: Final = frozenset({"as_of", "requests", "answers"})
REQUESTS_LIMIT: Final = 100
_ASK_FIELDS: Final = frozenset({"limit", "types", "hide_bought", "diversity", "max_per_category"})


def answers_to_requests(artifact: LoadedArtifact, document: Mapping[str, Any]) -> list[Any]:
    """Return the answers, with what each source added, to the requests of a golden document.

    Raises
    ------
    StructureError
        The document does not hold such requests.
    """
    requests, as_of = document["requests"], document["as_of"]
    if not isinstance(requests, list) or not 1 <= len(requests) <= REQUESTS_LIMIT or type(as_of) is not int:
        raise StructureError(f"golden.json holds no list of 1 to {REQUESTS_LIMIT} requests, or no time")
    alone = LoadedRelease(
        name="golden",
        created_at="",
        business=artifact.manifest.business,
        artifacts=MappingProxyType({artifact.manifest.capability: artifact}),
        digest="",
    )
    return [_answer(alone, request, as_of) for request in requests]


def _answer(release: LoadedRelease, request: Mapping[str, Any], as_of: int) -> dict[str, Any]:
    try:
        ask = _ask(request["ask"])
        if "products" in request:
            return similar_items(release, _texts(request["products"]), ask)
        return recommend(release, request["person"], _texts(request["cart"]), as_of, ask)
    except (KeyError, TypeError, AttributeError) as error:
        raise StructureError(
            f"golden.json holds a request that cannot be read: {type(error).__name__}"
        ) from error


def _ask(given: Mapping[str, Any]) -> AskItems:
    """Return what list a golden request wants; always with what each source added."""
    if not given.keys() <= _ASK_FIELDS:
        raise StructureError(
            f"a golden request asks for something else than {', '.join(sorted(_ASK_FIELDS))}"
        )
    told = {name: given[name] for name in ("limit", "diversity", "max_per_category") if name in given}
    if "types" in given:
        told["types"] = frozenset(_texts(given["types"]))
    return AskItems(filters=Filters(hide_bought=bool(given.get("hide_bought"))), explain=True, **told)


def _texts(given: Sequence[Any]) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise StructureError("golden.json holds a request that cannot be read: a list of texts was expected")
    return given
