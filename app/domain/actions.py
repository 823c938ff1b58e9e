"""Actions as values: what may be done for a customer, for whom, at which price, and how often.

``actions.yaml`` is read by :mod:`app.domain.playbook`; expressions in it are words here, compiled by
:mod:`app.serving.conditions`. Money is in the business's currency, times are microseconds since 1970 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

NONE: Final = "none"
"""The id and the type of doing nothing: always a candidate, never in a file."""

ACTION_TYPES: Final = (
    "coupon",
    "reminder",
    "call",
    "tutorial",
    "vip_service",
    "cross_sell",
    "upsell",
    "win_back",
    "loyalty_reward",
    "survey",
    "service_recovery",
    "message",
)
PROMOTIONS: Final = frozenset({"coupon", "cross_sell", "upsell", "win_back", "loyalty_reward"})
"""Types that sell: an open complaint forbids them in the default playbook."""

BELIEFS: Final[Mapping[str, tuple[float, float, float]]] = MappingProxyType(
    {
        "coupon": (0.0, 0.02, 0.05),
        "reminder": (0.0, 0.02, 0.05),
        "call": (0.0, 0.04, 0.10),
        "tutorial": (0.0, 0.02, 0.05),
        "vip_service": (0.0, 0.03, 0.08),
        "cross_sell": (0.0, 0.01, 0.03),
        "upsell": (0.0, 0.01, 0.03),
        "win_back": (0.0, 0.02, 0.05),
        "loyalty_reward": (0.0, 0.02, 0.05),
        "survey": (0.0, 0.005, 0.01),
        "service_recovery": (0.0, 0.05, 0.12),
        "message": (0.0, 0.005, 0.02),
    }
)
"""What a type is believed to do where its owner says nothing: no measurement, and never called one."""

ELIGIBILITY: Final = ("eligible", "applicable", "suitable")
"""The layers of rules: who is allowed to have it, for whom it makes sense now, whom it would serve."""
LAYERS: Final = (
    "request",
    "validity",
    "consent",
    *ELIGIBILITY,
    "contact_policy",
    "quiet_hours",
    "budget",
)
"""Every layer that can take a candidate away, in the order in which they act."""

EVIDENCE: Final = ("rule_prior", "pilot", "experiment", "bandit")
"""What an expected effect rests on: a belief, a randomised trial that is not clear of chance yet, one that
is, and one that goes on while it serves."""

EXPIRES_DAYS: Final = 7.0
WINDOW_DAYS: Final = 28.0

MODES: Final = ("live", "dry_run", "shadow", "apprentice")


@dataclass(frozen=True, slots=True)
class Effect:
    """How much likelier an action makes what it is for: a difference of probabilities, -1 to 1."""

    low: float
    mid: float
    high: float


@dataclass(frozen=True, slots=True)
class ActionRule:
    """One rule of an eligibility layer: a CEL expression that must be true, and what is said if it is not.

    ``text`` has the keys ``en`` and ``zh-CN``.
    """

    id: str
    when: str
    text: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that may be done.

    ``cost`` holds the cost of each channel. A success is worth ``value``, or, where that is None, ``margin``
    (0 to 1) of the customer's average order value. ``budget`` names what it is paid from. A transactional
    action is no advertisement: consent to marketing, contact limits and the holdout do not apply to it.
    ``due_days`` is how soon it must be done to be of use, ``expires_days`` how long the offer holds,
    ``repeat_days`` how long the same person does not get it again, ``window_days`` how long its outcome is
    waited for.
    """

    id: str
    type: str
    channels: tuple[str, ...]
    cost: Mapping[str, float]
    value: float | None
    margin: float | None
    effect: Effect
    content_key: str
    text: Mapping[str, str]
    eligible: tuple[ActionRule, ...] = ()
    applicable: tuple[ActionRule, ...] = ()
    suitable: tuple[ActionRule, ...] = ()
    valid_from: int | None = None
    valid_until: int | None = None
    budget: str | None = None
    is_transactional: bool = False
    due_days: float | None = None
    expires_days: float = EXPIRES_DAYS
    repeat_days: float | None = None
    window_days: float = WINDOW_DAYS

    def rules(self, layer: str) -> tuple[ActionRule, ...]:
        """Return the rules of one of ``ELIGIBILITY``."""
        rules: tuple[ActionRule, ...] = getattr(self, layer)
        return rules


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many contacts of a person in any span of so many days: by one channel, or by all of them."""

    id: str
    most: int
    days: float
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When nobody is disturbed, in the customer's own time: minutes after midnight, over midnight if need be.

    Only the named channels disturb.
    """

    begins: int
    ends: int
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """What actions may cost together from ``begins`` until ``ends``.

    ``unit`` is ``money``, or ``sends`` where each action counts as one. ``price`` is the least profit that a
    contact from this budget must promise beyond its cost (the dual price, λ, never falls below it).
    """

    id: str
    unit: str
    amount: float
    begins: int
    ends: int
    price: float = 0.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How decisions are drawn, and what protects the customers.

    ``epsilon`` is the share of decisions that is spread evenly over all candidates, ``holdout`` the share of
    persons who get nothing, ``random_slice`` the share of persons whose action is drawn evenly; ``salt``
    decides which persons these are.
    """

    epsilon: float = 0.05
    holdout: float = 0.05
    random_slice: float = 0.02
    salt: str = "kith"
    limits: tuple[Limit, ...] = ()
    quiet_hours: QuietHours | None = None


@dataclass(frozen=True, slots=True)
class Playbook:
    """Everything that may be done, and under which policy."""

    actions: tuple[Action, ...]
    policy: Policy
    budgets: tuple[Budget, ...] = ()
