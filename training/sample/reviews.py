"""Review texts: sentences about one to three aspects, in the polarity of what the customer went through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.domain.history import Array
from training.sample.phrases import ASPECTS, CHINESE, ENGLISH, JOINTS, OPENINGS

DELIVERY, QUALITY = ASPECTS.index("delivery"), ASPECTS.index("quality")
_BOOKS: Final = (ENGLISH, CHINESE)
_MOST_ASPECTS: Final = 3


@dataclass(frozen=True, slots=True)
class Reviews:
    """Texts and what they say: ``polarity`` has shape (R, aspects), -1, 0 (not mentioned) or 1."""

    text: list[str]
    polarity: Array


def write_reviews(
    satisfaction: Array,
    score: Array,
    late: Array,
    defect: Array,
    language: Array,
    product: list[str],
    rng: np.random.Generator,
) -> Reviews:
    """Write one review per row.

    Parameters
    ----------
    satisfaction : ndarray, shape (R,)
        Latent satisfaction at the time of the review.
    score : ndarray, shape (R,)
        Stars, 1 to 5; the opening sounds like them.
    late, defect : ndarray of bool, shape (R,)
        Whether the parcel was late, the product broken: then the review says so more often than not.
    language : ndarray of int64, shape (R,)
        0 English, 1 Chinese.
    product : list of str, length R
        The product's name in the review's language.
    """
    rows = len(score)
    # Weights order the aspects; what went wrong comes to mind first.
    weight = rng.random((rows, len(ASPECTS)))
    weight[:, DELIVERY] += 0.7 * late
    weight[:, QUALITY] += 0.3 + 0.6 * defect
    rank = np.argsort(np.argsort(-weight, axis=1), axis=1)
    mentioned = rank < rng.integers(1, _MOST_ASPECTS + 1, rows)[:, None]
    log_odds = 0.1 + 1.5 * (score - 3.0) + 0.6 * satisfaction
    praises = rng.random(weight.shape) < 1.0 / (1.0 + np.exp(-log_odds))[:, None]
    praises[:, DELIVERY] = ~late & (praises[:, DELIVERY] | (rng.random(rows) < 0.5))
    praises[:, QUALITY] &= ~defect
    polarity = np.where(mentioned, np.where(praises, 1, -1), 0)
    mood = np.digitize(score, [2.5, 3.5])
    pick = rng.random((rows, len(ASPECTS) + 1))
    text = [
        _compose(polarity[row], rank[row], int(mood[row]), int(language[row]), product[row], pick[row])
        for row in range(rows)
    ]
    return Reviews(text=text, polarity=polarity)


def _compose(polarity: Array, rank: Array, mood: int, language: int, product: str, pick: Array) -> str:
    """Join an opening and the sentences of one review: first those that go with its mood, then the others."""
    book = _BOOKS[language]
    same, turn = JOINTS[language]
    openings = OPENINGS[language][mood]
    text = openings[int(pick[-1] * len(openings))]
    tone = (-1, 0, 1)[mood]
    said = [aspect for aspect in np.argsort(rank) if polarity[aspect]]
    before = tone
    for aspect in sorted(said, key=lambda aspect: polarity[aspect] != (tone or polarity[said[0]])):
        sign = int(polarity[aspect])
        sentences = book[ASPECTS[aspect]][0 if sign > 0 else 1]
        sentence = sentences[int(pick[aspect] * len(sentences))].format(p=product)
        joint = turn if before and before != sign else same
        text = f"{text}{joint}{sentence}" if text else sentence
        before = sign
    return text
