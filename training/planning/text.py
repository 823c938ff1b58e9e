"""The planning report in words: Markdown in either language from the document of ``planning.report``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.texts.catalogue import Locale
from training.planning.plots import CATEGORIES, LIFT, MIGRATION, REVENUE, sides
from training.planning.totals import LOST
from training.planning.words import amount, ends, percent, say, segment_label, table, with_ends

LANGUAGES: Final[Mapping[str, Locale]] = {"report.md": "en", "report.zh-CN.md": "zh-CN"}
"""The language of each file."""
APART: Final = 1.2
"""From this ratio on, scores and forecast are said to disagree."""
STRONGEST: Final = 15
"""How many lifts are listed by name."""

_Part = Mapping[str, Any]


def markdown(report: _Part, locale: Locale, pictures: Sequence[str]) -> str:
    """Return the report as Markdown.

    Parameters
    ----------
    report : mapping
        The document of :func:`training.planning.report_of`.
    pictures : sequence of str
        File names of the pictures, which stand beside the report.
    """
    return _Words(report, locale, tuple(pictures)).text()


class _Words:
    """One report in one language."""

    def __init__(self, report: _Part, locale: Locale, pictures: tuple[str, ...]) -> None:
        self.report, self.locale, self.pictures = report, locale, pictures

    def say(self, name: str, **values: object) -> str:
        """Return a sentence; the currency is always known to it."""
        return say(self.locale, name, currency=self.report["currency"], **values)

    def label(self, segment: str | None) -> str:
        """Return what a segment is called."""
        return segment_label(self.locale, segment)

    def text(self) -> str:
        """Return the whole report."""
        report, people = self.report, self.report["customers"]
        counts = {
            "planned": people["planned"],
            "without": people["without_purchase"],
            "denied": people["not_profiled"],
        }
        lines = [
            f"# {self.say('title', business=report['business'])}",
            "",
            *([self.say("simulated"), ""] if report["simulated"] else []),
            *([self.say("later"), ""] if report["is_trained_later"] else []),
            self.say(
                "known", as_of=_short(report["as_of"]), release=report["release"], timezone=report["timezone"]
            ),
            self.say("people", **{name: f"{count:,}" for name, count in counts.items()}),
            *([self.say("pictures")] if self.pictures else []),
            "",
            *self.forecast(),
            *self.totals(),
            *self.migration(),
            *self.lift(),
        ]
        return "\n".join(lines).rstrip() + "\n"

    def picture(self, name: str) -> list[str]:
        """Return the line that shows a picture, where it was drawn."""
        return [f"![{name}]({name})", ""] if name in self.pictures else []

    def forecast(self) -> list[str]:
        """Return expected orders and revenue."""
        forecast = self.report["forecast"]
        head = [f"## {self.say('forecast')}", ""]
        if forecast is None:
            return [*head, self.say(self.report["why_no_forecast"]), ""]
        past = self.report["past"]
        return [
            *head,
            self.say(
                "existing",
                customers=f"{forecast['customers']:,}",
                days=past["days"],
                orders=f"{past['orders']:,.0f}",
                order_share=percent(past["share_of_orders_from_existing"]),
                revenue=f"{past['revenue']:,.0f}",
                revenue_share=percent(past["share_of_revenue_from_existing"]),
            ),
            "",
            self.say("order"),
            "",
            *self.picture(REVENUE),
            self.say("by_month"),
            "",
            *self.rows(forecast, "by_month", "month"),
            self.say("by_segment"),
            "",
            *self.rows(forecast, "by_segment", "segment"),
            *self.cells(forecast, "revenue"),
            *(self.cells(forecast, "orders") if forecast["uncertainty"] else []),
            *self.doubts(forecast),
        ]

    def rows(self, forecast: _Part, part: str, key: str) -> list[str]:
        """Return totals by month or by segment, and of all, as a table."""
        has_ranges = forecast["uncertainty"] is not None
        names = self.month_names(forecast)
        rows = [(names[one[key]] if key == "month" else self.label(one[key]), one) for one in forecast[part]]
        rows.append((self.say("all_months" if key == "month" else "all_segments"), forecast["total"]))
        spread = self.say("range", level=percent(forecast["level"]))
        titles = [self.say(key), self.say("revenue")]
        if has_ranges:
            titles = [self.say(key), self.say("orders"), spread, self.say("revenue"), spread]
        lines = []
        for name, one in rows:
            cells = [name]
            for quantity in ("orders", "revenue") if has_ranges else ("revenue",):
                cells.append(amount(one[quantity]["expected"]))
                cells += [ends(one[quantity])] if has_ranges else []
            lines.append(cells)
        return [*table(titles, lines), *self.partial(forecast)]

    def month_names(self, forecast: _Part) -> dict[str, str]:
        """Return what each month is called; a star marks the rest of the running one."""
        return {
            one["month"]: one["month"] + (" \\*" if one["is_partial"] else "") for one in forecast["months"]
        }

    def partial(self, forecast: _Part) -> list[str]:
        """Return the line that explains the star, where there is one."""
        is_starred = any(one["is_partial"] for one in forecast["months"])
        return [self.say("partial").replace("*", "\\*", 1), ""] if is_starred else []

    def cells(self, forecast: _Part, quantity: str) -> list[str]:
        """Return one quantity by month and segment, as a table."""
        segments = self.report["segments"]
        known = {(one["month"], one["segment"]): one[quantity] for one in forecast["cells"]}
        names = self.month_names(forecast)
        rows = [
            [told, *(with_ends(known[month, segment]) for segment in segments)]
            for month, told in names.items()
        ]
        return [
            self.say(f"cells_{quantity}"),
            "",
            *table([self.say("month"), *map(self.label, segments)], rows),
        ]

    def doubts(self, forecast: _Part) -> list[str]:
        """Return what the ranges are made of, and that plan and scores agree."""
        lines = []
        if forecast["uncertainty"] is None:
            lines.append(self.say("no_ranges"))
        else:
            made = forecast["uncertainty"]
            doubt = made["doubt"]
            lines.append(
                self.say(
                    "ranges",
                    level=percent(forecast["level"]),
                    draws=made["draws"],
                    sampled=f"{made['sampled_customers']:,}",
                    customers=f"{forecast['customers']:,}",
                    error=percent(made["width_error"]),
                    level_sd=f"{doubt['level']:.2f}",
                    month_sd=f"{doubt['month']:.2f}",
                    value_sd=f"{doubt['value']:.2f}",
                    scores_sd=f"{doubt['scores']:.2f}",
                    season=self.say(f"season.{doubt['basis']}"),
                )
            )
        factor = forecast.get("scaled_by")
        if factor is not None and not 1 / APART < factor < APART:
            lines.append(self.say("apart", factor=f"{factor:.2f}"))
        scaled = "" if factor is None else self.say("scaled", factor=f"{factor:.2f}")
        lines.append(
            self.say(
                "agrees",
                days=forecast["trained_horizon_days"],
                revenue=amount(forecast["revenue_within_trained_horizon"]),
                scaled=scaled,
            )
        )
        return [line for text in lines for line in (text, "")]

    def totals(self) -> list[str]:
        """Return customers and value by segment."""
        totals, forecast = self.report["totals"], self.report["forecast"]
        total = totals["total"]
        has_value, has_risk = total["predicted_value"] is not None, total["at_risk"] is not None
        titles = [self.say("segment"), self.say("customers"), self.say("share")]
        if has_value:
            titles += [self.say("historic"), self.say("predicted")]
        if has_value and has_risk:
            titles += [self.say("yellow"), self.say("red"), self.say("at_risk_share")]
        rows = []
        named = [(self.label(one["segment"]), one) for one in totals["rows"]]
        for name, one in [*named, (self.say("all_segments"), total)]:
            cells = [name, f"{one['customers']:,}", percent(one["share"])]
            if has_value:
                cells += [amount(one["historic_value"]), amount(one["predicted_value"])]
            if has_value and has_risk:
                cells += [amount(one["at_risk"][level]["predicted_value"]) for level in ("yellow", "red")]
                cells.append(percent(one["at_risk"]["share"]))
            rows.append(cells)
        days = "" if forecast is None else forecast["trained_horizon_days"]
        kinds = self.say("totals_kinds", days=days) if forecast else self.say("totals_seen")
        risk = [self.say("at_risk"), ""] if has_value and has_risk else []
        return [f"## {self.say('totals')}", "", kinds, "", *table(titles, rows), *risk]

    def migration(self) -> list[str]:
        """Return who moved between segments."""
        found, head = self.report["migration"], [f"## {self.say('migration')}", ""]
        if found is None:
            return [*head, self.say("no_segment_artifact"), ""]
        words = {"then": "customers_then", "lost": "became_lost"}
        counts = {name: f"{found[words.get(name, name)]:,}" for name in ("stayed", "moved", "new", "left")}
        counts |= {name: f"{found[field]:,}" for name, field in words.items()}
        since, as_of = _short(self.report["since"]), _short(self.report["as_of"])
        told = self.say("migration_since", since=since, as_of=as_of, lost_name=self.label(LOST), **counts)
        cells = {(row["earlier"], row["now"]): row for row in found["rows"]}
        earlier, now = (sides(found["rows"], side) for side in ("earlier", "now"))
        rows = [
            [
                self.label(before),
                *(
                    f"{cells[before, after]['customers']:,} ({percent(cells[before, after]['share'])})"
                    if (before, after) in cells
                    else ""
                    for after in now
                ),
            ]
            for before in earlier
        ]
        matrix = table([self.say("earlier"), *map(self.label, now)], rows) if rows else []
        return [*head, told, "", *self.picture(MIGRATION), *matrix]

    def lift(self) -> list[str]:
        """Return what segments buy."""
        lift, head = self.report["lift"], [f"## {self.say('lift')}", ""]
        if lift is None:
            return [*head, self.say(self.report["why_no_lift"]), ""]
        level = percent(lift["interval_level"])
        what = self.say(
            "lift_what",
            days=lift["days"],
            customers=f"{lift['customers']:,}",
            level=level,
            fewest=lift["fewest_customers"],
            hidden=f"{lift['hidden_cells']:,}",
        )
        shown = [one["category"] for one in lift["categories"]][: CATEGORIES + 1]
        names = {name: self.category(name, k) for k, name in enumerate(shown)}
        cells = {(one["segment"], one["category"]): one for one in lift["cells"]}
        rows = [
            [self.label(segment), *(_lift(cells[segment, name]) for name in shown)]
            for segment in self.report["segments"]
        ]
        left = lift["categories_left_out"]
        return [
            *head,
            what,
            self.say("lift_read"),
            "",
            *self.picture(LIFT),
            self.say("lift_matrix", count=len(shown) - 1),
            "",
            *table([self.say("segment"), *names.values()], rows),
            *([self.say("lift_left", count=left), ""] if left else []),
            *self.strongest(lift, level),
        ]

    def category(self, name: str | None, number: int) -> str:
        """Return what a category is called; its number stands in a picture that cannot write its name."""
        return self.say("anything") if name is None else f"#{number} {name}"

    def strongest(self, lift: _Part, level: str) -> list[str]:
        """Return the cells that stand out most, farthest from 1 first."""
        found = [one for one in lift["cells"] if one.get("stands_out") and one["category"] is not None]
        if not found:
            return [self.say("lift_none"), ""]
        found.sort(key=lambda one: -_distance(one))
        names = ("segment", "category", "bought", "share", "over_anything", "lift_word")
        titles = [self.say(name) for name in names]
        rows = [
            [
                self.label(one["segment"]),
                one["category"],
                f"{one['customers']:,}",
                percent(one["share"]),
                "–" if one["over_anything"] is None else f"{one['over_anything']:.2f}",
                f"{one['lift']:.2f}",
                f"{one['low']:.2f}–{one['high']:.2f}",
            ]
            for one in found[:STRONGEST]
        ]
        return [
            self.say("lift_top"),
            "",
            *table([*titles, self.say("interval", level=level)], rows),
        ]


def _distance(cell: _Part) -> float:
    """Return how far a lift is from that of buying anything; where that is not told, from 1."""
    lift = max(cell["lift"] if cell["over_anything"] is None else cell["over_anything"], 1e-9)
    return float(max(lift, 1.0 / lift))


def _short(iso: str) -> str:
    """Return a time without its seconds."""
    return datetime.fromisoformat(iso).isoformat(sep=" ", timespec="minutes")


def _lift(cell: _Part) -> str:
    if cell["is_hidden"]:
        return "–"
    return f"{cell['lift']:.2f}" + ("\\*" if cell["stands_out"] else "")
