"""The playbook as an artifact: it works without contacts, and takes from them what trials support."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.artifacts.canonical import sha256
from app.artifacts.manifest import MANIFEST_NAME
from app.artifacts.reader import read_artifact
from app.domain.playbook import as_document
from app.estimators.responses import Responses
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX
from app.serving.action_model import ActionModel
from app.serving.golden import check_golden
from app.serving.knowledge import ATTRIBUTES, FEATURES
from app.serving.loading import load_artifact
from tests.unit.training.rows import orders_sql, run_over
from tests.unit.training.tables.small import rows_of
from training.actions.reading import playbook_for
from training.capabilities.next_best_action import train_next_best_action
from training.run import Run, Trained
from training.train import write

CUSTOMERS = 50
ORDERS = orders_sql(CUSTOMERS, 160, 300)
WANTED: dict[str, Any] = {"objectives": {"next_best_action": {}}}


def contacts(action: str, effect: float, *, arm: str = "if(i % 2 = 0, 'treatment', 'control')") -> str:
    """Return SQL for 3,000 contacts of closed windows, answered by 20 % of the control arm."""
    return f"""
        SELECT 'k' || i AS contact_id, 'c' || (i % {CUSTOMERS}) AS customer_id,
               TIMESTAMPTZ '2026-01-01 10:00+00' + to_days(CAST(i // 40 AS INTEGER)) AS contacted_at,
               'email' AS channel, '{action}' AS action_id, {arm} AS arm, 0.5 AS propensity,
               answered AS outcome, if(answered, contacted_at + INTERVAL 1 DAY, NULL) AS outcome_at
        FROM (SELECT i, hash(i * 7 + 1) % 1000 < 200 + if(i % 2 = 0, 1000 * {effect}, 0) AS answered
              FROM range(3000) t(i))"""  # noqa: S608 - numbers of the test


def trained(tables: dict[str, str] | None = None, **said: Any) -> Trained:
    with run_over({"orders": ORDERS, **(tables or {})}, **WANTED, **said) as run:
        return train_next_best_action(run)


def first_action() -> str:
    with run_over({"orders": ORDERS}, **WANTED) as run:
        return playbook_for(run.business).actions[0].id


def reads(run: Run, found: Trained) -> frozenset[str]:
    model = ActionModel.of_settings(found.draft.settings, run.business.attribute_kinds)
    return model.reads


def test_without_contacts_the_playbook_answers_with_beliefs() -> None:
    with run_over({"orders": ORDERS}, **WANTED) as run:
        found = train_next_best_action(run)
        assert found.draft.settings["playbook"] == as_document(playbook_for(run.business))
    settings = found.draft.settings
    assert (settings["tier"], settings["effects"], settings["responses"]) == ("rules", {}, {})
    assert settings["response_base_rate"] is None
    assert settings["typical_order_value"] > 0
    assert (found.files, found.plots) == ({}, {})
    assert all(variant.populations == () for variant in found.draft.variants)
    assert {one["evidence"] for one in found.card["actions"]} == {"rule_prior"}


def test_a_clear_trial_is_the_causal_tier() -> None:
    name = first_action()
    found = trained({"contacts": contacts(name, 0.15)})
    effect = found.draft.settings["effects"][name]
    assert found.draft.settings["tier"] == "causal"
    assert effect["evidence"] == "experiment"
    assert effect["low"] <= 0.15 <= effect["high"]
    assert effect["window_days"] == 28.0
    assert found.plots
    assert found.card["actions"][0]["evidence"] == "experiment"


def test_a_trial_without_a_clear_effect_is_a_pilot() -> None:
    name = first_action()
    settings = trained({"contacts": contacts(name, 0.0)}).draft.settings
    assert settings["effects"][name]["evidence"] == "pilot"
    assert settings["tier"] == "statistical"


def test_logs_without_a_control_arm_leave_beliefs() -> None:
    name = first_action()
    found = trained({"contacts": contacts(name, 0.15, arm="'treatment'")})
    assert found.draft.settings["effects"] == {}
    assert found.card["actions"][0]["evidence"] == "rule_prior"
    assert found.card["actions"][0]["measured"]["silent"]["en"] == "no control arm"


def test_what_was_tried_under_another_name_is_told_and_not_used() -> None:
    found = trained({"contacts": contacts("pigeon_post", 0.15)})
    assert found.draft.settings["effects"] == {}
    assert [one["action_id"] for one in found.card["not_in_playbook"]] == ["pigeon_post"]
    assert "`pigeon_post`" in found.markdown


def test_a_variant_lists_what_the_playbook_reads_of_its_form() -> None:
    with run_over({"orders": ORDERS}, **WANTED) as run:
        found = train_next_best_action(run)
        names = reads(run, found)
    full, summary = (variant.feature_set() for variant in found.draft.variants)
    read = {name.removeprefix(FEATURES) for name in names if name.startswith(FEATURES)}
    read |= {
        ATTRIBUTE_PREFIX + name.removeprefix(ATTRIBUTES) for name in names if name.startswith(ATTRIBUTES)
    }
    assert {name for name in read if LIBRARY[name].table != "summary"} == set(full.names)
    assert all(LIBRARY[name].table not in {"orders", "order_lines"} for name in summary.names)
    assert [found.features[name].names for name in ("full", "summary")] == [full.names, summary.names]


def test_nobody_who_bought_has_no_typical_order() -> None:
    nothing = rows_of(
        "order_id, customer_id, ordered_at, revenue",
        "'o1', 'a', TIMESTAMPTZ '2026-06-01 12:00+00', 0.0",
    )
    assert trained({"orders": nothing}).draft.settings["typical_order_value"] is None


def test_the_typical_order_is_that_of_who_allows_profiling() -> None:
    orders = rows_of(
        "order_id, customer_id, ordered_at, revenue",
        *(f"'o{k}', 'c{k}', TIMESTAMPTZ '2026-06-01 12:00+00', {10.0 * (k + 1)}" for k in range(4)),
    )
    denied = rows_of(
        "customer_id, purpose, status, status_at",
        "'c3', 'profiling', 'denied', TIMESTAMPTZ '2026-06-20 12:00+00'",
    )
    found = trained({"orders": orders, "consents": denied})
    assert found.draft.settings["typical_order_value"] == 20.0


def test_the_artifact_is_written_loaded_and_answers_its_golden_questions(tmp_path: Path) -> None:
    name = first_action()
    path = write(tmp_path, trained({"contacts": contacts(name, 0.15)}))
    verified = read_artifact(path, sha256((path / MANIFEST_NAME).read_bytes()))
    artifact = load_artifact(verified)
    assert artifact.action_model is not None
    assert artifact.action_model.tier == "causal"
    assert Responses.of_document(artifact.manifest.settings["responses"]).is_silent
    assert check_golden(artifact, verified.files["golden.json"]) >= 8
    golden = json.loads(verified.files["golden.json"])
    told = [one for answer in golden["answers"] for one in (*answer["actions"], *answer["suppressed"])]
    assert "consent" in {one.get("layer") for one in told}
    assert name in {one["action_id"] for one in told}
