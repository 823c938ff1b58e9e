from __future__ import annotations

# ruff: noqa: S608 - the tables of these tests are written out in SQL
import argparse
import json
from pathlib import Path

import pytest

from app.domain.errors import BusinessFileError, TableError
from training.tables.check import add_arguments, run_check

HEAD = """\
name: shop
currency: GBP
timezone: Europe/London
sources: {raw: {file: orders.csv}}
tables:
  orders: """
GOOD = "SELECT * FROM raw"
CSV = "order_id,customer_id,ordered_at,revenue\n" + "".join(
    f"o{i},c{i % 50},2024-{1 + i % 12:02}-01T00:00:00Z,{5 + i % 7}.5\n"
    for i in range(300)
    if i % 50 >= 10 or i % 12 < 7  # ten customers are silent from August on
)


def arguments(folder: Path, sql: str, *more: str, csv: str = CSV) -> argparse.Namespace:
    (folder / "business.yaml").write_text(HEAD + sql, encoding="utf-8")
    (folder / "orders.csv").write_text(csv, encoding="utf-8")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(["--business", str(folder / "business.yaml"), *more])


def test_usable_tables_answer_zero_with_both_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_check(arguments(tmp_path, GOOD)) == 0
    text = capsys.readouterr().out
    assert "shop: 50 customers, GBP, Europe/London" in text
    assert "USABILITY  0 errors, 0 warnings, 0 recommendations" in text
    assert "churn             unlocked, expect rules" in text


def test_errors_answer_two_and_name_place_rows_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without = "CASE WHEN order_id <> 'o10' THEN revenue END"
    sql = "SELECT * REPLACE (" + without + " AS revenue), 1 AS discout FROM raw"
    assert run_check(arguments(tmp_path, sql)) == 2
    text = capsys.readouterr().out
    assert "USABILITY  2 errors" in text
    assert "error           orders.revenue  [missing_required]\n    1 row (8): nothing stands" in text
    assert "did you mean 'discount'?" in text


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(arguments(tmp_path, f"{GOOD} WHERE revenue > 6 OR order_id = 'o0'", "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["business"], document["usable"], document["simulated"]) == ("shop", True, False)
    assert document["latest"] == "2024-12-01T00:00:00+00:00"
    assert len(document["fingerprint"]) == 64
    assert document["readiness"][0]["capability"] == "churn"
    assert document["tables"]["customers"] == 50


def test_findings_in_json_name_rows_by_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(arguments(tmp_path, "SELECT * REPLACE (-revenue AS revenue) FROM raw", "--json")) == 0
    [finding] = json.loads(capsys.readouterr().out)["findings"]
    assert finding["code"] == "negative_revenue"
    assert (finding["rows"], finding["examples"]) == (CSV.count("\n") - 1, [1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("sql", "error"), [("SELEC 1", TableError), ("SELECT 1\nunknown: 1", BusinessFileError)]
)
def test_what_cannot_be_read_is_raised_for_the_command_line(
    tmp_path: Path, sql: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        run_check(arguments(tmp_path, sql))


def test_what_cannot_be_read_is_a_document_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_check(arguments(tmp_path, "SELEC 1", "--json")) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["usable"] is False
    assert (document["error"]["table"], bool(document["error"]["remedy"])) == ("orders", True)


def test_progress_leaves_the_report_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_check(arguments(tmp_path, GOOD, "--json"))
    captured = capsys.readouterr()
    json.loads(captured.out)
    assert "checking orders" in captured.err


def test_simulated_data_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = arguments(tmp_path, GOOD)
    path = tmp_path / "business.yaml"
    path.write_text("simulated: true\n" + path.read_text("utf-8"), encoding="utf-8")
    assert run_check(asked) == 0
    assert "shop  (SIMULATED data): 50 customers" in capsys.readouterr().out
