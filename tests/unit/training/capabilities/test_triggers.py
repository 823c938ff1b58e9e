"""The rules of a business as an artifact: what it holds, what it reads, and what its card says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from app.artifacts.canonical import canonical_bytes
from app.artifacts.manifest import ManifestDraft
from app.domain.triggers import as_document, read_rules
from app.features.library import LIBRARY
from app.serving.rules import features_of, rules_of
from tests.unit.training.rows import attributes, run_over
from tests.unit.training.tables.small import rows_of
from training.capabilities.triggers import train_triggers
from training.run import Run, Trained
from training.triggers import default_rules

OWN: Final = """\
- id: keen_vip
  when:
    - {feature: attribute.plan, one_of: [gold, black]}
    - {feature: attribute.seats, is_known: true}
    - {feature: days_since_last_order, at_least: 20}
  since: days_since_last_order
  suggests: [call]
  text: {en: Keen, zh-CN: 热心}
"""
ORDERS: Final = rows_of(
    "order_id, customer_id, ordered_at, revenue",
    # At the cut-off, 2026-05-31 12:00, a and b have been silent for more than 30 days, c and d have not.
    "'o1', 'a', TIMESTAMPTZ '2026-03-01 12:00+00', 20.0",
    "'o2', 'a', TIMESTAMPTZ '2026-06-10 12:00+00', 20.0",
    "'o3', 'b', TIMESTAMPTZ '2026-03-02 12:00+00', 20.0",
    "'o4', 'c', TIMESTAMPTZ '2026-05-20 12:00+00', 20.0",
    "'o5', 'c', TIMESTAMPTZ '2026-06-30 12:00+00', 20.0",
    "'o6', 'd', TIMESTAMPTZ '2026-05-25 12:00+00', 20.0",
    # Not known yet at the cut-off.
    "'o7', 'e', TIMESTAMPTZ '2026-06-20 12:00+00', 20.0",
)
CONSENTS: Final = rows_of(
    "customer_id, purpose, status, status_at",
    "'d', 'profiling', 'denied', TIMESTAMPTZ '2026-06-20 12:00+00'",
)


def trained(tmp_path: Path | None = None, *, tables: dict[str, str] | None = None, **said: Any) -> Trained:
    with run_over(
        tables or {"orders": ORDERS}, objectives={"triggers": said.pop("triggers", {})}, **said
    ) as run:
        if tmp_path is not None:
            (tmp_path / "own.yaml").write_text(OWN, "utf-8")
            run.business._path = tmp_path / "business.yaml"
        return train_triggers(run)


def of_rule(found: Trained, name: str) -> dict[str, Any]:
    (one,) = (rule for rule in found.card["rules"] if rule["id"] == name)
    return dict(one)


def test_the_settings_hold_the_rules_and_nothing_is_fitted() -> None:
    found = trained()
    assert found.files == {}
    assert read_rules(found.draft.settings["rules"]) == default_rules()
    assert {variant.name for variant in found.draft.variants} == {"full", "summary"}
    assert all(variant.populations == () for variant in found.draft.variants)
    assert (found.draft.capability, found.draft.label.definition) == ("triggers", "rules")


def test_a_variant_lists_what_the_rules_read_of_its_form() -> None:
    found = trained()
    read = features_of(rules_of(found.draft.settings))
    full, summary = ({entry.name for entry in variant.features} for variant in found.draft.variants)
    assert full | summary == read
    assert "silence_ratio" in full - summary
    assert "summary.silence_ratio" in summary - full
    # A summary stands in for orders alone: the other tables still come with it.
    assert {"oldest_open_complaint_days", "days_since_sign_of_life", "days_to_renewal"} <= full & summary
    for variant in found.draft.variants:
        assert variant.feature_set().schema_hash == variant.schema_hash
        assert found.features[variant.name].names == tuple(sorted(found.features[variant.name].names))
        for entry in variant.features:
            assert entry.version == LIBRARY[entry.name].version


def test_declared_attributes_come_with_kind_label_and_words(tmp_path: Path) -> None:
    found = trained(
        tmp_path,
        tables={"orders": ORDERS, "customers": "SELECT 'a' AS customer_id, 'gold' AS plan, 3.0 AS seats"},
        attributes={**attributes("plan", kind="categorical"), **attributes("seats")},
        triggers={"file": "own.yaml", "defaults": False},
    )
    entries = {entry.name: entry for entry in found.draft.variants[0].features}
    assert entries["attribute.plan"].vocabulary == ("black", "gold")
    assert entries["attribute.plan"].label is not None
    assert (entries["attribute.seats"].kind, entries["attribute.seats"].vocabulary) == ("number", ())
    own = of_rule(found, "keen_vip")
    assert not own["is_default"]
    assert own["when"]["en"] == (
        "plan is one of gold, black; and seats is known; and days since the last order is at least 20 days"
    )
    assert own["when"]["zh-CN"] == "plan为以下之一：gold、black；且seats已知；且距上次下单天数不少于 20 天"


def test_the_card_counts_who_fires_today_and_what_came_of_it() -> None:
    found = trained()
    silent = of_rule(found, "silent_30d")
    # Today, 2026-06-30: b (120 days) and d (36 days).
    assert silent["today"] == 2
    assert (silent["past"]["customers"], silent["past"]["ordered"]) == (2, 1)
    assert found.card["base_rate"] == {
        "customers": 4,
        "ordered": 2,
        "share": 0.5,
        "low": pytest.approx(0.150, abs=1e-3),  # Wilson (1927) for 2 of 4
        "high": pytest.approx(0.850, abs=1e-3),
    }
    assert found.card["cut_off"] == "2026-05-31T13:00:00+01:00"


def test_who_denies_profiling_is_not_counted() -> None:
    found = trained(tables={"orders": ORDERS, "consents": CONSENTS})
    assert of_rule(found, "silent_30d")["today"] == 1
    assert found.card["base_rate"]["customers"] == 3


def test_a_rule_on_another_block_is_not_counted() -> None:
    red = of_rule(trained(), "red_at_risk")
    assert (red["today"], red["past"]) == (None, None)
    assert red["not_counted"] == "asks for scores of churn"


def test_a_rule_that_fired_for_nobody_has_no_share() -> None:
    renewal = of_rule(trained(), "renewal_due_30d")
    assert (renewal["today"], renewal["past"]) == (0, None)


@pytest.mark.parametrize(
    "tables",
    [
        {"orders": rows_of("order_id, customer_id, ordered_at, revenue", ORDERS.split("(")[3].split(")")[0])},
        {"customers": "SELECT 'a' AS customer_id"},
    ],
    ids=["one order", "no orders"],
)
def test_without_a_past_nothing_is_made_up(tables: dict[str, str]) -> None:
    found = trained(tables=tables)
    assert (found.card["base_rate"], found.card["cut_off"]) == (None, None)
    assert all(rule["past"] is None for rule in found.card["rules"])
    assert "not known: the data hold no 30 days" in found.markdown


def test_a_business_may_have_no_rule_at_all() -> None:
    found = trained(triggers={"defaults": False})
    assert found.draft.settings == {"rules": []}
    assert [variant.features for variant in found.draft.variants] == [(), ()]


def test_draft_and_card_are_plain_and_complete() -> None:
    found = trained()
    canonical_bytes(found.card)
    again = ManifestDraft.model_validate(found.draft.model_dump(by_alias=True))
    assert as_document(read_rules(again.settings["rules"])) == found.draft.settings["rules"]


def test_the_card_in_words_tells_every_rule_in_both_languages() -> None:
    found = trained()
    for rule in default_rules():
        assert f"## `{rule.id}` (default)" in found.markdown
        assert f"* {rule.text['en']}: " in found.markdown
        assert f"* {rule.text['zh-CN']}: " in found.markdown
    assert "| `silent_30d` | 2 | 2 | 50.0% (9.5% to 90.5%) | not clear |" in found.markdown
    assert "| `red_at_risk` | not counted: asks for scores of churn | | | |" in found.markdown
    assert "| `renewal_due_30d` | 0 | 0 | | |" in found.markdown


def test_a_run_says_what_it_does() -> None:
    said: list[str] = []
    with run_over({"orders": ORDERS}, objectives={"triggers": {}}) as run:
        train_triggers(
            Run(
                run.business, run.tables, run.history, run.as_of, run.seed, "", {}, said.append,
            )
        )  # fmt: skip
    assert said == ["triggers: 7 rules on 5 customers"] * 2
