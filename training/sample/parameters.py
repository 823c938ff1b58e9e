"""The global truth: every number that drives the simulated business, in one place.

Rates are per day. Effects on a rate or a hazard are on the log scale. `truth.json` repeats all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Purchase:
    """Orders of a customer who is alive: a modulated renewal process with gamma-distributed rates."""

    rate_shape: float = 1.4
    rate_mean: float = 1 / 30
    regular_share: float = 0.35
    """Share of customers whose gaps are Erlang-2; the others' are exponential."""
    first_order_on_arrival: float = 0.72
    first_order_rate: float = 0.012
    """Of those who registered and have not bought yet."""
    engagement: float = 0.45
    browsing: float = 0.5
    """Each recent visit adds this share to the rate (at most two visits count): views lead to purchases."""
    sale_for_discount_lovers: float = 0.9
    second_order_same_day: float = 0.03
    cancelled_share: float = 0.03


@dataclass(frozen=True, slots=True)
class Engagement:
    """Visits and the latent engagement (an Ornstein-Uhlenbeck process around a personal level)."""

    reversion: float = 1 / 30
    deviation: float = 0.85
    satisfied_level: float = 0.3
    dissatisfaction: float = -0.6
    """How far one unit of dissatisfaction moves the level that engagement reverts to."""
    visit_floor: float = 0.03
    visits_per_purchase: float = 1.4
    visits: float = 1.0
    """Effect of engagement on the log rate of visits."""
    browsing_half_life_days: float = 2.0


@dataclass(frozen=True, slots=True)
class Dropout:
    """Log hazard of leaving for good, evaluated every day of a customer's life."""

    base: float = -6.85
    frailty_deviation: float = 0.45
    dissatisfaction: float = 0.8
    open_complaint: float = 1.0
    subscription: float = -1.0
    discount_acquisition: float = 0.9
    engagement: float = -1.0
    satisfied_nature: float = -0.4
    single_order: float = 0.8


@dataclass(frozen=True, slots=True)
class Experience:
    """What a customer goes through, and how long it is remembered."""

    memory_half_life_days: float = 60.0
    late_log_odds: float = -2.5
    late_remote: float = 0.8
    late_weight: float = 0.8
    late_weight_per_day: float = 0.1
    defect_share: float = 0.045
    defect_weight: float = 0.7
    complaint_if_late: float = 0.3
    complaint_if_defect: float = 0.4
    complaint_rate: float = 0.0003
    complaint_weight: float = 0.5
    quick_answer_hours: float = 48.0
    quick_answer_relief: float = 0.4
    reopened_weight: float = 0.3
    open_complaint_days: int = 60
    """After so many days an open complaint no longer weighs by itself."""
    return_if_defect: float = 0.55
    return_otherwise: float = 0.018
    return_through_support: float = 0.6
    partial_refunds: float = 0.45


@dataclass(frozen=True, slots=True)
class Subscription:
    """The membership: starts, cancellations, renewals."""

    start_with_plan: float = 0.85
    start_rate: float = 0.0007
    cancel_rate: float = 0.0012
    cancel_dissatisfaction: float = 0.7
    cancel_engagement: float = -0.5
    cancel_rate_when_gone: float = 1 / 45
    renew_log_odds: float = 1.0


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Latent satisfaction and how surveys show it."""

    level: float = 0.25
    nature: float = 0.8
    dissatisfaction: float = -0.8
    open_complaint: float = -0.4
    csat_level: float = 3.85
    csat_slope: float = 0.9
    csat_noise: float = 0.6
    nps_level: float = 7.5
    nps_slope: float = 1.8
    nps_noise: float = 1.0
    ces_level: float = 5.0
    ces_slope: float = 1.2
    ces_noise: float = 0.8
    asked_after_delivery: float = 0.3
    asked_after_case: float = 0.5
    asked_effort: float = 0.3
    asked_nps: float = 0.25
    review_share: float = 0.14
    response_log_odds: float = -1.0
    response_slope: float = 0.45
    """Satisfied customers answer more often: what surveys show is better than what is true."""


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Randomised contacts and their true effects on the log purchase rate during the window."""

    first_day: int = 140
    every_days: int = 35
    window_days: int = 28
    enrolled_share: float = 0.35
    known_for_days: int = 30
    ordered_within_days: int = 365
    propensity: float = 0.5
    propensity_lapsing: float = 0.7
    """Coupons go more often to those who have not ordered for `lapsing_days`."""
    lapsing_days: int = 60
    coupon: float = 0.05
    coupon_discount_lover: float = 1.3
    coupon_sleeping_dog: float = -1.1
    """Lapsing subscribers who do not care for discounts: the coupon reminds them of the membership."""
    sleeping_dog_cancels: float = 1.6
    sleeping_dog_leaves: float = 0.7
    """On the log hazards of cancelling the membership and of leaving, during the window."""
    call: float = -0.15
    call_dissatisfied: float = 0.7
    content: float = 0.12
    unsubscribe: float = 0.015
    unsubscribe_sleeping_dog: float = 0.05
    unsubscribe_newsletter: float = 0.004
    """Chances that an opened e-mail is the last one."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """All of it."""

    purchase: Purchase = field(default_factory=Purchase)
    engagement: Engagement = field(default_factory=Engagement)
    dropout: Dropout = field(default_factory=Dropout)
    experience: Experience = field(default_factory=Experience)
    subscription: Subscription = field(default_factory=Subscription)
    satisfaction: Satisfaction = field(default_factory=Satisfaction)
    campaigns: Campaigns = field(default_factory=Campaigns)


RULES = Parameters()
