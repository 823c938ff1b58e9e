"""Who allowed what, as known at a time: the latest row per purpose wins, else the business's default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from app.domain.history import CONSENT_STATUSES, NAT, PURPOSES, Array, History

CONSENT_DEFAULTS: Final[Mapping[str, str]] = {
    "profiling": "granted",
    "personalisation": "granted",
    "marketing": "denied",
    "behavioural_tracking": "granted",
}
"""What holds for a purpose without a row, unless the business says otherwise."""

_GRANTED: Final = CONSENT_STATUSES.index("granted")


def granted(history: History, purpose: str, as_of: Array, defaults: Mapping[str, str]) -> Array:
    """Return whether each customer's consent to a purpose stands at ``as_of``.

    Where the latest time has rows that contradict each other, it does not stand.

    Parameters
    ----------
    history : History of N customers
    purpose : str
        One of ``PURPOSES``.
    as_of : ndarray of int64, shape (N,)
        Rows later than this are not read.
    defaults : mapping
        Purpose to ``granted`` or ``denied``.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    default = defaults.get(purpose, CONSENT_DEFAULTS[purpose]) == "granted"
    answer = np.full(history.size, default)
    consents = history.tables.get("consents")
    if consents is None:
        return answer
    # Rows are sorted by time within a customer, and the last assignment to an index wins.
    owner = np.repeat(np.arange(history.size), np.diff(consents.offsets))
    at = consents["status_at"]
    rows = np.flatnonzero((consents["purpose"] == PURPOSES.index(purpose)) & (at <= as_of[owner]))
    latest = np.full(history.size, NAT, dtype=np.int64)
    latest[owner[rows]] = at[rows]
    is_latest = at[rows] == latest[owner[rows]]
    refused = rows[is_latest & (consents["status"][rows] != _GRANTED)]
    answer[owner[rows]] = True
    answer[owner[refused]] = False
    return answer
