"""Word and character n-grams of tokens as numbers of hashed buckets.

Word n-grams are 1 to 3 tokens in a row, character n-grams 2 to 6 code points of a token with its two borders, which a
token of one letter does not need. Those that begin soon after a 'not' are n-grams of their own. Every n-gram is hashed
(FNV-1a over code points, finished as MurmurHash3 does) into ``2 ** bits`` buckets: no vocabulary is kept, and a word that
training never saw still has known parts.

A headline says in few words how its writer feels: its n-grams are in the text's and, among themselves, once more as the
headline's own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled
from ml.kernels.hashing import OFFSET_32, PRIME_32
from ml.text.tokens import Tokens

WORDS, CHARS = 3, 6
"""Longest word and character n-gram."""

_CHARS, _TURNED = 0x2B7E1516, 0x5BD1E995
_HEAD = 0x3C6EF372

Buckets = npt.NDArray[np.int32]


@compiled
def room_for_grams(text: Tokens) -> Buckets:
    """Room for the n-grams of one token."""
    return np.empty(WORDS + len(text.points) * (CHARS - 1), np.int32)


@compiled
def _finish(h: int, mask: int) -> int:
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & 0xFFFFFFFF
    h ^= h >> 16
    return h & mask


@compiled
def bucket(text: Tokens, t: int, first: int, last: int, mask: int) -> int:
    """Bucket of the characters ``first … last - 1`` of token ``t``, whose borders are spaces; as :func:`token_grams` has it."""
    h = np.int64(_CHARS) ^ np.int64(_TURNED if text.negated[t] else 0)
    for at in range(first, last):
        inside = text.starts[t] <= at < text.starts[t + 1]
        h = ((h ^ (text.letters[at] if inside else 32)) * PRIME_32) & 0xFFFFFFFF
    return _finish(h, mask)  # type: ignore[no-any-return]


@compiled
def token_grams(text: Tokens, t: int, last_token: int, head: int, mask: int, out: Buckets) -> tuple[int, int]:
    """Write the buckets of the n-grams that begin at token ``t``: of words, then of characters; how many of each.

    Word n-grams end before ``last_token``. ``head`` is 1 for those that are the headline's own.
    """
    letters, starts = text.letters, text.starts
    own = (np.int64(_TURNED) if text.negated[t] else np.int64(0)) ^ (np.int64(_HEAD) if head else np.int64(0))
    h, n = np.int64(OFFSET_32) ^ own, 0
    for length in range(min(WORDS, last_token - t)):
        for k in range(starts[t + length], starts[t + length + 1]):
            h = ((h ^ letters[k]) * PRIME_32) & 0xFFFFFFFF
        out[n] = _finish(h, mask)
        n += 1
        h = ((h ^ 32) * PRIME_32) & 0xFFFFFFFF
    first, last = starts[t], starts[t + 1]
    words = n
    if last - first == 1:
        return words, 0
    for i in range(first - 1, last):
        h = np.int64(_CHARS) ^ own
        for length in range(CHARS):
            at = i + length
            if at > last:
                break
            letter = 32 if at < first or at == last else letters[at]
            h = ((h ^ letter) * PRIME_32) & 0xFFFFFFFF
            if length > 0:
                out[n] = _finish(h, mask)
                n += 1
    return words, n - words
