"""What a cluster is called in the reader's language: its traits, put together."""

from __future__ import annotations

from app.texts.catalogue import Locale, catalogue

_NUMBERED = "cluster_"


def cluster_text(locale: Locale, name: str) -> str:
    """Return the name of a cluster in words.

    Parameters
    ----------
    name : str
        One or two traits of the catalogue's ``cluster_traits`` with an underscore between them, ``average``,
        or ``cluster_3``.

    Raises
    ------
    KeyError
        The name is made of something else.
    """
    traits: dict[str, str] = catalogue(locale)["cluster_traits"]
    if name.startswith(_NUMBERED):
        return traits["cluster"].format(n=int(name.removeprefix(_NUMBERED)))
    if name in traits:
        return traits[name]
    for first, text in traits.items():
        second = name.removeprefix(f"{first}_")
        if second != name and second in traits:
            return traits["separator"].join((text, traits[second]))
    raise KeyError(name)
