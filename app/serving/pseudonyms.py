"""Keyed pseudonyms: what the store holds in place of the ids that callers use.

Rules: HMAC-SHA256 under the service's own key, with what it names in front, so that equal texts of different
kinds give different pseudonyms; 32 hex digits; without the key nobody can say whose they are. The draws of a
decision come from the request id in the same way, so that the same request has the same luck everywhere.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

DIGITS: Final = 32
_BITS: Final = 53
"""A float holds so many bits exactly."""


class Keys:
    """Makes pseudonyms; instances with the same key make the same ones."""

    def __init__(self, id_key: bytes) -> None:
        """Keep the key, ready to use."""
        self._keyed = hmac.new(id_key, digestmod="sha256")

    def person(self, customer_id: str) -> str:
        """Return the pseudonym of a customer."""
        return self._hex("person", customer_id)

    def request(self, request_id: str) -> str:
        """Return the pseudonym of a request."""
        return self._hex("request", request_id)

    def event(self, event_id: str) -> str:
        """Return the pseudonym of an event."""
        return self._hex("event", event_id)

    def contact(self, contact_id: str) -> str:
        """Return the pseudonym of a contact."""
        return self._hex("contact", contact_id)

    def feedback(self, feedback_id: str) -> str:
        """Return the pseudonym of a verdict."""
        return self._hex("feedback", feedback_id)

    def decision(self, request_id: str) -> str:
        """Return the id of the decision that a request leads to."""
        return self._hex("decision", request_id)

    def check(self) -> str:
        """Return what tells this key from others: a database remembers under which key it was written."""
        return self._hex("check", "kith")

    def body(self, content: bytes) -> str:
        """Return the keyed hash of all that a request says."""
        return self._digest("body", content).hex()[:DIGITS]

    def luck(self, request_id: str) -> float:
        """Return a number of a request, uniform in [0, 1)."""
        return _uniform(self._digest("luck", request_id.encode()))

    def _hex(self, kind: str, text: str) -> str:
        return self._digest(kind, text.encode()).hex()[:DIGITS]

    def _digest(self, kind: str, content: bytes) -> bytes:
        code = self._keyed.copy()
        code.update(kind.encode() + b"\n" + content)
        return code.digest()


def place_of(person: str, salt: str) -> float:
    """Return where a person stands in [0, 1): the same for one salt, anew for another."""
    return _uniform(hashlib.sha256(f"{salt}\n{person}".encode()).digest())


def _uniform(digest: bytes) -> float:
    return (int.from_bytes(digest[:8]) >> (64 - _BITS)) / (1 << _BITS)
