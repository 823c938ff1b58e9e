"""The example files are read as they stand; the data are public and not part of the project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.domain.clock import from_microseconds
from training.tables import Business, Tables, load_business, read_tables

pytestmark = pytest.mark.xdist_group("examples")  # one worker reads each example once

EXAMPLES = Path(__file__).parents[4] / "examples"
COUNTS = {
    "airline": {"customers": 103_904, "labels": 103_904},
    "cdnow": {"orders": 67_591, "customers": 23_570},
    "online-retail": {"orders": 43_880, "order_lines": 783_806, "products": 4_635, "customers": 5_876},
    "telecom": {"customers": 7_043, "labels": 7_043},
    "bank": {"customers": 10_000, "labels": 10_000},
    "ecommerce": {"customers": 5_074, "labels": 5_074},
    "life-insurance": {"customers": 29_317, "labels": 29_158},
}


def load(name: str) -> Business:
    business = load_business(EXAMPLES / name / "business.yaml")
    for source in business.sources.values():
        if source.file and not (business.path.parent / source.file).exists():
            pytest.skip(f"the public data set {Path(source.file).name} is not beside the project")
    return business


def test_every_example_is_known_here() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/business.yaml")} == set(COUNTS)


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[[str], Tables]]:
    """Read each example once."""
    known: dict[str, Tables] = {}

    def read(name: str) -> Tables:
        if name not in known:
            known[name] = read_tables(load(name))
        return known[name]

    yield read
    for tables in known.values():
        tables.close()


@pytest.mark.parametrize("name", COUNTS)
def test_example_gives_usable_tables_with_the_published_counts(
    opened: Callable[[str], Tables], name: str
) -> None:
    assert not opened(name).errors
    assert opened(name).counts == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_every_attribute_of_an_example_has_both_names(name: str) -> None:
    business = load_business(EXAMPLES / name / "business.yaml")
    for attribute, declared in business.attributes.items():
        assert declared.label.zh_cn not in {attribute, declared.label.en}


@pytest.mark.parametrize(
    ("name", "positives"),
    [("telecom", 1_869), ("bank", 2_037), ("ecommerce", 841), ("life-insurance", 3_858)],
)
def test_churn_labels_have_the_published_counts(
    opened: Callable[[str], Tables], name: str, positives: int
) -> None:
    assert int(opened(name).labels.of("churn").label.sum()) == positives


def test_satisfaction_labels_have_the_published_count(opened: Callable[[str], Tables]) -> None:
    assert int(opened("airline").labels.of("satisfaction").label.sum()) == 45_025


def test_invoices_are_netted_and_dated_in_the_shops_zone(opened: Callable[[str], Tables]) -> None:
    tables = opened("online-retail")
    assert from_microseconds(tables.latest, "Europe/London").isoformat() == "2011-12-09T12:50:00+00:00"
    [[revenue, is_netted]] = tables.query(
        "SELECT sum(revenue), bool_and((status = 'refunded') = (revenue < 0)) FROM canonical.orders"
    ).fetchall()
    [[lines, others]] = tables.query(
        "SELECT sum(quantity * price), count(*) FILTER (product_id IN ('POST', 'D', 'M', 'DOT')) "
        "FROM canonical.order_lines"
    ).fetchall()
    assert is_netted
    assert revenue == pytest.approx(lines, rel=1e-9)
    assert others == 0


def test_each_policy_keeps_its_own_label(opened: Callable[[str], Tables]) -> None:
    """The position in the file stands for the policy's number, in both tables alike."""
    tables = opened("life-insurance")
    [[label, premium]] = tables.query(
        "SELECT label, annual_premium FROM canonical.labels JOIN canonical.customers USING (customer_id) "
        "WHERE customer_id = 'policy-29317'"
    ).fetchall()
    source = tables.business.sources["raw"].file
    assert source is not None
    last = pq.read_table(tables.business.path.parent / source).slice(29_316).to_pylist()[0]
    assert premium == last["annual.premium"]
    assert label == float(last["surrender"] == 1 and last["duration"] <= 8)
