"""The words beside the data: business.yaml, actions.yaml and README.md of a sample."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from training.sample.season import CURRENCY, FIRST_DAY, LAST_DAY, TIMEZONE

TABLES: Final = (
    "customers",
    "orders",
    "order_lines",
    "products",
    "events",
    "support_cases",
    "feedback",
    "subscriptions",
    "contacts",
    "consents",
)
TRUTH: Final = ("customers", "months", "contacts", "surveys", "reviews", "products")

_BUSINESS: Final = """\
# SIMULATED. A bilingual retailer with a membership, made by `python -m training sample`; nobody in it exists.
# What is really true of it stands in truth/, which no training reads.
name: sample-retailer
simulated: true
currency: {currency}
timezone: {timezone}

sources:
{sources}

tables:
{tables}

attributes:      # what only this business knows; each was said at registration and never changes
  plan:
    kind: categorical
    static: true
    label: {{en: "plan chosen at registration", zh-CN: "注册时选择的方案"}}
  newsletter:
    kind: boolean
    static: true
    label: {{en: "newsletter ordered at registration", zh-CN: "注册时订阅资讯邮件"}}
  household_size:
    kind: numeric
    static: true
    label: {{en: "household size", zh-CN: "家庭人数"}}

consent_defaults:
  profiling: granted
  personalisation: granted
  behavioural_tracking: granted
  marketing: denied

objectives:
  churn:
    definition: inactivity
    horizon_days: 90
    cost_missed: 60          # CNY, if nobody does anything about somebody who leaves
    cost_false_alarm: 5      # CNY, if somebody who stays is treated as if leaving
    red: 0.10
    yellow: 0.30
  clv: {{horizon_days: 365, margin: 0.4, discount_rate: 0.1}}
  purchase:
  satisfaction:
  segment:
  sentiment:
  recommendations:
  next_best_action: {{file: actions.yaml}}
  triggers:
"""

_README: Final = """\
# Sample retailer: SIMULATED data with known truth

Nothing here is about a real person, company or product. {customers:,} simulated customers, seed {seed}, from
{first} to {last} ({timezone}, {currency}), in English and Chinese. Made by

    python -m training sample --out DIR --customers {customers} --seed {seed}

The same call makes the same files. Every Parquet file carries `simulated: true` in its metadata, every id
begins with `sim-`, and `business.yaml` says `simulated: true`.

这是**模拟数据**：不涉及任何真实的人、公司或商品。
`truth/` 里是生成数据时的真实参数，仅用于检验模型，训练不读取。

| file | rows | |
| --- | ---: | --- |
{rows}

`business.yaml` describes the tables and what is wanted of them. It names `actions.yaml`: the three actions
that the campaigns tried, with what they cost, beside the default playbook.

## How it comes about

Each day of each life: a customer may leave for good, parcels arrive (some late or broken), memories fade,
engagement drifts, complaints are opened and answered, memberships begin and end, campaigns contact people at
random, people visit, and people buy. Every hazard reads what happened up to then, never what comes later.

* **Purchases**: a personal rate (gamma), exponential or regular gaps, seasons (a peak in November and
  December, a dip at Chinese New Year), sales weeks, and recent visits. What was viewed is bought more often.
* **Leaving**: raised by late deliveries, complaints (open ones above all), acquisition by a discount, a
  single order and low engagement; lowered by a membership. Engagement falls before most customers leave: bad
  experiences lower it, and low engagement raises the hazard.
* **Campaigns** are randomised with the propensity that `contacts` states. Coupons help lapsing lovers of
  discounts and harm lapsing members who do not care for them.
* **Surveys**: the satisfied answer more often.

## How to read some columns

* A **recurring membership** has no `ends_at`; a yearly one ends on a day known at its start, and a renewal is
  a new row. A recurring membership of somebody who left is cancelled some weeks later. Fees are not in
  `orders`.
* `closed_at` is the last closing of a case; a reopened one has opened_at < reopened_at < closed_at.
* `outcome` of a contact is an order placed within 28 days (`purchased` or `none`), in both arms; it is
  missing while the 28 days run. Newsletters are no contacts; their openings stand in `events`.
* A return without its order is an order row with negative revenue and status `refunded`, without lines.
* Customers who denied tracking have no events other than e-mail; after a revocation there are no new ones.
* There is no `loyalty_tier`: a tier of today would tell a backtest of the past what came later.

## truth/

* `customers`: until when alive, purchase rate, neutral hazard of leaving, tastes; and at the end of the data
  satisfaction, engagement, and each action's true effect on the chance of an order in 28 days.
* `months`: engagement, dissatisfaction, satisfaction, hazard of leaving and purchase rate of everybody alive
  on the first of each month.
* `contacts`: the true chance of an order in each contact's window without and with treatment.
* `surveys`: everybody who was asked, the latent satisfaction, and the answer also of those who gave none.
* `reviews`: which aspects each review praises (1) or blames (-1).
* `products`: names in both languages, companion, last day of sale, taste of each cluster.
* `truth.json`: every parameter, the churn drivers with their signs, seasons, campaigns.
"""

_ACTIONS: Final = Path(__file__).with_name("actions.yaml")

_ABOUT: Final = {
    "customers": "who registered, and what was known then",
    "orders": "with refunds, cancellations, deliveries; some returns without their order",
    "order_lines": "what was bought; quantity × price − discount adds up to the order's revenue",
    "products": "200 products in 10 categories",
    "events": "visits, views, carts, e-mails",
    "support_cases": "complaints, questions, returns, technical trouble",
    "feedback": "CSAT, NPS, CES, and reviews with texts",
    "subscriptions": "the membership",
    "contacts": "randomised campaigns, both arms",
    "consents": "said at registration, and revoked",
}


def business_file() -> str:
    """Return the text of business.yaml; its paths are relative to itself."""
    sources = "\n".join(f"  {name}_file: {{file: {name}.parquet}}" for name in TABLES)
    tables = "\n".join(f"  {name}: SELECT * FROM {name}_file" for name in TABLES)  # noqa: S608 - text of a file
    return _BUSINESS.format(currency=CURRENCY, timezone=TIMEZONE, sources=sources, tables=tables)


def actions_file() -> str:
    """Return the text of actions.yaml, which business.yaml names."""
    return _ACTIONS.read_text("utf-8")


def readme(customers: int, seed: int, rows: dict[str, int]) -> str:
    """Return the text of README.md.

    Parameters
    ----------
    customers, seed : int
        What the sample was made from.
    rows : dict
        Rows of each canonical table.
    """
    lines = "\n".join(f"| `{name}.parquet` | {rows[name]:,} | {_ABOUT[name]} |" for name in TABLES)
    return _README.format(
        customers=customers,
        seed=seed,
        first=FIRST_DAY,
        last=LAST_DAY,
        timezone=TIMEZONE,
        currency=CURRENCY,
        rows=lines,
    )
