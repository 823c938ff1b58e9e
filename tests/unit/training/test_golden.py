from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pytest

from app.artifacts.manifest import ManifestDraft
from app.domain.consent import granted
from app.domain.history import MICROSECONDS_PER_DAY
from app.domain.rows import build_history
from tests.unit.artifacts import tiny
from training.golden import UNSEEN, golden_customers, golden_questions

AS_OF: Final = tiny.AS_OF
PLANNED: Final = {"ends_at", "promised_at"}


@pytest.fixture(scope="module")
def draft() -> ManifestDraft:
    return tiny.draft()


def customers_of(draft: ManifestDraft) -> dict[str, dict[str, Any]]:
    return {customer["customer_id"]: customer for customer in golden_customers(draft, AS_OF)}


def times(value: Any, name: str = "") -> list[int]:
    """Return every time of what happened, of the deepest row too."""
    if isinstance(value, Mapping):
        return [at for key, part in value.items() for at in times(part, key)]
    if isinstance(value, list):
        return [at for part in value for at in times(part)]
    is_time = isinstance(value, int) and (name.endswith("_at") or name == "timestamp")
    return [value] if is_time and name not in PLANNED else []


def test_every_case_that_must_be_reproduced_is_there(draft: ManifestDraft) -> None:
    customers = customers_of(draft)
    assert customers["golden-no-orders"]["orders"] == []
    assert customers["golden-nothing-given"].keys() == {"customer_id"}
    assert UNSEEN in json.dumps(customers["golden-returns"])
    assert customers["golden-denied"]["consents"][0]["purpose"] == "profiling"
    assert customers["golden-untracked"]["consents"][0]["purpose"] == "behavioural_tracking"
    assert {"golden-regular", "golden-new", "golden-gone", "golden-summary-full"} <= customers.keys()


def test_histories_are_rows_that_the_service_reads(draft: ManifestDraft) -> None:
    customers = golden_customers(draft, AS_OF)
    assert json.loads(json.dumps(customers)) == customers
    history = build_history(customers, "Europe/London", {"contract": "categorical"})
    assert history.size == len(customers)
    assert history.summary is not None


def test_nothing_in_a_history_happened_later(draft: ManifestDraft) -> None:
    happened = times(golden_customers(draft, AS_OF))
    assert len(happened) > 100
    assert max(happened) <= AS_OF
    assert min(happened) > AS_OF - 4000 * MICROSECONDS_PER_DAY


def test_attributes_are_known_words_and_unseen_ones(draft: ManifestDraft) -> None:
    customers = customers_of(draft)
    assert customers["golden-regular"]["attributes"]["contract"] in tiny.CONTRACTS
    assert customers["golden-no-orders"]["attributes"]["contract"] == UNSEEN


def test_summaries_stand_only_where_a_variant_reads_them(draft: ManifestDraft) -> None:
    full = draft.model_copy(update={"variants": draft.variants[:1]})
    assert not any("summary" in customer for customer in golden_customers(full, AS_OF))


def test_all_but_the_last_may_be_sent_an_offer(draft: ManifestDraft) -> None:
    asked = golden_questions(draft, AS_OF)
    history = build_history(asked, "UTC", {"contract": "categorical"})
    may = granted(history, "marketing", np.full(history.size, AS_OF), {"marketing": "denied"})
    assert may.tolist() == [True] * (len(asked) - 1) + [False]
    assert [one["customer_id"] for one in asked[:-1]] == list(customers_of(draft))
