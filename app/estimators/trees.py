"""The machine-learning rung: boosted trees, answered and explained by LightGBM.

The only module of the service that knows LightGBM. One thread: a row takes microseconds, a batch leaves the
event loop, and more threads than cores would only get in each other's way.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from app.domain.errors import StructureError
from app.domain.history import Array
from app.estimators.base import Contributions


@dataclass(frozen=True, slots=True)
class Trees:
    """A boosted ensemble on its link scale."""

    booster: lgb.Booster

    def margin(self, X: Array) -> Array:
        """Return the raw scores, shape (N,)."""
        if not len(X):
            return np.empty(0)
        return np.asarray(self.booster.predict(X, raw_score=True, num_threads=1), dtype=np.float64)

    def contributions(self, X: Array) -> Contributions:
        """Return exact path-dependent Shapley values; the last column of LightGBM's answer is the base.

        References
        ----------
        Lundberg, Erion & Lee (2018), "Consistent Individualized Feature Attribution for Tree Ensembles".
        """
        if not len(X):
            return Contributions(np.empty(0), np.empty(X.shape))
        parts = np.asarray(self.booster.predict(X, pred_contrib=True, num_threads=1), dtype=np.float64)
        return Contributions(parts[:, -1], parts[:, :-1])


def read_trees(content: bytes) -> Trees:
    """Parse a LightGBM text model whose digest and structure have been checked.

    Raises
    ------
    StructureError
        LightGBM refuses the text.
    """
    try:
        return Trees(lgb.Booster(model_str=content.decode("utf-8")))
    except (lgb.basic.LightGBMError, UnicodeDecodeError) as error:
        msg = "LightGBM refuses the text of a tree model"
        raise StructureError(msg) from error
