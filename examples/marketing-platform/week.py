"""A marketing platform in one file: a week of deciding, sending and reporting against Kith, and its books.

Rules of a platform that loses nothing and writes nothing twice:

1. Every question, event and verdict has an id of its own, made before it is sent the first time.
2. What got no answer (a broken connection, 503, 507) is sent again: the same id, the same body.
3. Whatever was decided ends in `delivered` or `not_sent` as soon as one of them is known.
4. Own contacts carry the id in the customer's record (`contacts[]`) under which they were reported.
5. Who asks to be forgotten is erased here and there; what still comes in about them gets 410.

The customers, what they do and the faults of the platform are simulated. Only the standard library is used.
docs/marketing-platform.md explains the calls.
"""

import argparse
import http.client
import json
import random
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from ledger import REACHED, Entry, Json, Ledger, compare

TIMES = {
    "orders": "ordered_at",
    "events": "timestamp",
    "support_cases": "opened_at",
    "feedback": "submitted_at",
    "subscriptions": "started_at",
    "contacts": "contacted_at",
    "consents": "status_at",
}
"""When a row of each part of a customer's record came to be known."""
HOUSE = {"action_id": "content_message", "channel": "email"}
"""What the platform itself would have done."""
BATCH = 100
PATIENCE_SECONDS = 120.0


class Service:
    """Calls Kith, and calls again until there is an answer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: Counter[str] = Counter()
        self._lock = threading.Lock()

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Json]:
        """Return status and answer; repeats are safe, because every body names its id."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            status, answer = self._try(method, path, body)
            with self._lock:
                self.statuses[str(status) if status else "no answer"] += 1
            if status not in {0, 503, 507}:
                return status, answer
            if time.monotonic() > deadline:
                sys.exit(f"{self.url} does not answer")
            time.sleep(0.2)

    def _try(self, method: str, path: str, body: object) -> tuple[int, Json]:
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, {}
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}


class Platform:
    """Sends what was decided, hears what comes of it, and reports it: late, twice, out of order, or never."""

    def __init__(self, service: Service, customers: list[Json], seed: int, workers: int) -> None:
        self.service, self.customers, self.ledger = service, customers, Ledger()
        self.random = random.Random(seed)
        self.pool = ThreadPoolExecutor(workers)
        self.sent: dict[str, list[Json]] = {}
        self.waiting: list[tuple[int, Json]] = []
        """Events with the day on which each is reported."""

    # Deciding

    def question(self, customer: Json, at: datetime, mode: str) -> Json:
        """Return the body of a question: the customer as known at that moment."""
        customer_id = customer["customer"]["customer_id"]
        known: Json = {
            table: [row for row in customer.get(table, []) if datetime.fromisoformat(row[time]) <= at]
            for table, time in TIMES.items()
        }
        known["contacts"] += self.sent.get(customer_id, [])
        body = {
            "request_id": f"{at:%Y-%m-%d}/{customer_id}",
            "as_of": at.isoformat(),
            "mode": mode,
            "customer": customer["customer"],
            **known,
        }
        return {**body, "caller_choice": HOUSE} if mode in {"shadow", "apprentice"} else body

    def decide(self, day: int, midnight: datetime) -> Counter[str]:
        """Ask for everybody, half of them in the night in batches, and act; return what was decided."""
        asked = [one for one in self.customers if one["customer"]["customer_id"] not in self.ledger.erased]
        night = [
            self.question(one, midnight + timedelta(hours=2), "live")
            for k, one in enumerate(asked)
            if (k + day) % 2
        ]
        modes = self.random.choices(["live", "shadow", "apprentice"], [85, 7, 8], k=len(asked))
        morning = [
            self.question(one, midnight + timedelta(hours=10, seconds=k), mode)
            for k, (one, mode) in enumerate(zip(asked, modes, strict=True))
            if not (k + day) % 2
        ]
        parts = [{"requests": night[k : k + BATCH]} for k in range(0, len(night), BATCH)]
        pairs = list(zip(morning, self.pool.map(self._ask, morning), strict=True))
        for part, results in zip(parts, self.pool.map(self._ask_together, parts), strict=True):
            pairs += zip(part["requests"], results, strict=True)
        for question, answer in pairs:
            self._act(question, answer, day)
        return Counter(answer["actions"][0]["action_id"] for _, answer in pairs)

    def _ask(self, question: Json) -> Json:
        status, answer = self.service.call("POST", "/v1/next-best-actions", question)
        self.ledger.expect("question", status, 200)
        return answer

    def _ask_together(self, part: Json) -> list[Json]:
        status, answer = self.service.call("POST", "/v1/next-best-actions/batch", part)
        self.ledger.expect("batch", status, 200)
        for one in answer["results"]:
            self.ledger.expect("question of a batch", one["status"], 200)
        return [one["decision"] for one in answer["results"]]

    def _act(self, question: Json, answer: Json, day: int) -> None:
        """Write a decision down, send what it says, and let the customer react."""
        action, customer_id, mode = answer["actions"][0], answer["customer_id"], answer["mode"]
        decision_id, at = answer["decision_id"], datetime.fromisoformat(question["as_of"])
        self.ledger.expect("decision that was there before", decision_id in self.ledger.decisions, False)
        entry = Entry(customer_id, at, mode, action["action_id"], action["channel"])
        self.ledger.decisions[decision_id], self.ledger.owners[decision_id] = entry, customer_id
        if self.random.random() < 0.03:
            self._judge(decision_id, customer_id, at)
        if mode == "shadow":
            # Kith only watched: the platform's own message is a contact that nobody had promised.
            contact = self._contact(customer_id, HOUSE["channel"], HOUSE["action_id"], at)
            self._later(
                day, {"customer_id": customer_id, "type": "delivered", "at": at.isoformat()} | contact
            )
        elif action["action_id"] != "none":
            self._send(decision_id, entry, day, datetime.fromisoformat(action["not_before"]))
        elif self.random.random() < 0.05:
            bought = {"customer_id": customer_id, "at": (at + timedelta(hours=9)).isoformat()}
            self._later(day, bought | self._revenue())

    # Sending

    def _send(self, decision_id: str, entry: Entry, day: int, at: datetime) -> None:
        """Do what was decided, as far as that goes well, and note what comes of it."""
        luck, named = self.random.random(), {"decision_id": decision_id}
        if luck < 0.05:
            return  # the provider never says a word
        if luck < 0.15:
            self._later(day, {**named, "type": "not_sent", "at": at.isoformat()})
        if luck < 0.13:
            return  # above that, the provider is wrong at first: it has been sent after all
        contact = self._contact(entry.customer_id, str(entry.channel), entry.action_id, at)
        times = (at + timedelta(minutes=self.random.randint(1, 600)) for _ in range(9))
        reactions = {"opened": 0.5, "clicked": 0.2, "accepted": 0.05, "rejected": 0.05, "complaint": 0.01}
        kinds = ["delivered", *(kind for kind, chance in reactions.items() if self.random.random() < chance)]
        for kind, when in zip(kinds, [at, *times], strict=False):
            told = {"channel": entry.channel, "contact_id": contact["contact_id"]}
            self._later(day, {**named, "type": kind, "at": when.isoformat(), **told})
        if self.random.random() < 0.1:
            when = at + timedelta(days=self.random.random())
            # The shop knows the customer and the campaign, not the decision.
            whom = {"customer_id": entry.customer_id, "action_id": entry.action_id}
            self._later(day + 1, {**whom, "at": when.isoformat(), **self._revenue()})

    def _contact(self, customer_id: str, channel: str, action_id: str, at: datetime) -> Json:
        """Note a contact in the customer's own record; return what an outcome says of it."""
        mine = self.sent.setdefault(customer_id, [])
        told = {"contact_id": f"{customer_id}/{len(mine)}", "channel": channel}
        mine.append({**told, "contacted_at": at.isoformat(), "action_id": action_id})
        return told

    def _revenue(self) -> Json:
        return {"type": "revenue", "value": round(self.random.uniform(20, 300), 2)}

    # Reporting

    def _later(self, day: int, event: Json) -> None:
        """Let an event be reported on that day or up to three days later, now and then twice."""
        event = {"event_id": f"event-{len(self.waiting)}-{day}-{self.random.getrandbits(64):x}", **event}
        for _ in range(1 + (self.random.random() < 0.2)):
            self.waiting.append((day + self.random.choice([0, 0, 0, 1, 2, 3]), event))

    def report(self, day: int) -> int:
        """Report what is due, in no order, half of it in batches; return how many reports that were."""
        due = [event for when, event in self.waiting if when <= day]
        self.waiting = [(when, event) for when, event in self.waiting if when > day]
        self.random.shuffle(due)
        cut = len(due) // 2
        for event, (status, told) in zip(due, self.pool.map(self._report, due[:cut]), strict=False):
            self._reported(event, status, told)
        for k in range(cut, len(due), BATCH):
            part = due[k : k + BATCH]
            status, answer = self.service.call("POST", "/v1/outcomes/batch", {"outcomes": part})
            self.ledger.expect("batch of outcomes", status, 200)
            for event, result in zip(part, answer["results"], strict=True):
                self._reported(event, result["status"], result.get("outcome", {}))
        self._blunder(due)
        return len(due)

    def _report(self, event: Json) -> tuple[int, Json]:
        return self.service.call("POST", "/v1/outcomes", event)

    def _reported(self, event: Json, status: int, told: Json) -> None:
        """Write down that an outcome was taken, and compare what it was joined to."""
        ledger, event_id = self.ledger, event["event_id"]
        customer_id = event.get("customer_id") or ledger.owners[event["decision_id"]]
        if customer_id in ledger.erased:
            ledger.expect("outcome of an erased customer", status, 410)
            return
        ledger.expect("outcome", status in {200, 201}, True)
        ledger.created[event_id] += status == 201
        decision_id = event.get("decision_id") or ledger.latest(customer_id, event)
        by = "decision_id" if "decision_id" in event else "customer_action" if decision_id else "customer"
        ledger.expect("joined", (told["decision_id"], told["joined_by"]), (decision_id, by))
        ledger.events[event_id] = (customer_id, event["type"])
        if decision_id:
            ledger.decisions[decision_id].events[event_id] = event
        elif event["type"] in REACHED:
            ledger.contacts.add((customer_id, event["contact_id"]))

    def _blunder(self, due: list[Json]) -> None:
        """Make the mistakes that platforms make: an id used again for something else, a made-up decision."""
        for event in due[:3]:
            if event["event_id"] in self.ledger.events:
                status, _ = self.service.call("POST", "/v1/outcomes", event | {"at": "2020-01-01T00:00:00Z"})
                self.ledger.expect("another outcome under the same id", status, 409)
        unknown = {
            "event_id": "none",
            "decision_id": "0" * 32,
            "type": "opened",
            "at": "2020-01-01T00:00:00Z",
        }
        status, _ = self.service.call("POST", "/v1/outcomes", unknown)
        self.ledger.expect("outcome of an unknown decision", status, 404)

    def _judge(self, decision_id: str, customer_id: str, at: datetime) -> None:
        """Let somebody at the front say what the decision is worth; the button is pressed twice at times."""
        verdict = self.random.choice(["agree", "disagree", "unsure"])
        body = {"feedback_id": f"desk/{decision_id}", "decision_id": decision_id, "verdict": verdict}
        for _ in range(self.random.choice([1, 1, 2])):
            status, _told = self.service.call("POST", "/v1/feedback", body | {"at": at.isoformat()})
            self.ledger.expect("verdict", status in {200, 201}, True)
        self.ledger.verdicts[body["feedback_id"]] = (customer_id, verdict)

    def erase(self, customer_id: str, at: datetime) -> None:
        """Erase a customer, and see that asking again brings nothing back."""
        customer = next(one for one in self.customers if one["customer"]["customer_id"] == customer_id)
        asked = self.question(customer, at, "live")
        status, _ = self.service.call("DELETE", "/v1/customers/" + urllib.parse.quote(customer_id, safe=""))
        self.ledger.expect("erasure", status, 200)
        self.ledger.erase(customer_id)
        status, _ = self.service.call("POST", "/v1/next-best-actions", asked)
        self.ledger.expect("question of an erased customer", status, 410)

    # The books

    def check(self) -> None:
        """Compare every decision with what the service has on record of it."""
        kept = self.ledger.decisions
        paths = [f"/v1/decisions/{key}" for key in kept]
        for entry, (status, found) in zip(
            kept.values(), self.pool.map(self.service.call, ["GET"] * len(paths), paths), strict=True
        ):
            self.ledger.expect("decision", status, 200)
            for name in ("mode", "action_id", "channel", "reservation"):
                self.ledger.expect(name, found[name], getattr(entry, name))
            self.ledger.expect("outcomes", sorted(one["type"] for one in found["outcomes"]), entry.types)
            earned = [event["value"] for event in entry.events.values() if event["type"] == "revenue"]
            self.ledger.expect("value", round(found["value"], 2), round(sum(earned), 2))
        for key in (key for keys in self.ledger.erased.values() for key in keys):
            status, _ = self.service.call("GET", f"/v1/decisions/{key}")
            self.ledger.expect("erased decision", status, 404)
        twice = [event_id for event_id, count in self.ledger.created.items() if count > 1]
        self.ledger.expect("outcomes that were new twice", twice, [])


def main() -> int:
    """Play the week; return 1 where the books do not balance."""
    parser = argparse.ArgumentParser(description="Play a marketing platform for seven days.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where Kith answers")
    parser.add_argument("--customers", type=Path, required=True, help="one customer a line, as JSON")
    parser.add_argument("--first-day", default="2026-06-24T00:00:00+08:00", help="midnight, with the offset")
    parser.add_argument("--books", help="command that prints the service's books as JSON")
    parser.add_argument("--ledger", type=Path, help="where to write what was decided, as JSON")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=8, help="calls at once")
    args = parser.parse_args()
    lines = args.customers.read_text("utf-8").splitlines()
    service, first = Service(args.url), datetime.fromisoformat(args.first_day)
    platform = Platform(service, [json.loads(line) for line in lines], args.seed, args.workers)
    for day in range(7):
        midnight = first + timedelta(days=day)
        chosen = platform.decide(day, midnight)
        if day == 3:
            for customer_id in platform.ledger.busiest(2):
                platform.erase(customer_id, midnight)
        reports = platform.report(day)
        common = ", ".join(f"{name} {count}" for name, count in chosen.most_common(4))
        print(f"{midnight:%Y-%m-%d}: {chosen.total()} decided ({common}), {reports} reported", flush=True)
    print(f"afterwards: {platform.report(99)} reported", flush=True)
    platform.check()
    if args.ledger:
        args.ledger.write_text(json.dumps(platform.ledger.as_json(), indent=1), "utf-8")
    if args.books:
        compare(platform.ledger, args.books)
    print("calls by status:", ", ".join(f"{key} {n:,}" for key, n in sorted(service.statuses.items())))
    for line in platform.ledger.amiss:
        print("amiss:", line)
    print("The books balance." if not platform.ledger.amiss else "The books do not balance.")
    return int(bool(platform.ledger.amiss))


if __name__ == "__main__":
    sys.exit(main())
