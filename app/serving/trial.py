"""A release is tried in a child process before this one touches it.

A tree model can be authentic, well-formed and still make its parser run away with memory, time or the whole
process. So a child reads the release with the same code, under limits, asks every estimator for numbers and
answers every golden history. Whatever becomes of the child is the verdict; the parent only ever reads one
line of JSON.

``python -m app.serving.trial MODELS RELEASE_FILE`` does the same by hand; with ``-`` the release comes on
standard input, which is how the parent passes the very bytes that it will load. Exit code 0 means that the
release may answer, 1 that it may not, anything else that the child did not survive it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import app
from app.domain.errors import (
    ArtifactError,
    DigestMismatchError,
    FeatureMismatchError,
    GoldenAnswerError,
    StructureError,
    TrialError,
)

TRIAL_SECONDS: Final = 30.0
TRIAL_MEMORY_BYTES: Final = 2 << 30
"""Address space of the child. Libraries alone take about half a GiB of it."""

COMMAND: Final = (sys.executable, "-P", "-m", "app.serving.trial")
"""Without -P, a module that lies in the working directory could take the place of a library."""

_VERDICTS: Final = {
    error.__name__: error
    for error in (
        ArtifactError,
        DigestMismatchError,
        FeatureMismatchError,
        GoldenAnswerError,
        StructureError,
        TrialError,
    )
}
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONTZPATH")
"""What the child gets of the environment: where libraries are. No setting, no key, no database URL."""
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_NOT_NEEDED: Final = ("sklearn", "pandas", "pyarrow", "matplotlib", "graphviz", "dask")
"""LightGBM imports these where it finds them, which takes seconds; the service's image has none of them."""
_WRITTEN_BYTES: Final = 1 << 20
"""Room for a verdict that goes to a file, and no more."""
_LAST_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What a release that passed took: golden customers answered, seconds, and memory at most."""

    customers: int
    seconds: float
    memory_bytes: int


class Trial(Protocol):
    """How a release is tried before it may answer; :func:`try_release` is the way."""

    def __call__(
        self, models: Path, data: bytes, *, seconds: float, memory_bytes: int
    ) -> Coroutine[Any, Any, TrialReport]:
        """Try a release."""
        ...


async def try_release(
    models: Path,
    data: bytes,
    *,
    seconds: float = TRIAL_SECONDS,
    memory_bytes: int = TRIAL_MEMORY_BYTES,
    command: Sequence[str] = COMMAND,
) -> TrialReport:
    """Try a release in a child process.

    Parameters
    ----------
    models : Path
        The models folder.
    data : bytes
        The release file's content.
    seconds, memory_bytes : float, int
        Wall time, and address space.
    command : sequence of str
        The child; it gets :func:`main`'s arguments after these.

    Raises
    ------
    TrialError
        The child was killed, ran out of time or memory, or failed for a reason that is no verdict.
    ArtifactError
        The verdict of the child, of the class that it found.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        str(models),
        "-",
        f"--seconds={seconds}",
        f"--memory-bytes={memory_bytes}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(data), seconds)
    except TimeoutError:
        raise TrialError(f"no verdict within {seconds:g} s; the child was killed") from None
    finally:
        # Also on cancellation: no child outlives the call.
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _verdict(process.returncode, output, errors, memory_bytes)


def _environment() -> dict[str, str]:
    """Return the child's whole environment."""
    root = str(Path(app.__file__).resolve().parent.parent)
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": root, "LC_ALL": "C.UTF-8"}


def _verdict(code: int | None, output: bytes, errors: bytes, memory_bytes: int) -> TrialReport:
    """Turn what is left of the child into a report or an error."""
    words = errors.decode(errors="replace").strip()[-_LAST_WORDS:]
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        raise TrialError(
            f"the child was ended by {name}{_because(name, memory_bytes)}; last words: {words!r}"
        )
    try:
        said: dict[str, Any] = json.loads(output)
        if code == 0:
            return TrialReport(int(said["customers"]), float(said["seconds"]), int(said["memory_bytes"]))
        error, message = _VERDICTS[said["error"]], str(said["message"])
    except (ValueError, KeyError, TypeError):
        raise TrialError(f"the child left with code {code} and no verdict; last words: {words!r}") from None
    raise error(message)


def _because(name: str, memory_bytes: int) -> str:
    """Say what a signal mostly means here."""
    return {
        "SIGXCPU": " (its CPU time was used up)",
        "SIGKILL": " (mostly: the system was short of memory)",
        "SIGABRT": f" (a library gave up, perhaps at the limit of {memory_bytes} bytes)",
    }.get(name, "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try one release in this process, under limits, and print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m app.serving.trial", description="Try a release.")
    parser.add_argument("models", type=Path)
    parser.add_argument("release", help="a release file, or - for standard input")
    parser.add_argument("--seconds", type=float, default=TRIAL_SECONDS, help="CPU time")
    parser.add_argument("--memory-bytes", type=int, default=TRIAL_MEMORY_BYTES, help="address space")
    args = parser.parse_args(arguments)
    _limit(args.seconds, args.memory_bytes)
    # Libraries print to standard output as well; the verdict gets a line of its own.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as verdict:
        os.dup2(2, 1)
        try:
            said: dict[str, Any] = _try(args.models, args.release)
        except ArtifactError as error:
            said = {"error": type(error).__name__, "message": str(error)}
        except MemoryError:
            said = {
                "error": "TrialError",
                "message": f"more than {args.memory_bytes} bytes of memory are needed",
            }
        except Exception as error:  # noqa: BLE001  whatever a bad model provokes is the verdict on it
            said = {"error": "TrialError", "message": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=verdict)
    return 1 if "error" in said else 0


def _limit(seconds: float, memory_bytes: int) -> None:
    """Bound what this process may take; before the libraries are loaded, since they start threads."""
    cpu = math.ceil(seconds) + 1
    for limit, value in (
        (resource.RLIMIT_CPU, (cpu, cpu + 1)),
        (resource.RLIMIT_AS, (memory_bytes, memory_bytes)),
        (resource.RLIMIT_CORE, (0, 0)),
        (resource.RLIMIT_FSIZE, (_WRITTEN_BYTES, _WRITTEN_BYTES)),
    ):
        # A system may know no such limit, or allow less already: the parent's clock holds in any case.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, value)


def _try(models: Path, release: str) -> dict[str, Any]:
    """Load a release, ask every estimator, answer every golden history; return what that took."""
    for name in _NOT_NEEDED:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python marks a module as absent
    # Only now: these import LightGBM.
    from app.serving.golden import check_golden  # noqa: PLC0415
    from app.serving.loading import load_release, read_release  # noqa: PLC0415
    from app.serving.probe import probe_model  # noqa: PLC0415

    start = time.perf_counter()
    data = sys.stdin.buffer.read() if release == "-" else Path(release).read_bytes()
    verified = read_release(models, data)
    loaded = load_release(verified)
    customers = 0
    for name, artifact in loaded.artifacts.items():
        for variant, model in artifact.models.items():
            probe_model(model, f"{name}/{artifact.manifest.version}: {variant}")
        files = verified.artifacts[name].files
        customers += check_golden(artifact, files[artifact.manifest.golden])
    return {
        "customers": customers,
        "seconds": round(time.perf_counter() - start, 3),
        # In bytes on macOS, in KiB elsewhere.
        "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        * (1 if sys.platform == "darwin" else 1024),
    }


if __name__ == "__main__":
    sys.exit(main())
