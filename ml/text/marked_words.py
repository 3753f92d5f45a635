"""Words that the reader looks out for: those of aspects, and those that begin a clause. Found while a text is read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.kernels.compiled import compiled
from ml.text.function_words import AND, CONTRAST, words
from ml.text.tokens import Texts, Tokens, folds, room, tokenise

TURN, JOIN = -2, -1
"""Roles of a word that begins a clause, and of one that may; those of an aspect are 1 and up."""
HINT = 1_000
"""Added to an aspect's role where the word is a hint: it speaks only where no other word does."""
LONGEST_PHRASE = 3
_SEED, _PRIME, _ALL = 0x9747B28C, 0x01000193, 0xFFFFFFFF


class Words(NamedTuple):
    """An open hash table from a word's FNV-1a to its role; free places have key -1."""

    keys: npt.NDArray[np.int64]
    values: npt.NDArray[np.int32]


class Roles(NamedTuple):
    """Words to look out for, and the aspects that they speak of."""

    words: Words
    aspects: tuple[str, ...]
    """Aspect of role r is ``aspects[r - 1]``."""


def roles(aspect_words: Mapping[str, str], hints: Mapping[str, str]) -> Roles:
    """Make the table from words (a beginning ends in ``*``) with their aspects; built-in joints of clauses are in it too."""
    aspects = tuple(sorted({aspect.strip() for aspect in aspect_words.values()}))
    number = {aspect: i + 1 for i, aspect in enumerate(aspects)}
    entries = {key(word): HINT + number[a] for word, a in hints.items() if a in number}
    entries |= {key(word): number[aspect.strip()] for word, aspect in aspect_words.items()}
    entries |= {key(word): JOIN for word in words(AND)} | {key(word): TURN for word in words(CONTRAST)}
    size = 1 << max(6, (4 * len(entries)).bit_length())
    keys, values = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    for hashed, value in sorted(entries.items()):
        place = hashed & (size - 1)
        while keys[place] != -1:
            place = (place + 1) & (size - 1)
        keys[place], values[place] = hashed, value
    return Roles(Words(keys, values), aspects)


@cache
def key(word: str) -> int:
    """Hash of a word or phrase as :func:`role` meets it; of its beginning where it ends in ``*``."""
    folded = fold(word.removesuffix("*"))
    h = _SEED
    for letter in " ".join(folded) + ("" if word.endswith("*") else " "):
        h = ((h ^ ord(letter)) * _PRIME) & _ALL
    return h


def fold(text: str) -> list[str]:
    """The tokens of a text, folded.

    Examples
    --------
    >>> fold("Não é BOM!!!")
    ['nao', 'e', 'bom', '!']
    """
    texts = Texts.of(pa.array([text]))
    found = room(texts.ends)
    _, count = tokenise(texts.data, 0, int(texts.ends[1]), folds(), found)
    return ["".join(map(chr, found.letters[found.starts[i] : found.starts[i + 1]])) for i in range(count)]


@compiled
def role(text: Tokens, t: int, n_tokens: int, words: Words) -> tuple[int, int]:
    """Role of the longest known word or phrase that begins with token ``t``, and its number of tokens; 0, 0: none."""
    h, found, length = np.int64(_SEED), 0, 0
    for k in range(t, min(t + LONGEST_PHRASE, n_tokens)):
        for i in range(text.starts[k], text.starts[k + 1] + 1):
            h = ((h ^ (32 if i == text.starts[k + 1] else text.letters[i])) * _PRIME) & _ALL
            value = look(h, words)
            if value != 0:
                found, length = value, k - t + 1
    return found, length


@compiled
def look(h: int, words: Words) -> int:
    """Role of a key; 0: it is not there."""
    place = h & (len(words.keys) - 1)
    while words.keys[place] != -1:
        if words.keys[place] == h:
            return words.values[place]  # type: ignore[no-any-return]
        place = (place + 1) & (len(words.keys) - 1)
    return 0
