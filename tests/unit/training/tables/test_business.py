from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.errors import BusinessFileError
from training.tables import Business, load_business

WHOLE = """\
name: shop
currency: GBP
timezone: Europe/London
sources:
  lines: {file: data/lines.csv}
  crm: {database: CRM_URL, query: "select 1"}
tables:
  customers: SELECT 1
  orders: SELECT 1
attributes:
  contract: {kind: categorical, static: true, label: {en: contract type, zh-CN: 合约类型}}
  tenure_months: {kind: numeric}
consent_defaults: {marketing: granted}
objectives:
  churn: {horizon_days: 60}
  clv:
"""


def load(tmp_path: Path, text: str) -> Business:
    path = tmp_path / "business.yaml"
    path.write_text(text, encoding="utf-8")
    return load_business(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(BusinessFileError) as refused:
        load(tmp_path, text)
    assert refused.value.remedy
    return str(refused.value)


def test_whole_file_is_read(tmp_path: Path) -> None:
    business = load(tmp_path, WHOLE)
    assert business.path == tmp_path / "business.yaml"
    assert business.sources["crm"].database == "CRM_URL"
    assert business.attribute_kinds == {"contract": "categorical", "tenure_months": "numeric"}
    assert business.attributes["contract"].label.zh_cn == "合约类型"
    assert business.attributes["contract"].static
    assert business.objectives.wanted == ("churn", "clv")


def test_everything_but_name_currency_and_tables_has_a_default(tmp_path: Path) -> None:
    business = load(tmp_path, "name: shop\ncurrency: CNY\ntables: {orders: SELECT 1}\n")
    churn = business.objectives.churn
    assert churn is not None
    assert (business.timezone, business.simulated) == ("UTC", False)
    assert (churn.definition, churn.horizon_days, churn.gone_after_days) == ("inactivity", 90, 180)
    assert (churn.cost_missed, churn.cost_false_alarm, churn.red, churn.yellow) == (60, 5, 0.1, 0.3)
    assert churn.allow_near_label == ()
    assert business.consent_defaults["profiling"] == "granted"
    assert business.consent_defaults["marketing"] == "denied"


@pytest.mark.parametrize("missing", ["name", "currency", "tables"])
def test_each_required_key_is_asked_for(tmp_path: Path, missing: str) -> None:
    lines = ["name: shop", "currency: CNY", "tables: {orders: SELECT 1}"]
    text = "\n".join(line for line in lines if not line.startswith(missing))
    assert f"{missing}: this key is required" in refusal(tmp_path, text)


def test_silence_twice_the_horizon_is_gone(tmp_path: Path) -> None:
    churn = load(tmp_path, WHOLE).objectives.churn
    assert churn is not None
    assert churn.gone_after_days == 120


def test_attribute_without_label_is_called_by_its_name(tmp_path: Path) -> None:
    label = load(tmp_path, WHOLE).attributes["tenure_months"].label
    assert (label.en, label.zh_cn) == ("tenure months", "tenure_months")


def test_what_a_business_says_of_consents_overrules_the_defaults(tmp_path: Path) -> None:
    defaults = load(tmp_path, WHOLE).consent_defaults
    assert (defaults["marketing"], defaults["profiling"]) == ("granted", "granted")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("timezone:", "timezon:", "line 3, timezon: unknown key; did you mean 'timezone'?"),
        ("file:", "fil:", "line 5, sources.lines.fil: unknown key; did you mean 'file'?"),
        (
            "horizon_days",
            "horizn_days",
            "objectives.churn.horizn_days: unknown key; did you mean 'horizon_days'",
        ),
        ("static: true", "statik: true", "attributes.contract.statik: unknown key; did you mean 'static'?"),
        ("zh-CN:", "zh:", "attributes.contract.label.zh: unknown key; did you mean 'zh-CN'?"),
        ("  clv:", "  cvl:", "line 16, objectives.cvl: unknown key; did you mean 'clv'?"),
        ("  orders:", "  order:", "line 9, tables.order: unknown name; did you mean 'orders'?"),
        (
            "{marketing:",
            "{marketting:",
            "consent_defaults.marketting: unknown name; did you mean 'marketing'?",
        ),
        ("Europe/London", "Europe/Londn", "line 3, timezone: expected an IANA time zone"),
        ("currency: GBP", "currency: gbp", "line 2, currency: expected a currency code of ISO 4217"),
        ("currency: GBP", "currency: GBQ", "line 2, currency: expected a currency code of ISO 4217"),
        ("kind: numeric", "kind: number", "attributes.tenure_months.kind"),
        ("horizon_days: 60", "horizon_days: '60'", "objectives.churn.horizon_days"),
        ("horizon_days: 60", "horizon_days: 0", "objectives.churn.horizon_days"),
        ("horizon_days: 60", "horizon_days: 60, cost_missed: .nan", "objectives.churn.cost_missed"),
        ("horizon_days: 60", "red: 0.5, yellow: 0.5", "must leave a share for green"),
        ("horizon_days: 60", "red_probability: 0.5", "belong together"),
        ("horizon_days: 60", "red: 0.1, red_probability: 0.5, yellow_probability: 0.3", "either shares"),
        ("horizon_days: 60", "red_probability: 0.3, yellow_probability: 0.5", "must be above"),
        ("horizon_days: 60", "gone_after_days: 30", "must not be shorter"),
        ("horizon_days: 60", "definition: subscription_end", "reads the table subscriptions"),
        (
            '{database: CRM_URL, query: "select 1"}',
            "{database: CRM_URL}",
            "database and query belong together",
        ),
        ("{file: data/lines.csv}", "{}", "either a file or a database"),
        ("  lines:", "  Lines-2:", "sources.Lines-2: expected lower-case letters"),
        ("  tenure_months:", "  gender:", "attributes.gender: this is a named column"),
        (
            "  tenure_months:",
            "  email:",
            "attributes.email: names, phones, e-mails and streets are never read",
        ),
        ("  customers: SELECT 1\n", "", "attributes: they are columns of the table customers"),
        ("name: shop", "name: 2011-01-01", "line 1, name"),
    ],
)
def test_each_fault_is_named_with_line_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in WHOLE
    assert said in refusal(tmp_path, WHOLE.replace(old, new, 1))


def test_faults_are_named_together(tmp_path: Path) -> None:
    message = refusal(tmp_path, WHOLE.replace("GBP", "pounds").replace("kind: numeric", "kind: text"))
    assert len(message.splitlines()) == 2


def test_url_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    message = refusal(tmp_path, WHOLE.replace("CRM_URL", "postgresql://crm:hunter2@db/crm"))
    assert "NAME of an environment variable" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "just words"])
def test_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    assert "expected keys and values" in refusal(tmp_path, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BusinessFileError, match=r"absent\.yaml cannot be read: No such file"):
        load_business(tmp_path / "absent.yaml")


def test_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "business.yaml"
    path.write_bytes("name: 商店".encode("gb18030"))
    with pytest.raises(BusinessFileError, match="it is not UTF-8 text"):
        load_business(path)


def test_colours_by_probability_stand_alone(tmp_path: Path) -> None:
    text = WHOLE.replace("horizon_days: 60", "red_probability: 0.5, yellow_probability: 0.2")
    churn = load(tmp_path, text).objectives.churn
    assert churn is not None
    assert (churn.red_probability, churn.yellow_probability) == (0.5, 0.2)
