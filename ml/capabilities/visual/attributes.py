"""What the shop says of its products, as labels that a network is taught by: the category, and a colour named in the text."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

WORDS: dict[str, str] = {
    "black": "black schwarz schwarze schwarzer schwarzes noir noire preto preta negro negra nero",
    "grey": "grey gray grau graue grauer graues gris cinza grigio charcoal silver silber anthracite",
    "white": "white weiss weiß weisse weiße blanc blanche branco branca blanco blanca bianco cream beige ivory",
    "red": "red rot rote roter rotes rouge vermelho vermelha rojo roja rosso maroon burgundy",
    "orange": "orange laranja naranja arancione",
    "brown": "brown braun braune brauner braunes marron brun brune marrom castanho marrón tan khaki bronze",
    "yellow": "yellow gelb gelbe gelber gelbes jaune amarelo amarela amarillo amarilla giallo gold golden mustard",
    "green": "green grün grüne grüner grünes vert verte verde olive lime",
    "turquoise": "turquoise türkis teal turquesa aqua",
    "blue": "blue blau blaue blauer blaues bleu bleue azul blu navy",
    "purple": "purple violet lila violett lavender roxo morado viola mauve",
    "pink": "pink rosa rose magenta fuchsia",
}
_NAME = {word: name for name, words in WORDS.items() for word in words.split()}
_ANY = re.compile(r"[^\W\d_]+")
FEWEST = 3
"""Products below which a category is no class of its own."""

NONE = -1
Ids = npt.NDArray[np.int64]


class Classes(NamedTuple):
    """Names of classes, sorted, and the place of each row's among them, ``NONE`` where it has none."""

    names: list[str]
    of: Ids


def colour_of(text: str) -> str:
    """The one colour that a text names, by its English name; empty where it names none or several.

    Examples
    --------
    >>> colour_of("Nordvik Jacke, dunkel und ROT"), colour_of("red and blue scarf")
    ('red', '')
    """
    found = {_NAME[word] for word in _ANY.findall(text.lower()) if word in _NAME}
    return found.pop() if len(found) == 1 else ""


def colours_of(titles: pa.ChunkedArray) -> list[str]:
    """The colour that each title names."""
    return [colour_of(title or "") for title in titles.to_pylist()]


def classes(values: list[str], fewest: int = FEWEST) -> Classes:
    """Number the values that come at least ``fewest`` times; an empty one is none."""
    names, place, counts = np.unique(np.array(values, dtype=str), return_inverse=True, return_counts=True)
    kept = (counts >= fewest) & (names != "")
    number = np.where(kept, np.cumsum(kept) - 1, NONE)
    return Classes(
        [str(name) for name in names[kept]], number[place].astype(np.int64) if len(values) else np.zeros(0, np.int64)
    )
