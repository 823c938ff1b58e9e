"""Golden questions of a capability that chooses actions, as :mod:`app.serving.golden` holds them.

The customers of ``golden.json`` are asked what to do for them, each with a request id of its own that never
changes, without a memory and without other artifacts: so the draw, the probabilities, what was left out and
what each action is worth depend on the artifact alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from app.domain.errors import StructureError
from app.serving.decide import prepare
from app.serving.decision import AskAction
from app.serving.pseudonyms import Keys
from app.serving.release import LoadedArtifact, LoadedRelease
from app.store.records import Known

_KEY: Final = b"golden"
"""Pseudonyms of golden customers are no secret: they decide who is in the holdout."""
_ALL: Final = 1_000
"""More actions than a playbook with all its channels has."""


def answers_to_questions(artifact: LoadedArtifact, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is decided for the customers of a golden document, with all that was known of them.

    Raises
    ------
    StructureError
        The document does not hold such customers.
    """
    customers = document["customers"]
    if not all(isinstance(one, dict) and isinstance(one.get("customer_id"), str) for one in customers):
        raise StructureError("golden.json holds a customer without an id")
    alone = LoadedRelease(
        name="golden",
        created_at="",
        business=artifact.manifest.business,
        artifacts=MappingProxyType({artifact.manifest.capability: artifact}),
        digest="",
    )
    asks = [
        AskAction(request_id=f"golden-{k}", body_hash="", mode="dry_run", limit=_ALL, explain=True)
        for k in range(len(customers))
    ]
    as_of = np.full(len(customers), document["as_of"], dtype=np.int64)
    # One at a time: customers of a batch share budgets.
    return [
        answer
        for k, (customer, ask) in enumerate(zip(customers, asks, strict=True))
        for answer in prepare(alone, [customer], as_of[k : k + 1], [ask], Keys(_KEY)).dry_run([Known()], {})
    ]
