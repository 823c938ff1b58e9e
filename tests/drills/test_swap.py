"""Swap and rollback under traffic: nobody notices, and nobody gets an answer of two releases."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.drills.stage import PATIENCE_SECONDS, Caller, Stage, alone, canonical, no_trial, release_of
from training.publish import activate, publish, rollback

pytestmark = [pytest.mark.xdist_group("drill-swap"), pytest.mark.slow]

CALLERS = 5
DRAIN_SECONDS = 4
"""Long enough for each caller to get one more answer, and be told to go, on a machine that is slow."""


def wait_until_heard(callers: list[Caller], release: str) -> None:
    """Wait until every caller has got an answer of a release."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(any(release_of(text) == release for _, text in list(one.seen)) for one in callers):
        assert time.monotonic() < deadline, [one.failures for one in callers]
        assert all(one.thread.is_alive() for one in callers), [one.failures for one in callers]
        time.sleep(0.05)


def test_releases_change_under_traffic_and_nobody_notices(stage: Stage) -> None:
    first, second = ({"churn": artifact.name} for artifact in (stage.first, stage.second))
    began = stage.ready()["release"]
    moves: tuple[Callable[[], str], ...] = (
        lambda: publish(stage.models, second, keep_others=False, now=stage.clock),
        lambda: rollback(stage.models, trial=no_trial),
        lambda: publish(stage.models, second, keep_others=True, now=stage.clock, trial=no_trial),
        lambda: publish(stage.models, first, keep_others=False, now=stage.clock, trial=no_trial),
        lambda: rollback(stage.models, trial=no_trial),
        lambda: rollback(stage.models, trial=no_trial),
        lambda: publish(stage.models, second, keep_others=False, now=stage.clock, trial=no_trial),
        lambda: activate(stage.models, began, trial=no_trial),
        lambda: publish(stage.models, second, keep_others=False, now=stage.clock, trial=no_trial),
        lambda: rollback(stage.models, began, trial=no_trial),
    )
    stop = threading.Event()
    callers = [Caller(number, stage.server, stop) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    names = [began]
    try:
        wait_until_heard(callers, began)
        for move in moves:
            names.append(move())
            stage.server.wait_ready(names[-1])
            wait_until_heard(callers, names[-1])
    finally:
        stop.set()
        for caller in callers:
            caller.thread.join()

    assert [fault for caller in callers for fault in caller.failures] == []
    assert all(one != other for one, other in pairwise(names))
    seen = sum((caller.seen for caller in callers), Counter[tuple[int, str]]())
    assert {release_of(text) for _, text in seen} == set(names)
    expected = {
        (k, canonical(answer)) for name in set(names) for k, answer in enumerate(alone(stage.models, name))
    }
    assert set(seen) <= expected
    assert sum(caller.mixed_batches for caller in callers) == 0
    assert sum(caller.answered for caller in callers) == sum(caller.sent for caller in callers) > 200
    told = stage.ready()
    assert told["release"] == began
    assert told["last_refused"] is None


def test_two_artifacts_answer_differently(stage: Stage) -> None:
    # Without this, an answer that mixes both releases could not be told from one that does not.
    began = stage.ready()["release"]
    other = publish(
        stage.models, {"churn": stage.second.name}, keep_others=False, now=stage.clock, trial=no_trial
    )
    activate(stage.models, began, trial=no_trial)
    one, two = (
        [answer["churn"]["probability"] for answer in alone(stage.models, name)] for name in (began, other)
    )
    assert one != two


def test_terminated_server_answers_whatever_was_sent_on_live_connections(stage: Stage) -> None:
    # Last of the module: it ends the module's server.
    callers = [Caller(number, stage.server, threading.Event()) for number in range(CALLERS)]
    release = stage.ready()["release"]
    for caller in callers:
        caller.start()
    wait_until_heard(callers, release)
    stage.server.process.send_signal(signal.SIGTERM)
    for caller in callers:
        caller.thread.join(PATIENCE_SECONDS)
    assert not any(caller.thread.is_alive() for caller in callers)
    assert [fault for caller in callers for fault in caller.failures] == []
    assert all(caller.told_to_close for caller in callers)
    assert sum(caller.sent for caller in callers) == sum(caller.answered for caller in callers)
    stage.server.stopped.append(stage.server.process.wait(timeout=PATIENCE_SECONDS))
    assert stage.server.stopped == [0]
    assert "Traceback" not in stage.server.log()
