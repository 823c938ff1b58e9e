"""Stories of a working day: what a platform asks in the morning, and what the default playbook answers.

Each story is told twice: by the playbook alone, as on the first day, and beside trained segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from starlette.testclient import TestClient

from app.domain.actions import PROMOTIONS
from app.main import create_app
from app.serving.pseudonyms import Keys, place_of
from app.serving.release import LoadedRelease
from app.settings import Settings
from tests.unit.api.fakes import KEY, FakeStore
from training.__main__ import main
from training.actions.reading import default_playbook
from training.sample import write_sample
from training.score import current_release

pytestmark = pytest.mark.xdist_group("working-day")

Body = dict[str, Any]
ACTIONS: Final = "/v1/next-best-actions"
LIMIT: Final = 20
MORNING: Final = datetime.fromisoformat("2026-07-01T10:00:00+08:00")
EVENING: Final = MORNING.replace(hour=22, minute=30)
KEYS: Final = Keys(KEY)
POLICY: Final = default_playbook().policy
TYPES: Final = {action.id: action.type for action in default_playbook().actions}
RELEASES: Final[Mapping[str, Body]] = {
    "playbook": {"next_best_action": None},
    "segments": {"next_best_action": None, "segment": None},
}


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, LoadedRelease]:
    """The default playbook as trained on a simulated retailer, alone and beside its segments."""
    folder = tmp_path_factory.mktemp("day")
    write_sample(folder, 120, 11)
    business = yaml.safe_load((folder / "business.yaml").read_text("utf-8"))
    found = {}
    for name, objectives in RELEASES.items():
        path, models = folder / f"{name}.yaml", folder / name
        path.write_text(yaml.safe_dump({**business, "objectives": objectives}), "utf-8")
        assert main(["train", "--business", str(path), "--models", str(models)]) == 0
        found[name] = current_release(models)
    return found


@dataclass
class Day:
    """One service through one day; every question gets an id whose luck draws the best action."""

    client: TestClient
    asked: Iterator[int] = field(default_factory=count)

    def ask(self, customer: Body, at: datetime = MORNING, **fields: Any) -> Body:
        """Return what is decided for a customer, and be sure that a second time it is the same."""
        body = {"request_id": self.lucky(), "as_of": at.isoformat(), "limit": LIMIT, **customer, **fields}
        told = self.post(body, 200)
        assert told["replay"] is False
        assert self.post(body, 200) == {**told, "replay": True}
        assert self.post({**body, "locale": "zh-CN"}, 409)["type"] == "urn:kith:problem:conflict"
        return told

    def post(self, body: Body, status: int, path: str = ACTIONS) -> Body:
        response = self.client.post(path, json=body)
        assert response.status_code == status, response.text
        found: Body = response.json()
        return found

    def lucky(self) -> str:
        return next(name for k in self.asked if KEYS.luck(name := f"crm/2026-07-01/{k}") < 1 - POLICY.epsilon)


@contextmanager
def working_day(release: LoadedRelease, folder: Path) -> Iterator[Day]:
    """Give a service that has just been started, with an empty store."""
    app = create_app(
        Settings(id_key=KEY, var=folder),
        clock=lambda: EVENING,
        store=FakeStore(release),
        write=lambda _: None,
    )
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield Day(client)


@pytest.fixture(params=sorted(RELEASES))
def day(
    request: pytest.FixtureRequest, releases: Mapping[str, LoadedRelease], tmp_path: Path
) -> Iterator[Day]:
    with working_day(releases[request.param], tmp_path) as found:
        yield found


# Customers as a platform knows them


def ago(days: float) -> str:
    return (MORNING - timedelta(days=days)).isoformat()


def named(name: str, low: float = POLICY.holdout + POLICY.random_slice, high: float = 1.0) -> str:
    """Return an id whose holder has a place in a part of the programme; as a rule the one that decides."""
    return next(
        tried
        for k in range(10_000)
        if low <= place_of(KEYS.person(tried := f"{name}-{k}"), POLICY.salt) < high
    )


def customer(name: str, tenure: float, consent: str = "granted", **tables: Any) -> Body:
    said = [{"purpose": "marketing", "status": consent, "status_at": ago(tenure)}]
    who = {"customer_id": name, "created_at": ago(tenure)}
    return {"customer": who, "orders": [], "consents": said, **tables}


def orders(*days: float, revenue: float = 120.0) -> list[Body]:
    return [{"order_id": f"o-{k}", "ordered_at": ago(one), "revenue": revenue} for k, one in enumerate(days)]


def views(*days: float) -> list[Body]:
    return [{"event": "product_viewed", "timestamp": ago(one), "product_id": "sim-p001"} for one in days]


def contact(name: str, days: float, channel: str, action_id: str = "content_message") -> Body:
    return {"contact_id": name, "contacted_at": ago(days), "channel": channel, "action_id": action_id}


NEW = customer(named("new"), 2)
MEMBER = customer(named("member"), 400, orders=orders(100, 300))
VALUABLE = orders(*range(4, 364, 15), revenue=900.0)
COMPLAINT = [{"case_id": "k-1", "opened_at": ago(3), "type": "complaint"}]
RENEWAL = [{"subscription_id": "s-1", "started_at": ago(350), "ends_at": ago(-12), "is_recurring": False}]


# What an answer says


def chosen(told: Body) -> Body:
    """Return the decision, of which every number is in order."""
    assert told["logged"]
    assert told["assignment"] == {"arm": "treatment", "slice": "exploit"}
    (first, *others) = told["actions"]
    assert [one["rank"] for one in told["actions"]] == list(range(1, len(others) + 2))
    evenly = {one["propensity"] for one in others} or {POLICY.epsilon}
    assert len(evenly) == 1
    assert first["propensity"] == pytest.approx(1 - POLICY.epsilon + evenly.pop())
    if len(told["actions"]) < LIMIT:
        assert sum(one["propensity"] for one in told["actions"]) == pytest.approx(1.0)
    assert {one["evidence"] for one in told["actions"]} == {"rule_prior"}
    if first["action_id"] != "none":
        assert {"best", "rule_prior"} <= {one["code"] for one in first["reasons"]}
        assert told["as_of"] <= first["not_before"] < first["expires_at"]
    found: Body = first
    return found


def others(told: Body) -> list[str]:
    return [one["action_id"] for one in told["actions"][1:]]


def drops(told: Body) -> dict[str, set[tuple[str, str]]]:
    """Return the layers and rules that took each action, in whole or by some channel."""
    found: dict[str, set[tuple[str, str]]] = {}
    for one in told["suppressed"]:
        assert one["text"]
        found.setdefault(one["action_id"], set()).add((one["layer"], one["rule_id"]))
    return found


# The stories


def test_new_customer_is_shown_around_and_could_have_an_offer(day: Day) -> None:
    told = day.ask(NEW)
    first = chosen(told)
    assert (first["type"], first["channel"]) == ("tutorial", "email")
    assert first["not_before"] == told["as_of"]
    assert first["expires_at"] == (MORNING + timedelta(days=7)).isoformat()
    assert "first_order_coupon" in others(told)
    assert drops(told)["wake_up_discount"] == {("applicable", "dormant")}
    assert drops(told)["renewal_reminder"] == {("applicable", "renewal_due")}


def test_who_looks_on_three_days_and_does_not_order_gets_a_coupon(day: Day) -> None:
    looking = {**MEMBER, "events": views(0.1, 1, 2)}
    told = day.ask(looking)
    first = chosen(told)
    assert (first["action_id"], first["type"]) == ("viewed_coupon", "coupon")
    assert first["due_by"] == (MORNING + timedelta(days=3)).isoformat()
    assert "viewed_without_order" in {one["code"] for one in first["reasons"]}
    assert drops(told)["viewed_call"] == {("suitable", "high_value")}
    two_days = day.ask({**MEMBER, "events": views(0.1, 1)})
    assert drops(two_days)["viewed_coupon"] == {("applicable", "viewed_without_order")}


def test_high_value_customer_who_looks_on_three_days_gets_a_call(day: Day) -> None:
    told = day.ask({**customer(named("vip"), 400, orders=VALUABLE), "events": views(0.1, 1, 2)})
    assert (chosen(told)["type"], chosen(told)["channel"]) == ("call", "phone")
    assert "viewed_coupon" in others(told)


def test_dormant_customer_is_woken_up_with_a_discount(day: Day) -> None:
    told = day.ask(customer(named("dormant"), 900, orders=orders(200, 260, 330, 390)))
    assert (chosen(told)["action_id"], chosen(told)["type"]) == ("wake_up_discount", "coupon")
    assert drops(told)["cross_sell"] == {("applicable", "active")}


def test_high_value_customer_gets_personal_service(day: Day) -> None:
    told = day.ask(customer(named("vip"), 400, orders=VALUABLE))
    assert (chosen(told)["type"], chosen(told)["channel"]) == ("vip_service", "phone")
    assert {"loyalty_reward", "cross_sell"} <= set(others(told))


def test_renewal_that_is_due_is_reminded_of(day: Day) -> None:
    told = day.ask({**MEMBER, "subscriptions": RENEWAL})
    assert (chosen(told)["action_id"], chosen(told)["type"]) == ("renewal_reminder", "reminder")
    later = [{**RENEWAL[0], "ends_at": ago(-60)}]
    assert drops(day.ask({**MEMBER, "subscriptions": later}))["renewal_reminder"] == {
        ("applicable", "renewal_due")
    }


def test_open_complaint_is_called_about_and_nothing_is_promoted(day: Day) -> None:
    active = customer(named("angry"), 400, orders=orders(10, 30, 50, 70, 90), support_cases=COMPLAINT)
    told = day.ask(active)
    first = chosen(told)
    assert (first["type"], first["channel"]) == ("service_recovery", "phone")
    assert first["due_by"] == (MORNING + timedelta(days=2)).isoformat()
    left = {TYPES[name] for name in others(told) if name != "none"}
    assert not left & PROMOTIONS
    for name in ("cross_sell", "upsell"):
        assert drops(told)[name] == {("suitable", "no_open_complaint")}
    closed = [{**COMPLAINT[0], "closed_at": ago(1)}]
    assert "cross_sell" in others(day.ask({**active, "customer": NEW["customer"], "support_cases": closed}))


def test_who_opted_out_gets_what_is_owed_and_no_marketing(day: Day) -> None:
    told = day.ask(customer(named("private"), 400, "revoked", orders=VALUABLE, support_cases=COMPLAINT))
    assert chosen(told)["action_id"] == "complaint_call"
    assert set(others(told)) == {"complaint_call", "none"}
    assert drops(told)["loyalty_reward"] == {("consent", "marketing")}
    quiet = day.ask(customer(named("silent"), 400, "revoked", orders=VALUABLE))
    assert (chosen(quiet)["action_id"], others(quiet)) == ("none", [])
    assert "nothing_left" in {one["code"] for one in chosen(quiet)["reasons"]}
    assert drops(quiet)["vip_care"] == {("consent", "marketing")}


def test_contacts_that_the_platform_tells_of_count_against_the_limits(day: Day) -> None:
    told = day.ask({**MEMBER, "contacts": [contact("k-1", 0.1, "email"), contact("k-2", 2, "email")]})
    assert ("contact_policy", "email_weekly") in {rule for rules in drops(told).values() for rule in rules}
    assert "email" not in {one["channel"] for one in told["actions"]}
    assert drops(told)["content_message"] == {
        ("contact_policy", "email_weekly"),
        ("contact_policy", "repeat"),
    }
    channels = ("email", "sms", "push", "wechat")
    busy = [contact(f"k-{channel}", 0.1 + k, channel) for k, channel in enumerate(channels)]
    full = day.ask({**MEMBER, "subscriptions": RENEWAL, "contacts": busy})
    assert (chosen(full)["action_id"], chosen(full)["type"]) == ("renewal_reminder", "reminder")
    assert set(others(full)) == {"renewal_reminder", "none"}
    limits = {rule for rules in drops(full).values() for layer, rule in rules if layer == "contact_policy"}
    assert "all_weekly" in limits


def test_contact_that_was_promised_this_morning_counts_until_it_was_not_sent(day: Day) -> None:
    first = day.ask(NEW)
    assert chosen(first)["action_id"] == "welcome_tutorial"
    second = day.ask(NEW, MORNING + timedelta(hours=1))
    assert drops(second)["welcome_tutorial"] == {("contact_policy", "repeat")}
    assert (chosen(second)["action_id"], chosen(second)["channel"]) == ("first_order_coupon", "email")
    third = day.ask(NEW, MORNING + timedelta(hours=2))
    assert "email" not in {one["channel"] for one in third["actions"]}
    assert ("contact_policy", "email_weekly") in drops(third)["content_message"]
    event = {"event_id": "e-1", "decision_id": first["decision_id"], "type": "not_sent", "at": ago(-0.1)}
    assert day.post(event, 201, "/v1/outcomes")["reservation"] == "released"
    fourth = day.ask(NEW, MORNING + timedelta(hours=3))
    assert (chosen(fourth)["action_id"], chosen(fourth)["channel"]) == ("welcome_tutorial", "email")


def test_night_is_waited_for_where_the_channel_disturbs(day: Day) -> None:
    vip = customer(named("vip"), 400, orders=VALUABLE)
    called = chosen(day.ask(vip, EVENING))
    assert (called["channel"], called["not_before"]) == ("phone", "2026-07-02T08:00:00+08:00")
    owed = chosen(day.ask({**MEMBER, "support_cases": COMPLAINT}, EVENING))
    assert (owed["action_id"], owed["not_before"]) == ("complaint_call", called["not_before"])
    abroad = {**vip, "customer": {"customer_id": named("abroad"), "created_at": ago(400)}}
    told = chosen(day.ask(abroad, EVENING, timezone="America/New_York"))
    assert told["not_before"] == "2026-07-01T10:30:00-04:00"


def test_who_is_held_out_gets_nothing_but_what_is_owed(day: Day) -> None:
    name = named("held", 0.0, POLICY.holdout)
    told = day.ask(customer(name, 400, orders=VALUABLE))
    assert told["assignment"] == {"arm": "control", "slice": "holdout"}
    assert [(one["action_id"], one["propensity"]) for one in told["actions"]] == [("none", 1.0)]
    owed = day.ask(customer(name, 400, orders=VALUABLE, support_cases=COMPLAINT))
    assert owed["assignment"] == {"arm": "control", "slice": "holdout"}
    assert owed["actions"][0]["action_id"] == "complaint_call"


def test_random_part_is_drawn_evenly(day: Day) -> None:
    name = named("chance", POLICY.holdout, POLICY.holdout + POLICY.random_slice)
    told = day.ask(customer(name, 400, orders=VALUABLE))
    assert told["assignment"] == {"arm": "treatment", "slice": "random"}
    (share,) = {one["propensity"] for one in told["actions"]}
    assert 1 / share == pytest.approx(round(1 / share))
    assert round(1 / share) >= len(told["actions"])
