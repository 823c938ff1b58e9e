"""The command ``python -m benchmarks.serving``: what an answer costs, printed and written."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from app.__main__ import NOT_NEEDED

LIBRARIES = ("fastapi", "uvicorn", "pydantic", "pydantic-core", "numpy", "lightgbm")
ROOT = Path(__file__).parents[2]


def main(argv: list[str] | None = None) -> int:
    """Measure; return 0, or 1 where a bound is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description="What an answer costs.")
    parser.add_argument(
        "--models", type=Path, default=ROOT / "models", help="a release of the sample business"
    )
    parser.add_argument("--rounds", type=int, default=11, help="interleaved rounds of each comparison")
    parser.add_argument("--out", type=Path, default=None, help="where the page is written")
    args = parser.parse_args(argv)
    with _sample_release(args.models) as models:
        # As the service does it: what its image does not have is not loaded here either.
        for absent in NOT_NEEDED:
            sys.modules.setdefault(absent, None)  # type: ignore[arg-type]
        from benchmarks.machine import RESULTS, in_words, machine  # noqa: PLC0415  after the lines above
        from benchmarks.serving.measure import measure  # noqa: PLC0415
        from benchmarks.serving.report import page  # noqa: PLC0415

        found = machine(LIBRARIES)
        figures = measure(models, args.rounds)
        text = page(figures, in_words(found))
    out = args.out or RESULTS
    out.mkdir(parents=True, exist_ok=True)
    (out / "serving.md").write_text(text, encoding="utf-8")
    document = json.dumps({"machine": found, **asdict(figures)}, ensure_ascii=False, indent=1)
    (out / "serving.json").write_text(document + "\n", encoding="utf-8")
    print(text)
    for line in figures.missed():
        print(f"MISSED: {line}", file=sys.stderr)
    return 1 if figures.missed() else 0


@contextmanager
def _sample_release(models: Path) -> Iterator[Path]:
    """Give a models folder whose release is of the sample business; train one where there is none."""
    if _is_sample(models):
        yield models
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"no release of the sample business in {models}: training one", file=sys.stderr, flush=True)
        _train(folder)
        yield folder / "models"


def _is_sample(models: Path) -> bool:
    """Return whether the published churn was learned from simulated customers."""
    try:
        release = json.loads((models / "release.json").read_bytes())
        folder = models / "churn" / release["artifacts"]["churn"]["version"]
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (FileNotFoundError, KeyError):
        return False
    return bool(manifest["business"]["simulated"])


def _train(folder: Path) -> None:
    """Make the sample business and publish what is learned from it, in a process that ends afterwards."""
    import subprocess  # noqa: PLC0415  only where there is no release yet

    sample, models = str(folder / "sample"), str(folder / "models")
    for arguments in (
        ("sample", "--out", sample),
        ("train", "--business", f"{sample}/business.yaml", "--models", models),
    ):
        subprocess.run(
            [sys.executable, "-m", "training", *arguments], cwd=ROOT, check=True, stdout=sys.stderr
        )


if __name__ == "__main__":
    sys.exit(main())
