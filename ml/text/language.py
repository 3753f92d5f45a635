"""Which language a review is in. py3langid tells; the languages that the shop is written in are thought likelier."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.text.language_scores import Floats, chances, tables
from ml.text.tokens import HEADLINE

UNKNOWN, NO_WORDS = "und", "zxx"
LOOK = 150
"""Code points that are looked at: further ones change nothing."""
SAMPLE, LEAST_SHARE, LEAST = 500, 0.05, 3
_BLOCK = 4_096
SURE, STRANGE = 0.5, 0.0003
"""Least chance of a language that is told; what a language that the shop does not know counts beside those it does."""


def learn(texts: pa.Array) -> dict[str, float]:
    """Languages that the shop's reviews are in, with their shares; of a sample of the longer texts."""
    long = texts.filter(pc.greater_equal(pc.utf8_length(texts), 20))
    if len(long) > SAMPLE:
        long = long.take(pa.array(np.linspace(0, len(long) - 1, SAMPLE).astype(np.int64)))
    found = [code for code in detect(long, {}) if code not in (UNKNOWN, NO_WORDS)]
    counts = {code: found.count(code) for code in sorted(set(found))}
    kept = {code: n for code, n in counts.items() if n >= LEAST and n >= LEAST_SHARE * len(found)}
    return {code: n / sum(kept.values()) for code, n in kept.items()}


def detect(texts: pa.Array, known: Mapping[str, float]) -> list[str]:
    """Language of each text, as ISO 639-1 code; ``und`` where it cannot be told, ``zxx`` where there are no letters.

    Parameters
    ----------
    texts : pyarrow string array
    known : mapping of str to float
        The shop's languages with their shares; empty: all are as likely.
    """
    plain = pc.replace_substring(pc.utf8_slice_codeunits(texts, 0, LOOK), HEADLINE, "")
    distinct = pc.dictionary_encode(plain)
    distinct = distinct.combine_chunks() if isinstance(distinct, pa.ChunkedArray) else distinct
    letters = pc.match_substring_regex(distinct.dictionary, r"\p{L}").to_pylist()
    codes = np.full(len(distinct.dictionary), NO_WORDS, object)
    lettered = [i for i, has in enumerate(letters) if has]
    names = distinct.dictionary.take(pa.array(lettered, pa.int64())).to_pylist()
    for start in range(0, len(names), _BLOCK):
        found = chances(names[start : start + _BLOCK])
        codes[lettered[start : start + _BLOCK]] = [_one(row, known) for row in found]
    return [str(codes[i]) for i in distinct.indices.to_pylist()]


def _one(chance: Floats, known: Mapping[str, float]) -> str:
    columns = _columns()
    best = int(chance.argmax())
    if not known:
        return tables().languages[best] if chance[best] >= SURE else UNKNOWN
    weighed = [(float(chance[columns[code]]) * share, code) for code, share in known.items() if code in columns]
    weighed.append((float(chance[best]) * STRANGE, tables().languages[best]))
    first, total = max(weighed), STRANGE + sum(weight for weight, _ in weighed[:-1])
    return first[1] if first[0] >= SURE * total else UNKNOWN


@cache
def _columns() -> dict[str, int]:
    """The first column of each language."""
    names = tables().languages
    return {name: names.index(name) for name in names}
