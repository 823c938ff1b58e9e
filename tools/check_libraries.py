"""Say which system library is missing and how to get it, before an import fails midway."""

from __future__ import annotations

import importlib
import sys

REMEDY = """
setup: LightGBM cannot load the OpenMP runtime: {error}
       Debian, Ubuntu: apt-get install libgomp1 · Fedora: dnf install libgomp · macOS: brew install libomp
       Then run the same command again.
"""


def main() -> int:
    """Load what needs a system library; return 2, with the remedy on standard error, where that fails."""
    try:
        importlib.import_module("lightgbm")
    except OSError as error:
        sys.stderr.write(REMEDY.format(error=error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
