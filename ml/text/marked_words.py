"""Words that the reader looks out for: those of aspects, and those that begin a clause. Found while a text is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.kernels.compiled import compiled
from ml.text.function_words import AND, CONTRAST, EMPTY, ORDER, words_of
from ml.text.tokens import Texts, Tokens, folds, room, tokenise

NOTHING, OF_ORDER, TURN, JOIN = -4, -3, -2, -1
"""Roles of a word that says nothing, of one of the order, of one that begins a clause, and of one that may; an aspect's are 1 and up."""
HINT, BESIDE = 1_000, 2_000
"""Added to an aspect's role where the word is a hint: it speaks only where no other word does; and one of the order beside it."""
LONGEST_PHRASE = 6
INSIDE = (0x0E01, 0x0E5B)
"""Letters of Thai, which puts no spaces between words: a word is looked for inside a line."""
LONGEST_INSIDE = 16
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


class AspectWord(NamedTuple):
    """A word that speaks of an aspect; a hint only where no other word does, and ``beside`` only with a word of the order."""

    word: str
    aspect: str
    hint: bool = False
    beside: bool = False


def roles(aspect_words: Iterable[AspectWord], languages: Collection[str] | None = None) -> Roles:
    """Make the table from words (a beginning ends in ``*``) with their aspects; built-in words of ``languages`` (None: all) are in it too.

    An aspect is there as long as a word that is no hint names it.
    """
    found = list(aspect_words)
    aspects = tuple(sorted({one.aspect.strip() for one in found if not one.hint}))
    number = {aspect: i + 1 for i, aspect in enumerate(aspects)}
    entries = {key(word): NOTHING for word in words_of(EMPTY, languages)}
    entries |= {key(word): OF_ORDER for word in words_of(ORDER, languages)}
    for one in sorted(found, key=lambda one: (not one.hint, not one.beside)):
        if one.aspect.strip() in number:
            more = (BESIDE if one.beside else HINT) if one.hint else 0
            entries[key(one.word)] = more + number[one.aspect.strip()]
    entries |= {key(word): JOIN for word in words_of(AND, languages)}
    entries |= {key(word): TURN for word in words_of(CONTRAST, languages)}
    return Roles(table(entries), aspects)


def table(entries: Mapping[int, int]) -> Words:
    """The hash table of some keys with their roles."""
    size = 1 << max(6, (4 * len(entries)).bit_length())
    keys, values = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    for hashed, value in sorted(entries.items()):
        place = hashed & (size - 1)
        while keys[place] != -1:
            place = (place + 1) & (size - 1)
        keys[place], values[place] = hashed, value
    return Words(keys, values)


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
    if found == 0 and INSIDE[0] <= text.letters[text.starts[t]] <= INSIDE[1]:
        found = _inside(text, t, words)
        length = 1 if found else 0
    return found, length


@compiled
def says_nothing(text: Tokens, t: int, words: Words) -> bool:
    """Whether token ``t`` by itself begins or joins clauses, or says nothing: also where it stands in a phrase."""
    h = np.int64(_SEED)
    for i in range(text.starts[t], text.starts[t + 1] + 1):
        h = ((h ^ (32 if i == text.starts[t + 1] else text.letters[i])) * _PRIME) & _ALL
    return look(h, words) in (NOTHING, TURN, JOIN)


@compiled
def _inside(text: Tokens, t: int, words: Words) -> int:
    """Role of the first beginning of a word that stands anywhere in token ``t``; 0: none."""
    for first in range(text.starts[t] + 1, text.starts[t + 1]):
        h = np.int64(_SEED)
        for i in range(first, min(first + LONGEST_INSIDE, text.starts[t + 1])):
            h = ((h ^ text.letters[i]) * _PRIME) & _ALL
            value = look(h, words)
            if value > 0:
                return value  # type: ignore[no-any-return]
    return 0


@compiled
def look(h: int, words: Words) -> int:
    """Role of a key; 0: it is not there."""
    place = h & (len(words.keys) - 1)
    while words.keys[place] != -1:
        if words.keys[place] == h:
            return words.values[place]  # type: ignore[no-any-return]
        place = (place + 1) & (len(words.keys) - 1)
    return 0
