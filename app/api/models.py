"""``GET /v1/models``, one model, its card, and the definitions: what is in force, how good, what it means."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from app.api.definitions import definitions
from app.api.faults import nearest
from app.api.problems import Fault, ProblemError
from app.api.releases import Releases
from app.artifacts.manifest import Manifest
from app.serving.release import LoadedArtifact, LoadedRelease

JSON: Final = "application/json"
MARKDOWN: Final = "text/markdown"

Document = dict[str, Any]


class Models:
    """The handlers of the addresses that describe the active release."""

    def __init__(self, releases: Releases) -> None:
        """Keep where the active release is."""
        self._releases = releases
        self._kept: dict[str, tuple[str, bytes]] = {}

    async def listed(self, request: Request) -> Response:
        """Answer ``GET /v1/models``."""
        release = self._releases.active().release
        return _cached(request, self._once("list", release.digest, lambda: _list(release)), JSON)

    async def one(self, request: Request) -> Response:
        """Answer ``GET /v1/models/{capability}``."""
        artifact = self._artifact(request)
        return _cached(request, _json({**_entry(artifact), "variants": _variants(artifact.manifest)}), JSON)

    async def card(self, request: Request) -> Response:
        """Answer ``GET /v1/models/{capability}/card``: JSON, or Markdown where the caller prefers it."""
        artifact = self._artifact(request)
        if _prefers_markdown(request.headers.get("accept", "")):
            return _cached(request, artifact.card_markdown, f"{MARKDOWN}; charset=utf-8", varies=True)
        return _cached(request, artifact.card, JSON, varies=True)

    async def definitions(self, request: Request) -> Response:
        """Answer ``GET /v1/definitions``, also while no release is active."""
        status = self._releases.status()
        release = self._releases.active().release if status.is_ready else None
        digest = "" if release is None else release.digest
        content = self._once("definitions", digest, lambda: definitions(release))
        return _cached(request, content, JSON)

    def _once(self, name: str, digest: str, make: Callable[[], Document]) -> bytes:
        """Return the bytes of a document that changes with the release only."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != digest:
            kept = self._kept[name] = (digest, _json(make()))
        return kept[1]

    def _artifact(self, request: Request) -> LoadedArtifact:
        """Return the artifact that the path names, or raise the problem that there is none."""
        view = self._releases.active()
        name = request.path_params["capability"]
        artifact = view.release.artifacts.get(name)
        if artifact is None:
            published = ", ".join(sorted(view.release.artifacts))
            near = nearest(name, view.release.artifacts)
            raise ProblemError("no_model", [Fault("", "no_model", {"expected": near or published})])
        return artifact


def _list(release: LoadedRelease) -> Document:
    return {
        "release": release.name,
        "created_at": release.created_at,
        "business": release.business.model_dump(mode="json"),
        "models": [_entry(artifact) for _, artifact in sorted(release.artifacts.items())],
    }


def _entry(artifact: LoadedArtifact) -> Document:
    """Return what the list says about one model: what it predicts, who answers, and how well."""
    manifest = artifact.manifest
    return {
        "capability": manifest.capability,
        "version": manifest.version,
        "trained_as_of": manifest.trained_as_of,
        "label": manifest.label.model_dump(mode="json", by_alias=True),
        "populations": [
            {
                "variant": variant.name,
                "population": population.name,
                "tier": population.tier,
                "grade": population.grade,
                "baseline": population.baseline.model_dump(mode="json"),
            }
            for variant in manifest.variants
            for population in variant.populations
        ],
        "card": f"/v1/models/{manifest.capability}/card",
    }


def _variants(manifest: Manifest) -> list[Document]:
    """Return the inputs, metrics and cut points of each variant; no words of the data."""
    return [
        {
            "name": variant.name,
            "features": [
                entry.model_dump(
                    mode="json", by_alias=True, include={"name", "version", "kind", "unit", "table", "label"}
                )
                for entry in variant.features
            ],
            "populations": [
                population.model_dump(
                    mode="json",
                    include={"name", "tier", "grade", "baseline", "metrics", "counts", "thresholds"},
                )
                for population in variant.populations
            ],
        }
        for variant in manifest.variants
    ]


def _json(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _cached(request: Request, content: bytes, media_type: str, *, varies: bool = False) -> Response:
    """Return content that the caller may keep, or 304 where it holds the very bytes already."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if varies:
        headers["Vary"] = "Accept"
    held = request.headers.get("if-none-match", "")
    if held.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in held.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _prefers_markdown(accept: str) -> bool:
    """Say whether Accept ranks Markdown above JSON; JSON is the default."""
    markdown = _weight(accept, MARKDOWN)
    return markdown > 0 and markdown > _weight(accept, JSON)


def _weight(accept: str, media_type: str) -> float:
    """Return how much a caller wants a media type that it names itself; 0 where it does not."""
    for part in accept[:500].lower().split(","):
        name, _, parameter = part.partition(";")
        if name.strip() == media_type:
            key, _, quality = parameter.strip().partition("=")
            try:
                return float(quality) if key == "q" else 1.0
            except ValueError:
                return 0.0
    return 0.0
