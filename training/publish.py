"""Which artifacts answer together: publish a release, go back to an earlier one, list them all.

Rules:

1. A release is verified whole before anything is written: digests, structure, and a trial in a child
   process that answers every golden history. What the service would refuse is never published.
2. A model whose grade is C is published on the rules tier only.
3. ``releases/<name>.json`` is written first and never changed; ``release.json`` is a copy of one of them
   and is replaced in one step. Publishing what is in force already changes nothing.
4. A release names the one that was in force before it. Rolling back follows that name and puts the same
   bytes in force again; rolling back twice goes back two releases.
5. One publisher at a time: a lock on ``.lock`` in the models folder.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.artifacts.canonical import canonical_bytes, release_name, sha256
from app.artifacts.manifest import (
    FORMAT_VERSION,
    RELEASE_NAME,
    RELEASE_PATTERN,
    RELEASES_FOLDER,
    Release,
)
from app.artifacts.reader import parse_release, read_release_bytes
from app.artifacts.writer import replace_file
from app.domain.errors import ArtifactError, InputError, PublicationError, StructureError
from app.serving.loading import read_release
from app.serving.trial import TRIAL_MEMORY_BYTES, TRIAL_SECONDS, Trial, try_release
from training.inventory import catalogue, newest, read_manifest_bytes, table

Clock = Callable[[], datetime]

_LOCK_NAME: Final = ".lock"
_HELD_BACK_GRADE: Final = "C"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def publish(
    models: Path,
    entries: Mapping[str, str],
    *,
    keep_others: bool,
    now: Clock = _utc_now,
    trial: Trial = try_release,
) -> str:
    """Put artifacts in force together, and return the release's name.

    Parameters
    ----------
    models : Path
        The models folder.
    entries : mapping of capability to version
        What shall answer; at least one unless others are kept.
    keep_others : bool
        Whether the current release's other capabilities stay in force.
    now, trial : callable
        The time of publication; how a release is tried before it may answer.

    Raises
    ------
    InputError
        There is nothing to publish, or no such artifact.
    PublicationError
        A model's grade does not carry its tier, or the current release, whose other artifacts shall stay,
        is unreadable.
    ArtifactError
        An artifact is damaged, or the release would not answer as it should.
    """
    with _locked(models):
        current = _current(models, must_be_readable=keep_others)
        kept = {} if current is None or not keep_others else current.artifacts
        artifacts: dict[str, Any] = {name: entry.model_dump() for name, entry in kept.items()}
        for capability, version in entries.items():
            digest = sha256(read_manifest_bytes(models, capability, version))
            artifacts[capability] = {"version": version, "manifest_sha256": digest}
        if not artifacts:
            raise InputError(f"there is no artifact to publish in {models}; train one first")
        if current is not None and artifacts == _plain(current):
            return current.name
        document = {
            "format_version": FORMAT_VERSION,
            "name": "",
            "created_at": now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "previous": None if current is None else current.name,
            "artifacts": artifacts,
        }
        document["name"] = release_name(document)
        data = canonical_bytes(document)
        _verify(models, data, trial)
        (models / RELEASES_FOLDER).mkdir(exist_ok=True)
        replace_file(models / RELEASES_FOLDER / f"{document['name']}.json", data)
        replace_file(models / RELEASE_NAME, data)
        return str(document["name"])


def activate(models: Path, release: str, *, trial: Trial = try_release) -> str:
    """Put an earlier release in force again, with the same bytes, and return its name.

    Raises
    ------
    InputError
        There is no such release.
    ArtifactError
        It is damaged, or would not answer as it should.
    """
    with _locked(models):
        return _activate(models, release, trial)


def rollback(models: Path, release: str | None = None, *, trial: Trial = try_release) -> str:
    """Go back to a release, by default the one before the current, and return its name.

    Raises
    ------
    InputError
        There is no such release, or none before the current one.
    ArtifactError
        It is damaged, or would not answer as it should.
    """
    with _locked(models):
        if release is None:
            current = _current(models, must_be_readable=True)
            if current is None:
                raise InputError(f"nothing is published in {models}")
            if current.previous is None:
                raise InputError(f"{current.name} is the first release; there is none before it")
            release = current.previous
        return _activate(models, release, trial)


def _activate(models: Path, name: str, trial: Trial) -> str:
    if not re.fullmatch(RELEASE_PATTERN, name) or not (models / RELEASES_FOLDER / f"{name}.json").exists():
        raise InputError(
            f"there is no release of that name in {models / RELEASES_FOLDER}; `list` shows those there are"
        )
    data = read_release_bytes(models, name)
    if parse_release(data).name != name:
        raise StructureError(f"{name}.json holds a release of another name")
    _verify(models, data, trial)
    replace_file(models / RELEASE_NAME, data)
    return name


def _verify(models: Path, data: bytes, trial: Trial) -> None:
    """Refuse a release that the service would refuse (rules 1 and 2)."""
    for name, artifact in read_release(models, data).artifacts.items():
        for variant in artifact.manifest.variants:
            for population in variant.populations:
                if population.grade == _HELD_BACK_GRADE and population.tier != "rules":
                    raise PublicationError(
                        f"{name}/{artifact.manifest.version}: {variant.name}/{population.name} has grade C: "
                        f"it does not beat its baseline and cannot be published as tier {population.tier}"
                    )
    asyncio.run(trial(models, data, seconds=TRIAL_SECONDS, memory_bytes=TRIAL_MEMORY_BYTES))


def _current(models: Path, *, must_be_readable: bool) -> Release | None:
    """Return the release in force, None where there is none."""
    if not (models / RELEASE_NAME).exists():
        return None
    try:
        return parse_release(read_release_bytes(models))
    except ArtifactError as error:
        if must_be_readable:
            raise PublicationError(
                f"the current release cannot be read ({error}); name an earlier one with --release"
            ) from error
        return None


def _plain(release: Release) -> dict[str, Any]:
    return {name: entry.model_dump() for name, entry in release.artifacts.items()}


@contextmanager
def _locked(models: Path) -> Iterator[None]:
    """Wait until no other publisher is at work in a models folder."""
    if not models.is_dir():
        raise InputError(f"there is no models folder {models}")
    with (models / _LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _show(document: Mapping[str, Any], text: str, *, as_json: bool) -> int:
    print(json.dumps(document, ensure_ascii=False, indent=2) if as_json else text)
    return 0


def run_publish(args: argparse.Namespace) -> int:
    """Run ``publish``: a named release, named artifacts, or the newest artifact of each capability."""
    models: Path = args.models
    if args.release is not None:
        name = activate(models, args.release)
    else:
        chosen = dict(_chosen(text) for text in args.artifact)
        name = publish(models, chosen or newest(models), keep_others=bool(chosen))
    return _show({"release": name}, f"published {name}", as_json=args.json)


def run_rollback(args: argparse.Namespace) -> int:
    """Run ``rollback``: to the release before the current one, or to a named one."""
    name = rollback(args.models, args.release)
    return _show({"release": name}, f"back at {name}", as_json=args.json)


def run_list(args: argparse.Namespace) -> int:
    """Run ``list``: releases and artifacts, what each is worth, and which release is in force."""
    listed = catalogue(args.models)
    empty = not listed["releases"] and not listed["artifacts"]
    text = f"nothing in {args.models} yet; `train` writes artifacts" if empty else table(listed)
    return _show(listed, text, as_json=args.json)


def add_publish_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``publish``, ``rollback`` and ``list`` to a command line; ``args.run`` is what runs them."""
    for name, run, about in (
        ("publish", run_publish, "put trained artifacts, or an earlier release, in force"),
        ("rollback", run_rollback, "go back to the release before the current one, or to a named one"),
        ("list", run_list, "show releases and artifacts"),
    ):
        command = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        command.add_argument("--models", type=Path, default=Path("models"), help="the models folder")
        command.add_argument("--json", action="store_true", help="print one JSON document")
        if name != "list":
            command.add_argument("--release", help="the name of a release")
        if name == "publish":
            command.add_argument(
                "--artifact",
                action="append",
                default=[],
                metavar="CAPABILITY/VERSION",
                help="an artifact; may stand several times; other capabilities stay as they are",
            )
        command.set_defaults(run=run)


def _chosen(text: str) -> tuple[str, str]:
    capability, _, version = text.partition("/")
    return capability, version
