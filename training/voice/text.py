"""The voice report in words: Markdown in either language, from :mod:`training.voice.report`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.texts.aspects import aspect_label
from app.texts.catalogue import Locale
from training.planning.words import percent, table
from training.voice.periods import STAKE_DAYS
from training.voice.plots import TOPICS, TREND
from training.voice.sections import cases_section, pains_section, scores_section
from training.voice.words import (
    HIDDEN,
    Told,
    change_ends,
    count,
    number,
    pain_label,
    share_with_count,
    share_with_ends,
)

LANGUAGES: Final[Mapping[str, Locale]] = {"voice.md": "en", "voice.zh-CN.md": "zh-CN"}
"""The language of each file."""
SHOWN: Final = 5
"""Topics whose months are listed, by texts."""

_SIDES: Final = ("negative", "positive", "undecided", "negative_of_sided")

_Part = Mapping[str, Any]


def markdown(report: _Part, locale: Locale, pictures: Sequence[str]) -> str:
    """Return the report as Markdown.

    Parameters
    ----------
    report : mapping
        The document of :func:`training.voice.report.report_of`.
    pictures : sequence of str
        File names of the pictures, which stand beside the report.
    """
    told = Told(report, locale, tuple(pictures))
    lines = [
        *_opening(told),
        *_glance(told),
        *_topics(told),
        *cases_section(told),
        *scores_section(told),
        *pains_section(told),
        *_reading(told),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _opening(told: Told) -> list[str]:
    """Return what the report is about, from when, and what it leaves out."""
    report, months = told.report, told.report["months"]
    people = report["customers"]
    flags = [
        name for name, field in (("simulated", "simulated"), ("later", "is_trained_later")) if report[field]
    ]
    release = f"`{report['release']}`" if report["release"] else told.say("no_release")
    return [
        f"# {told.say('title', business=report['business'])}",
        "",
        *(line for name in flags for line in (told.say(name), "")),
        told.say(
            "known",
            as_of=_short(report["as_of"]),
            first=months[0]["month"],
            last=months[-1]["month"],
            timezone=report["timezone"],
            days=report["now_days"],
            release=release,
        ),
        told.say(
            "denied",
            customers=count(people["not_profiled"]),
            known=count(people["known"]),
            **{name: count(found["rows"]) for name, found in report["not_profiled"].items()},
        ),
        told.say("intervals"),
        *([told.say("pictures")] if told.pictures else []),
        "",
        told.say(
            "privacy", fewest=report["fewest_customers"], mark=HIDDEN, hidden=count(report["hidden_cells"])
        ),
        "",
    ]


def _glance(told: Told) -> list[str]:
    """Return how much was said, whether it sounds worse than before, and the loudest pains."""
    report, record = told.report, told.report["record"]
    head = told.head("glance")
    if record["first_at"] is None:
        return [*head, told.say("nothing"), ""]
    counts = report["counts"]
    titles = [told.say(name) for name in ("what", "months", "customers", "now", "before")]
    rows = [
        [
            told.say(name),
            *(count(found["months"][field]) for field in ("rows", "customers")),
            *(count(found[time]["rows"]) for time in ("now", "before")),
        ]
        for name, found in counts.items()
    ]
    amounts = {name: count(record[name]) for name in ("answers", "texts", "cases")}
    last = record["last_at"]
    is_silent = not any(counts[name]["now"]["rows"] != 0 for name in counts)
    lines = [
        told.say("record", first=record["first_at"], last=last, **amounts),
        *([told.say("silence", days=report["now_days"], last=last)] if is_silent else []),
        *_negative(told),
        told.say("loudest" if report["loudest"] else "no_pain", days=STAKE_DAYS),
        "\n".join(f"{place}. {_pain(told, pain)}" for place, pain in enumerate(report["loudest"], 1)),
    ]
    return [*head, *table(titles, rows), *(line for text in lines if text for line in (text, ""))]


def _negative(told: Told) -> list[str]:
    """Return the share of negative texts now against before."""
    texts = told.report["texts"]
    if texts is None:
        return []
    change = texts["change"]
    now, before = (share_with_count(change[time]) for time in ("now", "before"))
    return [told.say("negative_now", now=now, before=before, verdict=told.verdict(change))]


def _pain(told: Told, pain: _Part) -> str:
    """Return a pain, and whether it grows."""
    change = pain["change"]
    if pain["source"] == "topic":
        now, before = (share_with_count(change[time]) for time in ("now", "before"))
        detail, middle = told.say("blamed_detail", now=now, before=before), 0.0
    else:
        now, before = (count(change[time]) for time in ("now", "before"))
        middle, detail = 1.0, told.say("cases_detail_plain", now=now, before=before)
        if change["ratio"] is not None:
            ends = f"{number(change['low'])}–{number(change['high'])}"
            ratio = number(change["ratio"])
            detail = told.say("cases_detail", now=now, before=before, ratio=ratio, ends=ends)
    name = "not_known" if change["is_clear"] is None else "steady"
    if change["is_clear"]:
        name = "grows" if change["low"] is not None and change["low"] > middle else "falls"
    return told.say(
        "pain_line",
        pain=pain_label(told.locale, pain),
        customers=count(pain["customers"]),
        change=told.say(name, detail=detail),
    )


def _topics(told: Told) -> list[str]:
    """Return what the texts speak of."""
    report, texts = told.report, told.report["texts"]
    head = told.head("topics")
    if texts is None:
        return [
            *head,
            told.say("no_texts" if report["reader"] is None else "no_read_texts"),
            *_unread(told),
            "",
        ]
    sides = {name: share_with_count(texts[name]) for name in ("negative", "neutral", "positive", "undecided")}
    mean = texts["mean_score"]
    whole = told.say(
        "whole",
        texts=count(mean["rows"]),
        customers=count(mean["customers"]),
        score=number(mean["mean"]),
        **sides,
    )
    names = ("topic", "texts_of", "share_of_texts", "customers", *_SIDES, "balance")
    titles = [told.say(name) for name in names]
    rows = [
        [
            aspect_label(told.locale, one["topic"]),
            count(one["texts"]["count"]),
            HIDDEN if one["texts"]["is_hidden"] else percent(one["texts"]["share"]),
            count(one["texts"]["customers"]),
            *(share_with_ends(one[side]) for side in _SIDES),
            number(one["balance"]["mean"]),
        ]
        for one in report["topics"]
    ]
    return [
        *head,
        whole,
        *_unread(told),
        "",
        *told.picture(TOPICS),
        *table(titles, rows),
        told.say("topics_how"),
        "",
        *_languages(told),
        *_months(told),
        *_changes(told),
    ]


def _unread(told: Told) -> list[str]:
    unread = (told.report["reader"] or {}).get("unread")
    if not unread:
        return []
    reasons = ", ".join(told.say(f"unread.{name}", count=count(one["texts"])) for name, one in unread.items())
    return [told.say("unread", reasons=reasons)]


def _languages(told: Told) -> list[str]:
    """Return the negative share of all texts and of each topic by language."""
    everything = told.report["texts"]["by_language"]
    languages = [one["language"] for one in everything]
    rows = []
    named = [(aspect_label(told.locale, one["topic"]), one["by_language"]) for one in told.report["topics"]]
    for name, found in [(told.say("all_texts"), everything), *named]:
        cells = {one["language"]: share_with_count(one["negative"]) for one in found}
        rows.append([name, *(cells.get(language, "–") for language in languages)])
    titles = [told.say("topic"), *(told.say(f"language.{name}") for name in languages)]
    return [told.say("by_language"), "", *table(titles, rows)]


def _months(told: Told) -> list[str]:
    """Return texts and negative share of the largest topics by month."""
    shown = told.report["topics"][:SHOWN]
    everything = told.report["texts"]["months"]
    rows = [
        [
            told.month(one["month"]),
            share_with_count(one["negative"]),
            *(share_with_count(topic["months"][k]["negative"]) for topic in shown),
        ]
        for k, one in enumerate(everything)
    ]
    labels = [aspect_label(told.locale, one["topic"]) for one in shown]
    titles = [told.say("month"), told.say("all_texts"), *labels]
    return [*told.picture(TREND), told.say("trend"), "", *table(titles, rows), *told.partial()]


def _changes(told: Told) -> list[str]:
    """Return the changes of topics that are clear of chance."""
    found = [
        (topic, name, change)
        for topic in told.report["topics"]
        for name, change in topic["change"].items()
        if change["is_clear"] is not None
    ]
    clear = [
        told.say(
            f"change.{name}",
            topic=aspect_label(told.locale, topic["topic"]),
            now=share_with_count(change["now"]),
            before=share_with_count(change["before"]),
            ends=change_ends(change),
        )
        for topic, name, change in found
        if change["is_clear"]
    ]
    if not found:
        return [told.say("not_compared"), ""]
    if not clear:
        return [told.say("no_changes", count=len(found)), ""]
    return [told.say("changes", count=len(found)), "", *(f"* {line}" for line in clear), ""]


def _reading(told: Told) -> list[str]:
    """Return how the report is to be read, and what it cannot tell."""
    lines = [*(_about_reader(told, told.report["reader"]) if told.report["reader"] else ()), told.say("who")]
    return [*told.head("read"), *(f"* {line}" for line in [*lines, told.say("season")]), ""]


def _about_reader(told: Told, reader: _Part) -> Iterator[str]:
    """Yield what is known of the model that read the texts."""
    is_base = reader["source"] == "release" and not reader["learned_texts"]
    yield told.say(
        f"reader.{reader['source']}{'_base' if is_base else ''}",
        version=f"`{reader['version']}`",
        tier=reader["tier"],
        grade=reader["grade"],
        learned=count(reader["learned_texts"]),
    )
    if reader["why"]:
        yield told.say("why", why=reader["why"])
    rule = reader["baseline"]
    if rule is None or not reader["tested_texts"]:
        yield told.say("no_grade")
    else:
        yield told.say(
            "grade",
            metric=rule["metric"],
            model=number(rule["model_value"], 3),
            rule=number(rule["value"], 3),
            baseline=rule["name"],
            tested=count(reader["tested_texts"]),
        )
    if reader["negative"]:
        hits = reader["negative"]
        numbers = {name: count(hits[name]) for name in ("told", "right", "labelled")}
        shares = {name: percent(hits[name]) for name in ("precision", "recall")}
        yield told.say("hits", **numbers, **shares)
    yield told.say("precision")
    yield _about_topics(told, reader["topics"])
    if reader["learned_texts"]:
        yield told.say("in_sample")


def _about_topics(told: Told, topics: _Part) -> str:
    """Return who told what is said of topics, and how well that went with the scores."""
    model, base = topics["model"], topics["base"]
    if model is None or base is None:
        return told.say("topics_unchecked")
    shares = {side: percent(model[side]) for side in ("negative", "positive")}
    shares |= {f"base_{side}": percent(base[side]) for side in ("negative", "positive")}
    chosen = topics[topics["read_by"]]
    how = told.say("topics_by_labels")
    if chosen["blame_until"] is not None:
        ends = {name: number(chosen[name]) for name in ("blame_until", "praise_from")}
        how = told.say("topics_by_cut", **ends)
    who = told.say(f"topics_by_{topics['read_by']}", **shares)
    return f"{who}{how}"


def _short(iso: str) -> str:
    """Return a time without its seconds."""
    return datetime.fromisoformat(iso).isoformat(sep=" ", timespec="minutes")
