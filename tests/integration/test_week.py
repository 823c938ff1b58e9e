"""A week against the simulated business: the example's platform, a service that is killed, and the books."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.integration.running import ROOT, Server, environment, start
from tools.customers import main as write_customers
from training.__main__ import main
from training.actions.reading import default_playbook
from training.sample import write_sample

pytestmark = pytest.mark.xdist_group("simulated-week")

WEEK: Final = ROOT / "examples/marketing-platform/week.py"
CUSTOMERS: Final = 40
BUDGET: Final = 40.0
CALL_COST: Final = 12.0
PATIENCE_SECONDS: Final = 120.0
POLICY: Final = default_playbook().policy
OWED: Final = {action.id for action in default_playbook().actions if action.is_transactional}


@pytest.fixture(scope="session")
def business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of a simulated retailer whose calls have a budget, and its customers."""
    folder = tmp_path_factory.mktemp("week")
    write_sample(folder, 120, 11)
    playbook = yaml.safe_load((folder / "actions.yaml").read_text("utf-8"))
    june = {"from": "2026-06-01T00:00:00+08:00", "until": "2026-07-01T00:00:00+08:00"}
    playbook["budgets"] = [{"id": "calls", "amount": BUDGET, **june}]
    for action in playbook["actions"]:
        if action["id"] == "service_call":
            action["budget"] = "calls"
    (folder / "actions.yaml").write_text(yaml.safe_dump(playbook), "utf-8")
    told = yaml.safe_load((folder / "business.yaml").read_text("utf-8"))
    told["objectives"] = {"next_best_action": {"file": "actions.yaml"}}
    path = folder / "business.yaml"
    path.write_text(yaml.safe_dump(told), "utf-8")
    assert main(["train", "--business", str(path), "--models", str(folder / "models")]) == 0
    out = str(folder / "customers.ndjson")
    assert write_customers(["--business", str(path), "--count", str(CUSTOMERS), "--out", out]) == 0
    return folder


@pytest.fixture
def port() -> int:
    """A port that is free now, and that the service takes again after it was killed."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        free: int = found.getsockname()[1]
        return free


@pytest.fixture
def running() -> Iterator[list[Server]]:
    """Servers to stop when the test is over."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.stop()


def play(folder: Path, port: int, books: dict[str, str]) -> subprocess.Popen[str]:
    """Start the example; its books are those of the command in the service's own environment."""
    words = ["--url", f"http://127.0.0.1:{port}", "--customers", str(folder / "customers.ndjson")]
    words += ["--books", f"{sys.executable} -m app books --json", "--ledger", str(folder / "ledger.json")]
    return subprocess.Popen(
        [sys.executable, str(WEEK), *words],
        cwd=folder,
        env=books,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_books_of_a_week_balance_though_the_service_was_killed(
    business: Path, tmp_path: Path, url: str, port: int, running: list[Server]
) -> None:
    shutil.copytree(business / "models", tmp_path / "models")
    shutil.copy(business / "customers.ndjson", tmp_path)
    settings = {"KITH_PORT": str(port), "KITH_STORE": url}
    running.append(start(tmp_path, **settings))
    running[-1].wait_ready()
    lines: list[str] = []
    with play(tmp_path, port, environment(tmp_path, **settings)) as platform:
        assert platform.stdout is not None
        for line in platform.stdout:
            lines.append(line)
            if line.startswith("2026-06-26"):
                assert running[-1].stop(signal.SIGKILL) == -signal.SIGKILL
                running.append(start(tmp_path, **settings))
        code = platform.wait(PATIENCE_SECONDS)
    told = "".join(lines)
    assert (code, lines[-1:]) == (0, ["The books balance.\n"]), told
    assert "no answer" in told
    ledger: dict[str, Any] = json.loads((tmp_path / "ledger.json").read_text("utf-8"))
    assert len(ledger) > 6 * (CUSTOMERS - 2)
    assert {one["reservation"] for one in ledger.values()} == {"reserved", "confirmed", "released", None}
    check_limits(ledger)


def check_limits(ledger: dict[str, Any]) -> None:
    """Nobody was contacted more often in this week than the policy allows, and the calls were paid for.

    What the provider first called not sent, and sent after all, nobody could count in time.
    """
    kept = [
        one
        for one in ledger.values()
        if one["mode"] == "live"
        and one["reservation"] in {"reserved", "confirmed"}
        and "not_sent" not in one["outcomes"]
    ]
    contacts = [one for one in kept if one["action_id"] not in OWED]
    assert contacts
    for limit in POLICY.limits:
        sent = Counter(one["customer_id"] for one in contacts if limit.channel in {None, one["channel"]})
        assert max(sent.values(), default=0) <= limit.most, limit.id
    assert sum(CALL_COST for one in kept if one["action_id"] == "service_call") <= BUDGET
