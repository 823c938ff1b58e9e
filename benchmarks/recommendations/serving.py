"""The command ``python -m benchmarks.recommendations.serving``: what a list costs at catalogues of any size.

Everything that is compared runs in one process on one thread, by turns within each request: a loop over
one side alone finds its rows in the cache. The median of the rounds' ratios counts. The yardstick is the
least that anybody could do with the same rows: gather them, and add them up by product.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.pages import on_one_thread
from benchmarks.serving.rounds import Spread, ratio, run_rounds

if TYPE_CHECKING:
    from app.estimators.items import Items
    from benchmarks.recommendations.catalogues import Asked

LIBRARIES = ("numpy", "lightgbm", "fastapi", "pydantic")
SIZES: Final = (4_000, 20_000, 100_000)
REQUESTS: Final = 200
BODIES: Final = 64
HTTP_REQUESTS: Final = 128
LIMIT: Final = 10
GATHER, GATHER_TOP = "gather and sum", "gather, sum, ten best"
PLAIN, REASONS = "list without reasons", "list with types and reasons"
TREES_PLAIN, TREES = "the same, ranked again by trees", "with reasons, ranked again by trees"
BOUNDS: Final[Mapping[str, float]] = {PLAIN: 3.0, REASONS: 5.0}
"""What a list may cost beside ``GATHER``."""
WHOLE, ECHO = "/v1/recommendations", "echo"
_PATH: Final = "/v1/recommendations"
_ECHO: Final = "/echo"
_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """One size of catalogue: CPU µs by side, ratios by yardstick and side, megabytes by file, and loading."""

    size: int
    cpu: dict[str, Spread] = field(default_factory=dict)
    ratios: dict[str, dict[str, Spread]] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    load_seconds: float = 0.0

    def missed(self) -> list[str]:
        """Return the bounds that are missed, in words."""
        return [
            f"{self.size:,} products: {name} costs {self.ratios[GATHER][name].median:.2f} times {GATHER}, "
            f"at most {limit:g}"
            for name, limit in BOUNDS.items()
            if self.ratios[GATHER][name].median > limit
        ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 0, or 1 where a bound is missed."""
    on_one_thread()
    from benchmarks.machine import RESULTS, in_words, machine  # noqa: PLC0415  after the threads

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recommendations.serving", description="What a list of products costs."
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="products of each catalogue")
    parser.add_argument("--rounds", type=int, default=11, help="interleaved rounds of each comparison")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the page is written")
    args = parser.parse_args(argv)
    found = machine(LIBRARIES)
    figures = [measure(size, args.rounds) for size in args.sizes]
    text = page(figures, in_words(found))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "recommendations-serving.md").write_text(text, encoding="utf-8")
    document = {"machine": found, "catalogues": [asdict(one) for one in figures]}
    (args.out / "recommendations-serving.json").write_text(
        json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    print(text)
    missed = [line for one in figures for line in one.missed()]
    for line in missed:
        print(f"MISSED: {line}", file=sys.stderr)
    return 1 if missed else 0


def measure(size: int, rounds: int) -> Figures:
    """Measure one size of catalogue."""
    from benchmarks.recommendations.catalogues import made_items, made_requests  # noqa: PLC0415

    items = made_items(size)
    figures = Figures(size)
    requests = made_requests(items, REQUESTS)
    found = by_turns(sides(items), requests, rounds)
    for name, values in found.items():
        figures.cpu[name] = Spread.of(values)
    for beside in (GATHER, GATHER_TOP):
        figures.ratios[beside] = {name: ratio(found, name, beside) for name in found if name != beside}
    with tempfile.TemporaryDirectory() as var:
        whole = run_rounds(over_http(items, requests[:BODIES], Path(var)), rounds)
    for name, values in whole.items():
        figures.cpu[name] = Spread.of(values)
    figures.ratios[ECHO] = {WHOLE: ratio(whole, WHOLE, ECHO)}
    megabytes, seconds = files_of(items)
    figures.megabytes.update(megabytes)
    return replace(figures, load_seconds=seconds)


def sides(items: Items) -> dict[str, Callable[[Asked], Any]]:
    """Return what is compared: each side answers one request."""
    import numpy as np  # noqa: PLC0415  after the threads

    from app.capabilities.recommend import Wish, best, rank  # noqa: PLC0415
    from app.estimators.blend import ALL_ITEMS  # noqa: PLC0415
    from benchmarks.recommendations.catalogues import made_model, with_trees  # noqa: PLC0415

    plain = made_model(items)
    trees = with_trees(plain)
    links, size = items.links, items.size
    wish = Wish(LIMIT, items.active)

    def gather(asked: Asked) -> Any:
        product = asked.product
        return np.bincount(links.index[product].ravel(), links.weight[product].ravel(), size)

    def gather_top(asked: Asked) -> Any:
        below = -gather(asked)  # numpy takes ten times longer to find the largest among many zeros
        top = np.argpartition(below, LIMIT)[:LIMIT]
        return top[np.argsort(below[top])]

    return {
        GATHER: gather,
        GATHER_TOP: gather_top,
        PLAIN: lambda asked: best(plain, asked.shopper, ALL_ITEMS, items.active, LIMIT),
        REASONS: lambda asked: rank(plain, asked.shopper, wish),
        TREES_PLAIN: lambda asked: best(trees, asked.shopper, ALL_ITEMS, items.active, LIMIT),
        TREES: lambda asked: rank(trees, asked.shopper, wish),
    }


def by_turns(
    work: Mapping[str, Callable[[Asked], Any]], requests: Sequence[Asked], rounds: int
) -> dict[str, list[float]]:
    """Return the CPU µs of one request, by side and round; every request begins with another side."""
    names = list(work)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        took = dict.fromkeys(names, 0)
        for k, asked in enumerate(requests):
            first = k % len(names)
            for name in (*names[first:], *names[:first]):
                began = time.thread_time_ns()
                work[name](asked)
                took[name] += time.thread_time_ns() - began
        if number > 0:  # the first one warms up
            for name in names:
                found[name].append(took[name] / 1000 / len(requests))
    return found


def over_http(items: Items, requests: Sequence[Asked], var: Path) -> dict[str, Callable[[], float]]:
    """Return the whole request, called in this process as a server would, and a route that only echoes it."""
    from fastapi import FastAPI  # noqa: PLC0415  after the threads

    from app.api.schemas.recommend import RecommendationRequest  # noqa: PLC0415
    from app.main import create_app  # noqa: PLC0415
    from app.settings import Settings  # noqa: PLC0415
    from benchmarks.recommendations.catalogues import body_of, made_model, store_of  # noqa: PLC0415
    from benchmarks.serving.in_process import caller  # noqa: PLC0415

    bodies = [body_of(items, asked, number) for number, asked in enumerate(requests)]
    service = create_app(
        replace(Settings(), var=var), store=store_of(made_model(items)), write=lambda _: None
    )
    echo = FastAPI()

    async def answer(body: RecommendationRequest) -> RecommendationRequest:
        return body

    # The annotations are names of this function: given as they are.
    answer.__annotations__ = {"body": RecommendationRequest, "return": RecommendationRequest}
    echo.post(_ECHO)(answer)
    return {
        WHOLE: caller(service, _PATH, bodies, HTTP_REQUESTS),
        ECHO: caller(echo, _ECHO, bodies, HTTP_REQUESTS),
    }


def files_of(items: Items) -> tuple[dict[str, float], float]:
    """Return the megabytes of a catalogue's files, and the CPU seconds of reading and checking them."""
    from app.estimators.item_files import read_items, write_items  # noqa: PLC0415  after the threads

    files = write_items(items)
    began = time.process_time()
    read_items(*files)
    seconds = time.process_time() - began
    names = ("items.npz", "links.npz", "pairs.npz")
    return {name: len(data) / _MEGABYTE for name, data in zip(names, files, strict=True)}, seconds


def page(figures: Sequence[Figures], machine: str) -> str:
    """Return the page in Markdown."""
    from benchmarks.recommendations.catalogues import LEAVES, LINES  # noqa: PLC0415  after the threads

    about = (
        f"A request of {LINES} lines, ten products asked for; every product has 100 links and 100 pairs. CPU "
        f"µs of one request: medians of rounds (lowest–highest). Trees: 100 of {LEAVES} leaves."
    )
    parts = ["# Recommendations: what a list costs", machine, about]
    for one in figures:
        rows = [
            f"| {name} | {spread.text(0)} | {_cell(one, GATHER, name)} | {_cell(one, GATHER_TOP, name)} |"
            for name, spread in one.cpu.items()
            if name not in {WHOLE, ECHO}
        ]
        head = f"| | CPU µs | over {GATHER} | over {GATHER_TOP} |\n| --- | ---: | ---: | ---: |"
        sizes = ", ".join(f"{name} {value:.1f}" for name, value in one.megabytes.items())
        rest = (
            f"The whole request, in this process: {one.cpu[WHOLE].text(0)} µs, its echo "
            f"{one.cpu[ECHO].text(0)} µs, ratio {one.ratios[ECHO][WHOLE].text(2)}. Files in MB: {sizes}, "
            f"together {sum(one.megabytes.values()):.1f}; read and checked in {one.load_seconds:.2f} CPU s."
        )
        parts += [f"## {one.size:,} products", "\n".join((head, *rows)), rest]
    missed = [line for one in figures for line in one.missed()]
    held = [f"{name} costs at most {limit:g} times {GATHER}" for name, limit in BOUNDS.items()]
    word = "MISSED" if missed else "held"
    parts.append("\n".join(f"* {word}: {line}" for line in (missed or held)))
    return "\n\n".join(parts) + "\n"


def _cell(one: Figures, beside: str, name: str) -> str:
    return one.ratios[beside][name].text(2) if name in one.ratios[beside] else "–"


if __name__ == "__main__":
    sys.exit(main())
