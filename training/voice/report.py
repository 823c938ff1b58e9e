"""The voice of the customer as a document: what was said and asked for, how that changed, and what hurts.

Everything in it is an observation, but for predicted value and the probability of churn. It names no customer
and quotes no text: texts hold names, numbers and stories that only their writer may tell.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import numpy as np

from app.domain.clock import from_microseconds, to_microseconds
from app.domain.errors import TableError
from app.domain.history import Array
from app.serving.release import LoadedRelease
from training.planning.lift import FEWEST, LEVEL
from training.run import Run
from training.sentiment.text import NEGATIVE, POSITIVE, class_of
from training.tables import Tables
from training.train import SEED
from training.voice.cases import cases_part
from training.voice.pains import pains_of, pains_part
from training.voice.people import expected_now, read_people
from training.voice.periods import NOW_DAYS, Periods, periods_of
from training.voice.reading import Rated, Readings, read, reader_of, topics_reader
from training.voice.rows import CASES, FEEDBACK, Voices, read_voices
from training.voice.scores import scores_part
from training.voice.shares import count_of, customers_in, hidden_in, people_count
from training.voice.topics import Read, read_of, texts_part, topics_part

LOUDEST: Final = 3

Part = dict[str, Any]
Progress = Callable[[str], None]


def report_of(release: LoadedRelease | None, tables: Tables, as_of: int, progress: Progress) -> Part:
    """Return the report of a business.

    Parameters
    ----------
    release : LoadedRelease or None
        What reads the texts and knows the customers' worth; None where nothing is published.
    as_of : int
        Microseconds since 1970 in UTC; nothing later is read.
    progress : callable
        Is told where a long computation is.

    Raises
    ------
    TableError
        There is neither an answer nor a case to report.
    """
    refuse_silence(tables)
    business = tables.business
    periods = periods_of(as_of, business.timezone)
    voices = read_voices(tables, as_of)
    people = read_people(release, tables, as_of, progress)
    told, texts = _texts(release, tables, voices, periods, progress)
    progress("counting")
    published = frozenset() if release is None else frozenset(release.artifacts)
    pains = pains_part(pains_of(texts, voices.cases, people, periods), people, published)
    trained = {} if release is None else _trained(release)
    report = {
        "kind": "voice_report",
        "business": business.name,
        "simulated": business.simulated,
        "currency": business.currency,
        "timezone": business.timezone,
        "release": None if release is None else release.name,
        "trained_as_of": trained,
        "as_of": _iso(as_of, business.timezone),
        "is_trained_later": any(_micro(at) > as_of for at in trained.values()),
        "interval_level": LEVEL,
        "fewest_customers": FEWEST,
        "now_days": NOW_DAYS,
        "months": [
            {"month": one.name, "from": one.starts_at, "until": one.ends_at, "is_partial": one.is_partial}
            for one in periods.months
        ],
        "customers": _customers(people.is_allowed),
        "not_profiled": {name: count_of(owner) for name, owner in voices.denied.items()},
        "record": _record(voices, business.timezone),
        "counts": _counts(voices, periods),
        "reader": told,
        "texts": texts_part(texts, periods) if len(texts.owner) else None,
        "topics": topics_part(texts, periods),
        "cases": cases_part(voices.cases, periods, expected_now(people)) if len(voices.cases.at) else None,
        "orders": {
            name: count_of(np.repeat(np.arange(len(days)), days.astype(np.int64)))["rows"]
            for name, days in (("now", people.orders_now), ("before", people.orders_before))
        },
        "scores": scores_part(voices.answers, periods),
        "pains": pains,
        "loudest": [
            {name: one[name] for name in ("source", "name", "customers", "change")}
            for one in pains["ranking"][:LOUDEST]
            if not one["is_hidden"]
        ],
    }
    return {**report, "hidden_cells": _hidden_cells(report)}


def refuse_silence(tables: Tables) -> None:
    """Raise where nobody has said anything.

    Raises
    ------
    TableError
        Naming the tables that are missing or empty.
    """
    if not any(tables.counts.get(name, 0) for name in (FEEDBACK, CASES)):
        there = [name for name in (FEEDBACK, CASES) if tables.has(name)]
        found = "are empty up to then" if len(there) > 1 else "hold nothing up to then"
        msg = "feedback and support_cases " + (found if there else "are not in the business file")
        raise TableError(
            f"{msg}: there is no voice to report",
            table=FEEDBACK,
            remedy="map feedback (scores and texts), support_cases, or both; see docs/bring-your-own-data.md",
        )


def _texts(
    release: LoadedRelease | None, tables: Tables, voices: Voices, periods: Periods, progress: Progress
) -> tuple[Part | None, Read]:
    """Return who read the texts of the twelve months, and what was found; nobody where there is no text."""
    answers = voices.answers
    rows = np.flatnonzero(answers.has_text & periods.is_told(answers.at))
    owner, at = answers.owner[rows], answers.at[rows]
    if not len(rows):
        nothing = np.empty(0, dtype=np.int64)
        empty = (nothing, nothing, np.empty(0), nothing, nothing, nothing, nothing)
        return None, read_of(Readings(*empty, unread={}), owner, at, periods)

    def run() -> Run:
        progress("no sentiment is published: learning from the rated texts")
        return Run(tables.business, tables, voices.history, periods.as_of, SEED, "", {}, progress)

    reader = reader_of(release, run)
    label = class_of(answers.kind[rows], answers.score[rows], answers.scale_max[rows])
    sided = (label == NEGATIVE) | (label == POSITIVE)
    rated = Rated(answers.text[rows][sided], np.where(label[sided] == NEGATIVE, -1, 1), owner[sided])
    on_topics, told = topics_reader(reader.model, rated)
    found = read(reader.model, on_topics, answers.text[rows], progress)
    # Together with those that were read they are all texts.
    groups = {"read": found.row, **found.unread}
    untold = hidden_in(np.array([customers_in(owner[places]) for places in groups.values()], dtype=np.int64))
    unread = {
        name: {"is_hidden": is_hidden, "texts": None if is_hidden else len(places)}
        for (name, places), is_hidden in zip(groups.items(), untold.tolist(), strict=True)
        if name != "read"
    }
    return {**reader.told, "topics": told, "unread": unread}, read_of(found, owner, at, periods)


def _customers(is_allowed: Array) -> Part:
    """Return how many customers there are, and how many deny profiling; with few of these, neither."""
    denied = people_count(int((~is_allowed).sum()))
    return {
        "is_hidden": denied["is_hidden"],
        "known": None if denied["is_hidden"] else len(is_allowed),
        "not_profiled": denied["customers"],
    }


def _record(voices: Voices, timezone: str) -> Part:
    """Return how much there is on record, None where that is hidden, and from which day to which."""
    answers, cases = voices.answers, voices.cases
    at = np.concatenate([answers.at, cases.at])
    first, last = (None, None) if not len(at) else (_day(int(one), timezone) for one in (at.min(), at.max()))
    return {
        "answers": count_of(answers.owner)["rows"],
        "texts": count_of(answers.owner[answers.has_text])["rows"],
        "cases": count_of(cases.owner)["rows"],
        "first_at": first,
        "last_at": last,
    }


def _counts(voices: Voices, periods: Periods) -> Part:
    """Return the answers, texts and cases of the twelve months, of now, and of as many days before."""
    answers, cases = voices.answers, voices.cases
    has_text = answers.has_text
    rows = {
        "answers": (answers.at, answers.owner),
        "texts": (answers.at[has_text], answers.owner[has_text]),
        "cases": (cases.at, cases.owner),
    }
    return {
        name: {
            "months": count_of(owner[periods.is_told(at)]),
            "now": count_of(owner[periods.is_now(at)]),
            "before": count_of(owner[periods.is_recent(at) & ~periods.is_now(at)]),
        }
        for name, (at, owner) in rows.items()
    }


def _hidden_cells(part: object) -> int:
    """Return how many parts of a document are hidden."""
    if isinstance(part, dict):
        return bool(part.get("is_hidden")) + sum(map(_hidden_cells, part.values()))
    return sum(map(_hidden_cells, part)) if isinstance(part, list | tuple) else 0


def _trained(release: LoadedRelease) -> dict[str, str]:
    used = ("churn", "clv", "segment", "sentiment")
    return {
        name: release.artifacts[name].manifest.trained_as_of for name in used if name in release.artifacts
    }


def _day(at: int, timezone: str) -> str:
    return from_microseconds(at, timezone).date().isoformat()


def _iso(at: int, timezone: str) -> str:
    return from_microseconds(at, timezone).isoformat()


def _micro(iso: str) -> int:
    return to_microseconds(datetime.fromisoformat(iso))
