"""What an action changes: the difference between its arms, weighed by the chances that were logged.

Rules:

1. Only a control arm with known chances tells an effect; logs without one say nothing.
2. The estimate is Hajek's: in each arm the share of answers, every contact weighed by one over the chance of
   being in that arm. Its 90 % interval comes from the influence function, summed by customer.
3. An action is refused where chances are not within (0, 1), where arms do not have the sizes that the chances
   say (sample ratio mismatch), or where outcomes of closed windows are missing.
4. ``pilot`` is a trial with 100 outcomes in each arm, weights considered; ``experiment`` one that is clear of
   chance among all trials of the playbook (Benjamini and Hochberg at 10 %). Below that the belief stands.
5. An effect is told of channels by which enough of the treated were reached, and of no other.

References
----------
Benjamini & Hochberg (1995), "Controlling the false discovery rate"; Hajek (1971), comment on "An essay on the
logical foundations of survey sampling"; Lunceford & Davidian (2004), "Stratification and weighting via the
propensity score"; Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from scipy.stats import chi2, false_discovery_control, norm

from app.domain.actions import Effect
from app.domain.history import Array
from training.actions.rows import Contacts

LEVEL: Final = 0.90
FALSE_SHARE: Final = 0.10
"""The share of experiments that may be none."""
TRIED: Final = 30
TRIED_SHARE: Final = 0.05
"""Treated contacts by a channel, and their share, from which on it counts as tried."""
ENOUGH: Final = 100
"""Outcomes that each arm needs, counted as its weights allow (Kish's effective sample size)."""
RARER: Final = 10
"""Contacts of either outcome that each arm needs before its share is near enough to normal."""
MISMATCH: Final = 0.001
"""The probability below which arms are not what their chances say."""
MISSING: Final = 0.10
"""The share of contacts without a known outcome above which an action is refused."""
UNTIMED: Final = 0.01
"""The share of answers without a time above which an action is refused."""
_BINS: Final = 10
_Z: Final = float(norm.ppf(0.5 + LEVEL / 2))

NO_CONTROL: Final = "no_control"
NO_PROPENSITY: Final = "no_propensity"
PROPENSITY_RANGE: Final = "propensity_range"
ARM_SIZES: Final = "arm_sizes"
OUTCOMES_MISSING: Final = "outcomes_missing"
ANSWERS_UNTIMED: Final = "answers_untimed"
TOO_FEW: Final = "too_few"
TOO_RARE: Final = "too_rare"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the contacts say of one action.

    ``treated`` and ``control`` count contacts with a known outcome. ``effect`` is None where nothing can be
    said, then ``silent`` says why. ``mismatch_p`` is the probability of such arm sizes by chance, ``p`` that
    of such an effect; ``channels`` were tried.
    """

    action: str
    treated: int
    control: int
    window_days: float
    effect: Effect | None = None
    evidence: str | None = None
    share_treated: float | None = None
    share_control: float | None = None
    mismatch_p: float | None = None
    silent: str | None = None
    p: float | None = None
    channels: tuple[str, ...] = ()

    def setting(self) -> dict[str, Any]:
        """Return what the artifact's settings hold; there is an effect."""
        assert self.effect is not None  # noqa: S101  the caller keeps those with an effect
        return {
            "low": self.effect.low,
            "mid": self.effect.mid,
            "high": self.effect.high,
            "evidence": self.evidence,
            "treated": self.treated,
            "control": self.control,
            "window_days": self.window_days,
            "channels": list(self.channels),
        }


def measure(contacts: Contacts) -> tuple[Measured, ...]:
    """Return what the contacts say of every action that they name, in alphabetical order."""
    found = [
        _measured(str(action), contacts.take(np.flatnonzero(contacts.action == action)))
        for action in sorted(set(contacts.action.tolist()) - {""})
    ]
    told = [place for place, one in enumerate(found) if one.p is not None]
    adjusted = false_discovery_control([found[place].p for place in told]) if told else ()
    for place, p in zip(told, adjusted, strict=True):
        found[place] = replace(found[place], evidence="experiment" if p <= FALSE_SHARE else "pilot")
    return tuple(found)


def _measured(action: str, own: Contacts) -> Measured:
    """Return what the contacts of one action say."""
    known = ~np.isnan(own.y)
    base = Measured(
        action,
        treated=int((known & (own.treated == 1)).sum()),
        control=int((known & (own.treated == 0)).sum()),
        window_days=float(own.window_days[0]),
    )
    assigned = own.take(np.flatnonzero(~np.isnan(own.treated)))
    if not ((assigned.treated == 1).any() and (assigned.treated == 0).any()):
        return replace(base, silent=NO_CONTROL)
    refusal, mismatch = _refusal(assigned)
    base = replace(base, mismatch_p=mismatch)
    if refusal is not None:
        return replace(base, silent=refusal)
    told = assigned.take(np.flatnonzero(~np.isnan(assigned.y)))
    weak = _weak(told)
    if weak is not None:
        return replace(base, silent=weak)
    estimate = hajek(told.y, told.treated, told.propensity, told.customer)
    return replace(
        base,
        effect=estimate.effect,
        share_treated=estimate.treated,
        share_control=estimate.control,
        p=float(2 * norm.sf(abs(estimate.effect.mid) / estimate.error)) if estimate.error > 0 else 1.0,
        channels=_tried(told),
    )


def _tried(told: Contacts) -> tuple[str, ...]:
    """Return the channels by which enough of the treated were reached."""
    names, counts = np.unique(told.channel[told.treated == 1].astype(str), return_counts=True)
    least = max(TRIED, TRIED_SHARE * counts.sum())
    return tuple(str(name) for name in names[counts >= least])


def _refusal(assigned: Contacts) -> tuple[str | None, float | None]:
    """Return why a trial is not to be believed, None where it is; and how likely its arm sizes are."""
    chance = assigned.propensity
    if np.isnan(chance).any():
        return NO_PROPENSITY, None
    if not ((chance > 0) & (chance < 1)).all():
        return PROPENSITY_RANGE, None
    mismatch = mismatch_p(assigned.treated, chance, assigned.customer)
    if mismatch < MISMATCH:
        return ARM_SIZES, mismatch
    if assigned.is_untimed.sum() > UNTIMED * max((assigned.y == 1).sum() + assigned.is_untimed.sum(), 1):
        return ANSWERS_UNTIMED, mismatch
    if any(np.isnan(assigned.y[assigned.treated == arm]).mean() > MISSING for arm in (0, 1)):
        return OUTCOMES_MISSING, mismatch
    return None, mismatch


def _weak(told: Contacts) -> str | None:
    """Return why a sound trial is too small to speak, None where it is not."""
    for arm, chance in ((1, told.propensity), (0, 1 - told.propensity)):
        rows = told.treated == arm
        weight = 1 / chance[rows]
        if not rows.any() or weight.sum() ** 2 / (weight**2).sum() < ENOUGH:
            return TOO_FEW
        answered = told.y[rows].sum()
        if min(answered, rows.sum() - answered) < RARER:
            return TOO_RARE
    return None


def mismatch_p(treated: Array, propensity: Array, customer: Array) -> float:
    """Return how likely arms differ this much from the logged chances, by a chi-square test.

    Rows are compared within each logged chance, or within ten bins of it where there are more; rows of one
    customer may have been drawn together.
    """
    values, group = np.unique(propensity, return_inverse=True)
    if len(values) > _BINS:
        edges = np.unique(np.quantile(propensity, np.linspace(0, 1, _BINS + 1)[1:-1]))
        group = np.searchsorted(edges, propensity, side="right")
    away = np.bincount(group, weights=treated - propensity)
    alone = np.bincount(group, weights=propensity * (1 - propensity))
    pairs, place = np.unique(np.column_stack([group, customer]), axis=0, return_inverse=True)
    by_customer = np.bincount(place.ravel(), weights=treated - propensity)
    # Where customers were drawn row by row both are the same on average; the larger one is safe.
    spread = np.maximum(alone, np.bincount(pairs[:, 0].astype(np.int64), weights=by_customer**2))
    has_rows = spread > 0
    return float(chi2.sf((away[has_rows] ** 2 / spread[has_rows]).sum(), int(has_rows.sum())))


@dataclass(frozen=True, slots=True)
class Estimate:
    """An average effect with its interval and standard error, and the share of answers in either arm."""

    effect: Effect
    error: float
    treated: float
    control: float


def hajek(y: Array, treated: Array, propensity: Array, customer: Array) -> Estimate:
    """Return the average effect, weighed by the chances.

    Parameters
    ----------
    y, treated, propensity : ndarray, shape (R,)
        Answer and arm, 0 or 1; the chance of treatment, within (0, 1). Both arms have rows.
    customer : ndarray, shape (R,)
        Whose each row is: rows of one customer err together.
    """
    with_it, part_with = _share(y, treated / propensity)
    without, part_without = _share(y, (1 - treated) / (1 - propensity))
    _, place = np.unique(customer, return_inverse=True)
    by_customer = np.bincount(place, weights=part_with - part_without)
    groups = len(by_customer)
    error = float(np.sqrt((by_customer**2).sum() * groups / max(groups - 1, 1)))
    mid = with_it - without
    effect = Effect(max(mid - _Z * error, -1.0), mid, min(mid + _Z * error, 1.0))
    return Estimate(effect, error, with_it, without)


def _share(y: Array, weight: Array) -> tuple[float, Array]:
    """Return the weighted share, and what each row adds to its error, shape (R,)."""
    total = weight.sum()
    share = float(weight @ y / total)
    influence: Array = weight * (y - share) / total
    return share, influence
