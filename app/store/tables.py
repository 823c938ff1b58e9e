"""The tables of the service's memory.

Rules: ids are keyed pseudonyms; times are microseconds since 1970 in UTC; JSON is text. What belongs to a
person carries the person, so that it can be erased; ``erased_keys`` and ``erasures`` remember that something
was erased, not what. :mod:`app.store.migrations` creates the tables; a test holds both against each other.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

DECISIONS: Final = Table(
    "decisions",
    METADATA,
    Column("decision_id", Text, primary_key=True),
    Column("request_key", Text, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("mode", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("arm", Text, nullable=False),
    Column("slice", Text, nullable=False),
    Column("action_id", Text, nullable=False),
    Column("channel", Text),
    Column("propensity", Double),
    Column("evidence", Text, nullable=False),
    Column("candidates", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("window_ends_at", BigInteger, nullable=False),
    UniqueConstraint("request_key"),
    Index(None, "person", "decided_at"),
)

RESERVATIONS: Final = Table(
    "reservations",
    METADATA,
    Column("decision_id", Text, ForeignKey(DECISIONS.c.decision_id), primary_key=True),
    Column("person", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("action_id", Text, nullable=False),
    Column("is_transactional", Boolean, nullable=False),
    Column("budget", Text),
    Column("charge", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("planned_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger),
    Column("is_unsent", Boolean, nullable=False),
    Column("contact_key", Text),
    Index(None, "person", "at"),
)
"""``at`` and ``state`` follow from ``planned_at``, ``confirmed_at`` (the earliest time at which an outcome
confirms the contact) and ``is_unsent``."""

CONTACTS: Final = Table(
    "contacts",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("action_id", Text, nullable=False),
    Column("event_key", Text, nullable=False),
    Index(None, "person", "at"),
)
"""Contacts that were reported and had no reservation. ``event_key`` is the earliest outcome to tell of it."""

OUTCOMES: Final = Table(
    "outcomes",
    METADATA,
    Column("event_key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("person", Text),
    Column("decision_id", Text, ForeignKey(DECISIONS.c.decision_id)),
    Column("action_id", Text),
    Column("channel", Text),
    Column("value", Double),
    Column("contact_key", Text),
    Column("joined_by", Text, nullable=False),
    Column("reservation", Text),
    Index(None, "person", "at"),
    Index(None, "decision_id"),
)
"""``reservation`` is how the reservation stood after this outcome: what was answered, to answer it again."""

FEEDBACK: Final = Table(
    "feedback",
    METADATA,
    Column("feedback_key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("person", Text),
    Column("capability", Text),
    Column("reason", Text),
    Column("comment", Text),
    Index(None, "person", "at"),
    Index(None, "target", "target_id"),
)

BUDGETS: Final = Table(
    "budgets",
    METADATA,
    Column("budget", Text, primary_key=True),
    Column("spent", Double, nullable=False),
    Column("price", Double, nullable=False),
    Column("opportunities", BigInteger, nullable=False),
    Column("net_total", Double, nullable=False),
    Column("erased", Double, nullable=False),
)
"""``erased`` is the part of ``spent`` that was spent on persons who were erased since."""

ERASURES: Final = Table(
    "erasures",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
)

ERASED_KEYS: Final = Table(
    "erased_keys",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
)
"""``kind`` is ``request``, ``decision``, ``event`` or ``feedback``."""

IDENTITY: Final = Table(
    "identity",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key_check", Text, nullable=False),
)
"""One row: by what the key is known that all pseudonyms were made with."""

PULSES: Final = Table(
    "pulses",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("beat", Text, nullable=False),
)
"""One row that is rewritten to learn whether the database takes anything again."""
