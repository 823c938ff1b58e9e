"""A tree model damaged in 200 ways by an author who keeps all digests tidy: refused, or answers as before."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import app
from tests.unit.artifacts import tiny

ROOT = Path(app.__file__).parents[1]

CHILD = """
import base64, json, sys, warnings
for name in ("sklearn", "pandas", "pyarrow"):
    sys.modules[name] = None
from app.domain.errors import ArtifactError
from app.artifacts.manifest import ManifestDraft
from app.serving.golden import check_golden
from app.serving.loading import load_draft
from app.serving.probe import probe_model
warnings.simplefilter("ignore")
given = json.load(sys.stdin)
files = {name: base64.b64decode(content) for name, content in given["files"].items()}
draft = ManifestDraft.model_validate_json(given["draft"])
for text in given["texts"]:
    try:
        artifact = load_draft(draft, {**files, "repeat.txt": base64.b64decode(text)})
        for model in artifact.models.values():
            probe_model(model, "")
        check_golden(artifact, files["golden.json"])
        print("=> same answers", flush=True)
    except ArtifactError as error:
        print("=>", type(error).__name__, flush=True)
"""


def corruptions(text: bytes, count: int) -> list[bytes]:
    """Return texts damaged as in the field, their tree sizes made to fit again where there are any left."""
    rng = random.Random(11)  # noqa: S311  damage, not secrets
    digits = [i for i, byte in enumerate(text) if 48 <= byte < 58]
    made: list[bytes] = []
    while len(made) < count:
        bad = bytearray(text)
        kind = len(made) % 5
        if kind == 0:
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        elif kind == 1:
            for _ in range(10):
                bad[rng.choice(digits)] = rng.choice(b"0123456789")
        elif kind == 2:
            bad[rng.choice(digits)] = rng.choice(b"0123456789")
        elif kind == 3:
            del bad[rng.randrange(len(bad)) :]
        else:
            start = rng.randrange(len(bad))
            del bad[start : start + rng.randrange(1, 200)]
        tidy = tiny.resized(bytes(bad)) if b"\n\n" in bad and b"\ntree_sizes=" in bad else bytes(bad)
        if tidy != text:
            made.append(tidy)
    return made


def test_tidy_corruption_is_refused_or_answers_as_before_and_kills_nothing() -> None:
    texts = corruptions(tiny.trees(), 200)
    given = {
        "draft": tiny.draft().model_dump_json(by_alias=True),
        "files": {name: base64.b64encode(content).decode() for name, content in tiny.files().items()},
        "texts": [base64.b64encode(text).decode() for text in texts],
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps(given),
        check=False,
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=120,
    )
    said = [line[3:] for line in done.stdout.split("\n") if line.startswith("=> ")]
    assert (done.returncode, len(said)) == (0, len(texts)), f"died at {len(said)}: {done.stderr[-500:]}"
    counts = Counter(said)
    assert counts.keys() <= {"StructureError", "GoldenAnswerError", "same answers"}
    assert counts["StructureError"] > 100
