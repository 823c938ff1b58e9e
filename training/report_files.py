"""A report as files in a folder, each replaced whole."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any


def write_files(
    out: Path, document: tuple[str, Mapping[str, Any]], files: Mapping[str, bytes], pictures: Collection[str]
) -> tuple[str, ...]:
    """Write a report's document and its other files; return their names.

    Parameters
    ----------
    document : str, mapping
        The name of the JSON file, and what it holds.
    pictures : collection of str
        Every picture that such a report may have: one of an earlier report, in the same folder, goes.
    """
    name, report = document
    content = (json.dumps(report, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()
    written = {name: content, **files}
    out.mkdir(parents=True, exist_ok=True)
    for stale in {*pictures} - written.keys():
        (out / stale).unlink(missing_ok=True)
    for name, content in written.items():
        partial = out / f"{name}.partial"
        partial.write_bytes(content)
        partial.replace(out / name)
    return tuple(written)
