"""Which language a review is in. py3langid tells; the languages that the shop is written in are thought likelier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.text.tokens import HEADLINE

UNKNOWN, NO_WORDS = "und", "zxx"
LOOK = 150
"""Code points that are looked at: further ones change nothing."""
SAMPLE, LEAST_SHARE, LEAST = 500, 0.05, 3
SURE, STRANGE = 0.5, 0.0003
"""Least chance of a language that is told; what a language that the shop does not know counts beside those it does."""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


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
    codes = [
        _one(text, known) if has else NO_WORDS
        for text, has in zip(distinct.dictionary.to_pylist(), letters, strict=True)
    ]
    return [codes[i] for i in distinct.indices.to_pylist()]


def _one(text: str, known: Mapping[str, float]) -> str:
    ranked: Sequence[tuple[str, float]] = _identifier().rank(text)
    if not known:
        return ranked[0][0] if ranked[0][1] >= SURE else UNKNOWN
    weighed = [(chance * known[code], code) for code, chance in ranked if code in known]
    weighed.append((ranked[0][1] * STRANGE, ranked[0][0]))
    best, total = max(weighed), STRANGE + sum(weight for weight, _ in weighed[:-1])
    return best[1] if best[0] >= SURE * total else UNKNOWN
