"""The challenger: LambdaMART that ranks the best candidates of a blend again.

References
----------
Burges (2010), "From RankNet to LambdaRank to LambdaMART: An Overview".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import lightgbm as lgb
import numpy as np

from app.capabilities.recommend import scored_for
from app.domain.history import Array
from app.estimators.blend import ItemModel
from app.estimators.reranking import RANKED_INPUTS, ranked_inputs, reranked_rows
from training.recommendations.windows import TASKS_OF_HISTORY, Window

FEWEST_REQUESTS: Final = 500
"""Requests without which no trees are grown."""
TREES: Final = 50
"""More trees, or larger ones, learn the windows by heart."""
_PARAMETERS: Final = {
    "objective": "lambdarank",
    "metric": "None",
    "learning_rate": 0.05,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "lambda_l2": 10.0,
    "feature_fraction": 0.8,
    "lambdarank_truncation_level": 20,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def grow_reranker(models: Sequence[ItemModel], windows: Sequence[Window], seed: int) -> bytes | None:
    """Return trees as LightGBM text, learned from several windows; None where there are too few requests.

    Parameters
    ----------
    models, windows : sequences of equal length
        The model as it was at each cut-off, and the window behind it.
    """
    inputs: list[Array] = []
    hits: list[Array] = []
    for model, window in zip(models, windows, strict=True):
        for task in TASKS_OF_HISTORY:
            for _, shopper, allowed, relevant in window.questions(task):
                scored = scored_for(model, shopper, task, allowed, is_wide=False)
                rows = reranked_rows(scored.margin)
                found = np.isin(scored.product[rows], relevant)
                if found.any():
                    inputs.append(ranked_inputs(scored, rows).astype(np.float32))
                    hits.append(found)
    if len(hits) < FEWEST_REQUESTS:
        return None
    data = lgb.Dataset(
        np.concatenate(inputs),
        label=np.concatenate(hits).astype(np.int32),
        group=[len(part) for part in hits],
        feature_name=list(RANKED_INPUTS),
        free_raw_data=True,
    )
    booster = lgb.train({**_PARAMETERS, "seed": seed}, data, num_boost_round=TREES)
    return booster.model_to_string().encode()
