"""The questions, and what must be reached at each. Nothing was tuned on what is judged here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from app.estimators.blend import ALL_ITEMS, NEW_ITEMS
from benchmarks.pages import Answered
from benchmarks.recommendations.left_out import LeftOutQuestion
from benchmarks.recommendations.retail import RetailQuestion
from benchmarks.recommendations.rules import RulesQuestion
from benchmarks.recommendations.sets import GROCERIES, MSWEB, RETAIL, RETAIL_BOTH, groceries, msweb
from benchmarks.recommendations.simulated import SampleQuestion


class Question(Protocol):
    """One page."""

    def missing(self) -> list[str]:
        """Return the files that are not there."""
        ...

    def answered(self) -> Answered:
        """Return the page, the document and the missed bounds."""
        ...


QUESTIONS: Final[Mapping[str, Question]] = {
    "online-retail": RetailQuestion(
        "Online Retail",
        "A British wholesaler of gifts, cancellations and what is no product removed.",
        RETAIL,
        "2011-10-01",
        "2011-12-10",
        {ALL_ITEMS: {"ndcg_at_10": 0.361, "recall_at_10": 0.153}, NEW_ITEMS: {"ndcg_at_10": 0.109}},
    ),
    "online-retail-2010": RetailQuestion(
        "Online Retail II, a year earlier",
        "The same wholesaler, a window that nothing was tuned on.",
        RETAIL_BOTH,
        "2010-10-01",
        "2010-12-10",
        {},
    ),
    "groceries": LeftOutQuestion("Groceries", "A month of receipts of a grocery.", GROCERIES, groceries),
    "msweb": LeftOutQuestion("Microsoft Web", "The areas that visitors of a site looked at.", MSWEB, msweb),
    "rules": RulesQuestion("Pair rules beside mlxtend"),
    "sample": SampleQuestion("The sample business (simulated): is a taste recovered?"),
}
