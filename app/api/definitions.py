"""What every word of an answer means, in both languages, for ``GET /v1/definitions``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from app.api.fault_texts import FAULTS
from app.api.problem_texts import KINDS, Words
from app.capabilities import SCORERS
from app.capabilities.base import Output
from app.features.library import LIBRARY
from app.features.schema import ATTRIBUTE_PREFIX
from app.serving.release import LoadedRelease
from app.texts.actions import catalogue as decisions
from app.texts.aspects import taxonomy
from app.texts.catalogue import LOCALES, catalogue, feature_label, ineligible_text
from app.texts.recommendations import catalogue as recommendations
from app.texts.sentiment import catalogue as sentiments

Document = dict[str, Any]


@cache
def written() -> Document:
    """Return the definitions that are written by hand."""
    document: Document = json.loads(files("app.texts").joinpath("definitions.json").read_text("utf-8"))
    return document


def definitions(release: LoadedRelease | None) -> Document:
    """Return the meaning of every word of an answer: blocks, lists, texts, features, warnings, problems.

    Parameters
    ----------
    release : LoadedRelease or None
        Adds its declared attributes; without one, the rest is told all the same.
    """
    texts = written()
    return {
        "release": None if release is None else release.name,
        "envelope": texts["envelope"],
        "block_fields": texts["block_fields"],
        "blocks": {name: _block(texts["blocks"][name], SCORERS[name].outputs) for name in SCORERS},
        "tiers": texts["tiers"],
        "grades": texts["grades"],
        "risk_levels": texts["risk_levels"],
        "segments": texts["segments"],
        "lifecycle_stages": texts["lifecycle_stages"],
        "data_sufficiency": texts["data_sufficiency"],
        "ineligible_reasons": {
            reason: {locale: ineligible_text(locale, reason) for locale in LOCALES}
            for reason in catalogue("en")["ineligible"]
        },
        "directions": texts["directions"],
        "warnings": texts["warnings"],
        "triggers": texts["triggers"],
        "suggestions": texts["suggestions"],
        "brief": texts["brief"],
        "features": {
            name: {
                "label": {locale: feature_label(locale, name) for locale in LOCALES},
                "unit": feature.unit,
                "kind": feature.kind,
                "table": feature.table,
                "version": feature.version,
            }
            for name, feature in LIBRARY.items()
        },
        "recommendations": {
            name: recommendations()[name]
            for name in ("fields", "types", "reasons", "sources", "filters", "ineligible_reasons")
        },
        "decisions": {name: decisions()[name] for name in ("layers", "reasons", "warnings")},
        "texts": {
            "sentiments": sentiments()["labels"],
            "abstained_reasons": sentiments()["abstained"],
            "aspects": taxonomy().labels,
        },
        "attributes": {} if release is None else _attributes(release),
        "problems": {
            name: {"status": kind.status, "title": _both(kind.title), "detail": _both(kind.detail)}
            for name, kind in KINDS.items()
        },
        "fault_codes": {code: _both(text.detail) for code, text in FAULTS.items()},
    }


def _block(text: Mapping[str, Any], outputs: tuple[Output, ...]) -> Document:
    """Return the meaning of a block and of the fields that are its own."""
    fields = {}
    for output in outputs:
        if output.name not in written()["block_fields"]:
            field: Document = {"unit": output.unit, "text": text["fields"][output.name]}
            if output.words:
                field["words"] = list(output.words)
            fields[output.name] = field
    return {"text": text["text"], "fields": fields}


def _attributes(release: LoadedRelease) -> Document:
    """Return the declared attributes of the release's models, with the labels that the business gave."""
    declared: Document = {}
    for artifact in release.artifacts.values():
        for variant in artifact.manifest.variants:
            for entry in variant.features:
                if entry.name.startswith(ATTRIBUTE_PREFIX):
                    label = None if entry.label is None else entry.label.model_dump(by_alias=True)
                    declared[entry.name.removeprefix(ATTRIBUTE_PREFIX)] = {"label": label, "kind": entry.kind}
    return declared


def _both(words: Words) -> Document:
    return dict(zip(LOCALES, words, strict=True))
