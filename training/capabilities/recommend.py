"""Training recommendations: the catalogue, its links and pairs, and the weights that rank, as an artifact."""

from __future__ import annotations

from typing import Final

from app.artifacts.manifest import ItemFiles, Label, ManifestDraft, Text, Variant
from app.domain.errors import TableError
from app.estimators.item_files import write_items
from app.features.schema import FeatureSet
from training.recommendations.learning import Learned, learn
from training.recommendations.plots import contender_plot
from training.recommendations.reading import Shop, read_shop
from training.recommendations.recipe import Record
from training.recommendations.report import card_of, populations_of
from training.recommendations.text import markdown
from training.run import Run, Trained
from training.tables.objectives import RecommendationsObjective
from training.variant_entry import feature_entries

ITEMS, LINKS, PAIRS, RERANKER = "items.npz", "links.npz", "pairs.npz", "reranker.txt"
_LABEL: Final = Text(
    en="which products the customer buys within the window", zh_cn="客户在窗口期内会购买哪些商品"
)


def train_recommendations(run: Run) -> Trained:
    """Learn and judge what ranks the products of one business.

    Raises
    ------
    TableError
        Nothing was bought: there is no product to recommend.
    """
    objective = run.business.objectives.recommendations or RecommendationsObjective()
    shop = read_shop(run.tables, run.history, run.as_of)
    if not len(shop.purchases):
        raise TableError(
            "no product was bought by anybody whose data may be read, so there is nothing to recommend",
            table="order_lines",
            remedy="map order_lines with order_id and product_id, or take recommendations out of objectives",
        )
    group_by = objective.group_by or ""
    record = Record(
        catalogue=shop.catalogue,
        purchases=shop.purchases,
        views=shop.views,
        timezone=run.business.timezone,
        group_by=group_by,
        profile=run.history.profile[group_by] if group_by else None,
    )
    learned = learn(record, run.as_of, objective.horizon_days, run.seed, run.progress)
    return _trained(run, learned, shop, objective.horizon_days)


def _trained(run: Run, learned: Learned, shop: Shop, horizon_days: int) -> Trained:
    features = FeatureSet((), {})
    files = dict(zip((ITEMS, LINKS, PAIRS), write_items(learned.model.items), strict=True))
    if learned.tree_text is not None:
        files[RERANKER] = learned.tree_text
    draft = ManifestDraft(
        capability="recommendations",
        business=run.entry,
        label=Label(definition="purchase", horizon_days=horizon_days, text=_LABEL),
        settings=learned.model.blend.settings(),
        variants=(
            Variant(
                name="full",
                features=feature_entries(features, {}),
                schema_hash=features.schema_hash,
                populations=populations_of(learned, run.seed),
            ),
        ),
        items=ItemFiles(
            items=ITEMS,
            links=LINKS,
            pairs=PAIRS,
            reranker=None if learned.tree_text is None else RERANKER,
        ),
        golden="golden.json",
        trained_as_of=run.as_of_iso,
        data_fingerprint=run.tables.fingerprint,
        seed=run.seed,
        git_commit=run.git_commit,
        libraries=dict(run.libraries),
    )
    title = f"{run.business.name}{' (simulated)' if run.business.simulated else ''}"
    plots = contender_plot(learned, title, run.seed)
    card = card_of(draft, learned, shop, run.tables.counts)
    return Trained(
        draft=draft,
        files=files,
        features={"full": features},
        card=card,
        plots=plots,
        markdown=markdown(card, tuple(sorted(plots))),
    )
