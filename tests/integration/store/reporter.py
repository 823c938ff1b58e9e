"""A process that reports outcomes to a store and prints what it was told, until it is killed.

``flood URL PREFIX``: eight threads report without end; a line for each outcome that was acknowledged.
``obey URL``: each line of the input holds event keys; the line printed for it says how each one was taken.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import threading

from app.store.memory import Memory
from app.store.records import NewOutcome

THREADS = 8


def opened(key: str) -> NewOutcome:
    """A customer opened something; the key says which one."""
    return NewOutcome(key, "body", "opened", at=1, received_at=2, person=f"person-{key[-1]}", channel="email")


def flood(memory: Memory, prefix: str) -> None:
    def work(thread: int) -> None:
        for number in itertools.count():
            key = f"{prefix}-{thread}-{number}"
            memory.report(opened(key)).result()
            os.write(1, f"{key}\n".encode())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def taken(memory: Memory, keys: list[str]) -> dict[str, str]:
    futures = {key: memory.report(opened(key)) for key in keys}
    answers = {}
    for key, future in futures.items():
        error = future.exception(60)
        if error is None:
            answers[key] = "replay" if future.result().is_replay else "new"
        else:
            answers[key] = type(error).__name__
    return answers


def obey(memory: Memory) -> None:
    for line in sys.stdin:
        answers = taken(memory, line.split())
        os.write(1, json.dumps({"answers": answers, "state": memory.state}).encode() + b"\n")


if __name__ == "__main__":
    memory = Memory(sys.argv[2])
    memory.start()
    if sys.argv[1] == "flood":
        flood(memory, sys.argv[3])
    else:
        obey(memory)
        memory.close(10)
