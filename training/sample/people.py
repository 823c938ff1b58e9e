"""Who the simulated customers are: traits that never change, drawn once per customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import Array
from training.sample.catalogue import CLUSTERS
from training.sample.parameters import Parameters
from training.sample.season import DAYS, Calendar
from training.sample.streams import Streams

LANGUAGES: Final = ("en", "zh-CN")
ACQUISITION: Final = ("search", "social", "referral", "store", "discount_campaign", "marketplace")
DISCOUNT_CAMPAIGN: Final = ACQUISITION.index("discount_campaign")
PLANS: Final = ("pay_as_you_go", "member", "family")
GENDERS: Final = ("female", "male")
PLACES: Final = (
    # country, state, city, far from the warehouses, share, share that reads Chinese
    ("CN", "Shanghai", "Shanghai", False, 0.24, 0.93),
    ("CN", "Guangdong", "Guangzhou", False, 0.14, 0.96),
    ("CN", "Beijing", "Beijing", False, 0.13, 0.93),
    ("CN", "Sichuan", "Chengdu", False, 0.09, 0.98),
    ("CN", "Xinjiang", "Urumqi", True, 0.05, 0.98),
    ("CN", "Yunnan", "Kunming", True, 0.05, 0.98),
    ("SG", "Singapore", "Singapore", False, 0.12, 0.35),
    ("GB", "England", "London", False, 0.08, 0.06),
    ("AU", "New South Wales", "Sydney", True, 0.06, 0.08),
    ("US", "California", "San Francisco", True, 0.04, 0.12),
)


@dataclass(frozen=True, slots=True)
class People:
    """Columns of N customers.

    ``arrival`` is the day of registration, ``rate`` the purchase rate per day while alive, ``frailty`` the
    personal part of the log hazard of leaving, ``nature`` the personal level of satisfaction,
    ``discount_love`` in [0, 1]. ``granted`` maps a purpose to 1 granted, 0 denied, -1 never asked.
    """

    first_number: int
    arrival: Array
    language: Array
    place: Array
    acquisition: Array
    discount_love: Array
    nature: Array
    frailty: Array
    regular: Array
    rate: Array
    visit_rate: Array
    spend: Array
    store_share: Array
    cluster: Array
    plan: Array
    household: Array
    newsletter: Array
    birth_year: Array
    gender: Array
    granted: dict[str, Array]

    @property
    def size(self) -> int:
        """N, the number of customers of the block."""
        return len(self.arrival)

    @property
    def remote(self) -> Array:
        """True for those who live far from the warehouses, shape (N,)."""
        return np.array([place[3] for place in PLACES])[self.place]


def draw_people(size: int, first_number: int, rules: Parameters, days: Calendar, streams: Streams) -> People:
    """Draw the traits of a block of customers.

    Parameters
    ----------
    size : int
        How many customers.
    first_number : int
        The number of the first of them; numbers make the ids.
    rules : Parameters
        The global truth.
    days : Calendar
        Arrivals follow its demand, after a wave at the opening.
    streams : Streams
        Draws from ``people``, ``rates``, ``profile`` and ``consents``.
    """
    rng = streams["people"]
    acquisition = rng.choice(len(ACQUISITION), size, p=[0.25, 0.2, 0.17, 0.12, 0.18, 0.08])
    hunter = acquisition == DISCOUNT_CAMPAIGN
    place = rng.choice(len(PLACES), size, p=[row[4] for row in PLACES])
    reads_chinese = np.array([row[5] for row in PLACES])[place]
    in_china = np.array([row[0] == "CN" for row in PLACES])[place]
    rate, regular, visit_rate = _rates(size, rules, streams)
    profile = streams["profile"]
    return People(
        first_number=first_number,
        arrival=_arrivals(size, days, rng),
        language=(rng.random(size) < reads_chinese).astype(np.int64),
        place=place,
        acquisition=acquisition,
        discount_love=np.where(hunter, rng.beta(4.0, 2.0, size), rng.beta(1.5, 4.0, size)),
        nature=rng.normal(0.0, 0.7, size),
        frailty=rng.normal(0.0, rules.dropout.frailty_deviation, size),
        regular=regular,
        rate=rate,
        visit_rate=visit_rate,
        spend=np.exp(rng.normal(0.0, 0.4, size)),
        store_share=np.where(in_china, rng.beta(1.0, 6.0, size), 0.0),
        cluster=rng.choice(len(CLUSTERS), size, p=[0.22, 0.18, 0.22, 0.14, 0.12, 0.12]),
        plan=_with_missing(rng.choice(len(PLANS), size, p=[0.66, 0.24, 0.1]), 0.03, rng),
        household=np.where(rng.random(size) < 0.15, np.nan, 1.0 + rng.binomial(5, 0.3, size)),
        newsletter=rng.random(size) < 0.45,
        birth_year=np.where(profile.random(size) < 0.15, np.nan, _birth_years(size, profile)),
        gender=_with_missing(profile.choice(len(GENDERS), size, p=[0.58, 0.42]), 0.12, profile),
        granted=_consents(size, streams["consents"]),
    )


def _arrivals(size: int, days: Calendar, rng: np.random.Generator) -> Array:
    """Draw registration days: demand, a wave at the opening, and slow growth."""
    day = np.arange(DAYS)
    weights = days.demand * (1.0 + 0.4 * day / DAYS + 3.0 * np.exp(-day / 45.0))
    return rng.choice(DAYS, size, p=weights / weights.sum())


def _rates(size: int, rules: Parameters, streams: Streams) -> tuple[Array, Array, Array]:
    """Draw purchase rates, who buys at regular gaps, and rates of visits (which go along with purchases)."""
    rng = streams["rates"]
    purchase, engagement = rules.purchase, rules.engagement
    rate = rng.gamma(purchase.rate_shape, purchase.rate_mean / purchase.rate_shape, size)
    regular = rng.random(size) < purchase.regular_share
    visits = engagement.visit_floor + engagement.visits_per_purchase * rate
    return rate, regular, visits * np.exp(rng.normal(0.0, 0.5, size))


def _with_missing(codes: Array, share: float, rng: np.random.Generator) -> Array:
    """Return the codes with a share of them set to -1, missing."""
    return np.where(rng.random(len(codes)) < share, -1, codes)


def _birth_years(size: int, rng: np.random.Generator) -> Array:
    """Draw years of birth, adults only."""
    return np.clip(np.rint(rng.normal(1989.0, 11.0, size)), 1945, 2005)


def _consents(size: int, rng: np.random.Generator) -> dict[str, Array]:
    """Draw what each customer said at registration: 1 granted, 0 denied, -1 never asked."""
    shares = {
        "profiling": (0.03, 0.87),
        "personalisation": (0.05, 0.8),
        "marketing": (0.2, 0.68),
        "behavioural_tracking": (0.04, 0.86),
    }
    drawn = {}
    for purpose, (denied, granted) in shares.items():
        u = rng.random(size)
        drawn[purpose] = np.where(u < denied, 0, np.where(u < denied + granted, 1, -1))
    return drawn
