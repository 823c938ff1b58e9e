"""Parts of an artifact beside scorers: what reads texts, what ranks products, what chooses actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.artifacts.manifest import Manifest
from app.artifacts.structure import check_trees
from app.capabilities import NEXT_BEST_ACTION, RANKERS, TEXT_SCORERS
from app.domain.errors import StructureError
from app.estimators.blend import SIMILAR_ITEMS, TASKS, Blend, ItemModel
from app.estimators.item_files import read_items
from app.estimators.ngrams import NgramModel, read_ngrams
from app.estimators.reranking import RANKED_INPUTS
from app.estimators.trees import Trees, read_trees
from app.serving.action_model import ActionModel

CONTACTED: Final = "contacted"
"""The population of the model of who answers a contact."""


def text_model(manifest: Manifest, files: Mapping[str, bytes]) -> NgramModel | None:
    """Return the model that reads texts, where the capability needs one."""
    name = manifest.text_model
    if name is None:
        if manifest.capability in TEXT_SCORERS:
            raise StructureError("there is no model that reads texts")
        return None
    if name not in files:
        raise StructureError(f"the model {name} is not among the files")
    try:
        return read_ngrams(files[name])
    except StructureError as error:
        raise StructureError(f"{name}: {error}") from error


def item_model(manifest: Manifest, files: Mapping[str, bytes]) -> ItemModel | None:
    """Return the model that ranks products, where the capability is a ranker."""
    entry = manifest.items
    if entry is None:
        if manifest.capability in RANKERS:
            raise StructureError("there is no catalogue of products")
        return None
    names = (entry.items, entry.links, entry.pairs)
    for name in (*names, entry.reranker):
        if name is not None and name not in files:
            raise StructureError(f"the file {name} is not among the files")
    items = read_items(*(files[name] for name in names)).prepared()
    told = {population.name for variant in manifest.variants for population in variant.populations}
    if told != {*TASKS, SIMILAR_ITEMS}:
        raise StructureError(f"the populations are not {', '.join((*TASKS, SIMILAR_ITEMS))}")
    blend = Blend.of_settings(manifest.settings)
    return ItemModel(items, blend, None if entry.reranker is None else _reranker(entry.reranker, files))


def _reranker(name: str, files: Mapping[str, bytes]) -> Trees:
    """Return the trees that rank again (rule 7)."""
    try:
        check_trees(files[name], len(RANKED_INPUTS))
        return read_trees(files[name])
    except StructureError as error:
        raise StructureError(f"{name}: {error}") from error


def action_model(manifest: Manifest) -> ActionModel | None:
    """Return what chooses actions, where the capability does (rule 8)."""
    if manifest.capability != NEXT_BEST_ACTION:
        return None
    model = ActionModel.of_settings(manifest.settings, manifest.business.attributes)
    for population in (one for variant in manifest.variants for one in variant.populations):
        is_sound = population.estimator is not None and model.response_base_rate is not None
        if population.name != CONTACTED or not is_sound:
            raise StructureError(f"a model of who answers is no population {CONTACTED} with its base rate")
    return model
