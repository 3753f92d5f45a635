"""Tokens of texts, straight from Arrow's bytes.

A text is read as code points, folded (case, accents, four of the same letter in a row) and cut into tokens: runs of
letters and digits, runs of ! and ?, each emoji, and each character of Chinese and Japanese, which put no spaces between
words. Those soon after a 'not' are marked.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.kernels.compiled import compiled
from ml.kernels.hashing import OFFSET_32, PRIME_32
from ml.text.function_words import NEGATORS

SCOPE = 2
"""So many tokens after a 'not' have n-grams of their own: 'not recommended' has little in common with 'recommended'."""
BREAK, LETTER, MARK, SYMBOL = 0, 1, 2, 3
HEADLINE = "\ue000"
"""Ends the headline of a text, where it has one; a code point that no text of a shop has (private use)."""
_END_OF_HEAD = ord(HEADLINE)
_SPACELESS = ("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA", "KATAKANA")
"""How the names of characters begin that are tokens of their own."""
_WHOLE = ("HANGUL SYLLABLE", "HIRAGANA", "KATAKANA")
"""And of those whose parts are no accents."""
HANGUL, _LAST_HANGUL = 0xAC00, 0xD7A3
"""The syllables of Korean, each of two or three letters that words are made of: their ends change with the sentence."""
_FIRST, _LAST = 0x3041, 0x9FFF
"""Folded, those that are tokens of their own lie between these; Korean, which has spaces, does not."""

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


class Texts(NamedTuple):
    """UTF-8 bytes of texts one after the other; text i is ``data[ends[i]:ends[i + 1]]``."""

    data: Bytes
    ends: Ints

    @classmethod
    def of(cls, texts: pa.Array | pa.ChunkedArray) -> Texts:
        """Bytes of an Arrow string array; a null is an empty text."""
        whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        whole = whole.cast(pa.large_string())
        if len(whole) == 0:
            return cls(np.zeros(0, np.uint8), np.zeros(1, np.int64))
        _, offsets, data = whole.buffers()
        ends = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
        return cls(np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends) - 1


class Folds(NamedTuple):
    """By code point below 65,536: what it counts as, and its kind (BREAK, LETTER, MARK or SYMBOL: a token of its own)."""

    letter: npt.NDArray[np.uint16]
    kind: Bytes


class Tokens(NamedTuple):
    """A text while it is read, and room for the longest.

    ``points`` are its code points, with signs between tokens folded, and ``places`` the bytes at which they begin; ``letters`` are the folded code points of
    all tokens one after the other, ``froms`` the place in ``points`` of each, and ``starts[t]`` the first letter of token t
    (``starts[n_tokens]``: their end). ``negated[t]`` is 1 where token t stands soon after a 'not'; the first ``head[0]`` tokens
    are the headline.
    """

    points: Ints
    places: Ints
    letters: Ints
    froms: Ints
    starts: Ints
    negated: Bytes
    head: Ints


@compiled
def room(ends: Ints) -> Tokens:
    """Room for any of the texts that end at ``ends``."""
    most = 0
    for r in range(len(ends) - 1):
        most = max(most, ends[r + 1] - ends[r])
    big = most + 2
    return Tokens(
        np.empty(big, np.int64),
        np.empty(big, np.int64),
        np.empty(big, np.int64),
        np.empty(big, np.int64),
        np.empty(big, np.int64),
        np.empty(big, np.uint8),
        np.zeros(1, np.int64),
    )


@cache
def folds() -> Folds:
    """Make the table, once a process."""
    fold, kind = np.arange(65_536, dtype=np.uint16), np.zeros(65_536, np.uint8)
    for code in range(65_536):
        char = chr(code)
        group = unicodedata.category(char)
        if group[0] in "LN" or group in ("Mn", "Mc"):
            kind[code] = LETTER
        elif group == "So":
            kind[code] = SYMBOL
        base = unicodedata.normalize("NFKC", char)[:1]
        name = unicodedata.name(base, "")
        if not name.startswith(_WHOLE):
            base = unicodedata.normalize("NFKD", char.lower())[:1]
        if base and ord(base) < 65_536:
            fold[code] = ord(base)
        if name.startswith(_SPACELESS):
            kind[code] = SYMBOL
        elif base in ("!", "?"):
            kind[code] = MARK
    for char in "'’‘´`":  # don't is one word, however its apostrophe is typed
        fold[ord(char)], kind[ord(char)] = ord("'"), LETTER
    fold.setflags(write=False)
    kind.setflags(write=False)
    return Folds(fold, kind)


@compiled
def tokenise(data: Bytes, start: int, end: int, folds: Folds, text: Tokens) -> tuple[int, int]:
    """Read ``data[start:end]`` into ``text``; its numbers of code points and of tokens."""
    n = _decode(data, start, end, text)
    t = _cut(n, folds, text)
    _negate(text, t)
    return n, t


@compiled
def _decode(data: Bytes, start: int, end: int, text: Tokens) -> int:
    """UTF-8; broken bytes become spaces."""
    n, i = 0, start
    while i < end:
        b = data[i]
        size = 1 if b < 0x80 else 2 if b >> 5 == 6 else 3 if b >> 4 == 14 else 4 if b >> 3 == 30 else 0
        code = np.int64(b)
        if size == 0 or i + size > end:
            size, code = 1, np.int64(32)
        elif size > 1:
            code &= (1 << (7 - size)) - 1
            for j in range(1, size):
                code = (code << 6) | (data[i + j] & 0x3F)
        text.points[n], text.places[n] = code, i
        n, i = n + 1, i + size
    text.places[n] = end
    return n


@compiled
def _cut(n: int, folds: Folds, text: Tokens) -> int:
    points, letters, starts = text.points, text.letters, text.starts
    m, t, before = 0, 0, BREAK
    text.head[0] = 0
    for i in range(n):
        code = points[i]
        if code == _END_OF_HEAD:
            text.head[0] = t
        if 0x300 <= code <= 0x36F or code in (0xFE0F, 0x200D):  # accents on their own; parts of an emoji
            continue
        what = SYMBOL if code > 65_535 else folds.kind[code]
        letter = code if code > 65_535 else np.int64(folds.letter[code])
        if what != BREAK:
            if what != before or what == SYMBOL:
                starts[t] = m
                t += 1
            inside = m - starts[t - 1]
            if HANGUL <= code <= _LAST_HANGUL:
                m = _jamo(code - HANGUL, i, m, text)
                before = what
                continue
            again = inside > 0 and letters[m - 1] == letter
            if again and (
                what == MARK or (inside >= 3 and letters[m - 2] == letter and letters[m - 3] == letter)
            ):  # !!!! is !, and goooooood is goood
                continue
            letters[m], text.froms[m] = letter, i
            m += 1
        else:
            points[i] = letter
        before = what
    starts[t] = m
    return t


@compiled
def _jamo(syllable: int, i: int, m: int, text: Tokens) -> int:
    """Write the two or three letters of a syllable of Korean, which is point ``i``, from place ``m`` on; the place after them."""
    for letter in (0x1100 + syllable // 588, 0x1161 + syllable % 588 // 28, 0x11A7 + syllable % 28):
        if letter != 0x11A7:
            text.letters[m], text.froms[m] = letter, i
            m += 1
    return m


@compiled
def spaceless(letter: int) -> bool:
    """Whether a folded letter is of a script without spaces between words, and a token of its own."""
    return _FIRST <= letter <= _LAST


def _hash_of(word: str) -> int:
    h = OFFSET_32
    for letter in word:
        h = ((h ^ ord(letter)) * PRIME_32) & 0xFFFFFFFF
    return h


_NOT = np.array([_hash_of(word) for word in NEGATORS], np.int64)


@compiled
def _negate(text: Tokens, n_tokens: int) -> None:
    """Mark the tokens soon after a 'not' (or a word that ends in n't), as far as the sentence goes (Pang et al., EMNLP 2002)."""
    left = 0
    for t in range(n_tokens):
        first, last = text.starts[t], text.starts[t + 1]
        h = np.int64(OFFSET_32)
        for i in range(first, last):
            h = ((h ^ text.letters[i]) * PRIME_32) & 0xFFFFFFFF
        found = last - first > 3 and text.letters[last - 1] == 116 and text.letters[last - 2] == 39  # 't
        for word in _NOT:
            found |= word == h
        for i in range(text.froms[first - 1] + 1 if t > 0 else 0, text.froms[first]):
            if text.points[i] in (10, 33, 44, 46, 58, 59, 63, 0x3002):  # \n ! , . : ; ? 。
                left = 0
        text.negated[t] = left > 0 and not found
        left = SCOPE if found else max(0, left - 1)
