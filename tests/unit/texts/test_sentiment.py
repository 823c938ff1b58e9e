from __future__ import annotations

from app.capabilities.sentiment import LABELS, REASONS
from app.serving.texts import NO_MODEL
from app.texts.catalogue import LOCALES
from app.texts.sentiment import abstained_text, catalogue


def test_every_label_and_reason_has_words_of_its_own() -> None:
    for locale in LOCALES:
        words = [catalogue()["labels"][label][locale] for label in LABELS]
        words += [abstained_text(locale, reason) for reason in (*REASONS, NO_MODEL)]
        assert len(set(words)) == len(LABELS) + len(REASONS) + 1
