"""In which language a text is, as far as script and small words tell: English, Chinese, both, or neither.

Rules:
- scripts are told apart letter by letter; a Chinese character counts as three Latin letters, because it says
  about as much;
- a text with kana is Japanese, however many of its characters are Chinese ones too;
- Latin letters are English unless the small words of another language outnumber the English ones, or one
  letter in twelve carries a mark, which English letters hardly ever do. In a text of a few words this may
  tell nothing: there the share of words that a model knows has to.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

Language = Literal["en", "zh", "mixed", "unknown"]

READ: Final = ("en", "zh", "cmn", "mul", "und")
"""Primary language tags (BCP 47) that do not rule out that a text can be read."""

HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Chinese characters, as a part of a regular expression's set."""

_READ_CHARACTERS: Final = 4_000
"""What is written behind them no longer tells anything of the language."""
_LETTERS_PER_HAN: Final = 3.0
_MOSTLY: Final = 0.75
_KANA_SHARE: Final = 0.15
_KANA_LETTERS: Final = 3
_MARKED_SHARE: Final = 1 / 12
_FOREIGN_WORDS: Final = 2
_FEW_WORDS: Final = 4
"""Of so few words without an English small word, one of another language is enough."""

_PLAIN: Final = re.compile(r"[A-Za-z]")
_HAN: Final = re.compile(f"[{HAN}]")
_KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_COUNTED: Final = re.compile(f"[{HAN}\u3041-\u3096\u30a1-\u30ff\uff70]")
_ASIDE: Final = re.compile(r"https?://\S+|www\.\S+|(?<!\S)\S+@\S+|[@#]\w+")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")

_SMALL_WORDS: Final = {
    "en": "the and of to is was are were it this that these with not for have has had you my your we they "
    "but very so at from be been will would can could did do does i he she its our their on in as an if no "
    "all out up about just",
    "fr": "le la les un une des du de et est était sont pas ne je tu il elle nous vous ils mais avec pour "
    "dans sur très c'est qui que ce cette mon ma mes trop bien j'ai au aux "
    "nul trop cher produit cassé déçu livraison qualité mauvais bonne merci jamais rien commande",
    "es": "el la los las un una unos de del y es era está son no yo lo le se me mi muy pero con para por en "
    "que este esta su sus más ha he fue "
    "gusta gustó nada bueno buena malo mala gusta gustó producto servicio envío llegó "
    "nunca gracias excelente calidad",
    "de": "der die das ein eine einen und ist war sind nicht ich du er sie es wir ihr aber mit für auf im in "
    "von zu sehr den dem des auch nur noch hat habe wurde leider "
    "gut schlecht schlechter schnell nie wieder kundendienst lieferung qualität produkt kaputt "
    "danke furchtbar",
    "it": "il lo la i gli le un una di del della e è era sono non io mi ma con per in che questo questa "
    "molto anche più ho ha "
    "prodotto servizio buono ottimo pessimo qualità spedizione arrivato grazie",
    "pt": "o a os as um uma de do da dos das e é era são não eu me mas com para por em que este esta muito "
    "foi meu minha está "
    "produto entrega ótimo péssimo bom boa ruim chegou obrigado qualidade nunca excelente",
    "nl": "de het een en is was zijn niet ik je hij zij we maar met voor op in van te zeer dat die deze heel "
    "ook nog heb heeft goed slecht snel bedankt kwaliteit levering",
    "id": "yang dan di ke dari ini itu tidak saya kamu dengan untuk sangat sudah belum ada bisa barang",
    "pl": "i w na z nie jest się to że do jak ale bardzo za od po był była są",
    "tr": "ve bir bu çok için ile ama değil ben da de daha gibi ürün",
}
_SHARED: Final = "a am an are as die do el ha he i im in is lo me no non on per so to was we"
"""Small words of other languages that are English words as well."""
_WORDS: Final = {name: frozenset(words.split()) - {*_SHARED.split()} for name, words in _SMALL_WORDS.items()}
_ENGLISH: Final = frozenset(_SMALL_WORDS["en"].split())
_FOREIGN: Final = {name: words - _ENGLISH for name, words in _WORDS.items() if name != "en"}


def language_of(text: str) -> Language:
    """Return the language of a text; "unknown" without letters or in a language that is not read."""
    if text.isascii():
        letters = len(_PLAIN.findall(text))
        return "en" if letters and _is_english(text, letters, 0) else "unknown"
    text = unicodedata.normalize("NFKC", text)[:_READ_CHARACTERS]
    plain, han, kana = (_count(pattern, text) for pattern in (_PLAIN, _HAN, _KANA))
    marked, others = _other_letters(text)
    latin, others = plain + marked, others + kana
    is_japanese = kana >= _KANA_LETTERS and kana > _KANA_SHARE * (han + kana)
    if not latin + han or others > latin + han or is_japanese:
        return "unknown"
    if latin > han * _LETTERS_PER_HAN and not _is_english(text, latin, marked):
        return "unknown"
    share = han / (han + latin / _LETTERS_PER_HAN)
    if share >= _MOSTLY:
        return "zh"
    return "en" if share <= 1 - _MOSTLY else "mixed"


def can_be_read(tag: str | None) -> bool:
    """Return whether a text called so may be English or Chinese (BCP 47; None says nothing)."""
    return tag is None or tag.partition("-")[0].lower() in READ


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))


def _other_letters(text: str) -> tuple[int, int]:
    """Return how many Latin letters with a mark there are, and how many letters of further scripts."""
    marked = others = 0
    for character in text:
        if character > "\x7f" and character.isalpha() and not _COUNTED.match(character):
            if "LATIN" in unicodedata.name(character, ""):
                marked += 1
            else:
                others += 1
    return marked, others


def _is_english(text: str, letters: int, marked: int) -> bool:
    """Return whether nothing speaks against Latin letters being English."""
    words = {word.lower() for word in _WORD.findall(_ASIDE.sub(" ", text))}
    english = len(words & _ENGLISH)
    foreign = max(len(words & small) for small in _FOREIGN.values())
    if english > max(foreign, 1):
        return True
    enough = 1 if len(words) <= _FEW_WORDS and not english else _FOREIGN_WORDS
    return foreign < enough and marked <= _MARKED_SHARE * letters
