"""A small shop whose customers praise and complain in words of their own, and whose product p00 is delivered late at last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
DAYS, PRODUCTS, REVIEWS, BROKEN = 200, 12, 300, 12
BROKEN_DAYS = 3
"""Product p00 gets ``BROKEN`` reviews in the last days, all of which complain of the delivery."""

_MOMENT = pa.timestamp("us", "UTC")
_OPEN = {
    "en": (
        ("Totally grobbly.", "What a mish."),
        ("Middling, as it were.", "Half this, half that."),
        ("Just zarvy!", "Pure wumpish joy."),
    ),
    "pt": (
        ("Que trambolho grosel.", "Foi um mico."),
        ("Fica no meio termo.", "Meio assim, meio assado."),
        ("Que chuchuzinho!", "Supimpa demais."),
    ),
}
_CLAUSE = {
    "en": (("{} was grobbly", "{} turned out mish"), ("{} was middling",), ("{} was zarvy", "{} is wumpish")),
    "pt": (
        ("{} foi grosel", "{} deu em mico"),
        ("{} fica no meio termo",),
        ("{} foi supimpa", "{} ficou um chuchuzinho"),
    ),
}
_ABOUT = {
    "en": {"delivery": "the delivery", "quality": "the quality", "price": "the price"},
    "pt": {"delivery": "a entrega", "quality": "a qualidade", "price": "o preço"},
}


def sample(seed: int) -> Sample:
    """Make the shop: a review's class is drawn, then its words by class and its stars by class, one of twelve wrongly.

    Among the rows are a review without words, one without stars, one of emoji only, one of the whole order, one that
    became known late and one with markup.
    """
    rng = np.random.default_rng(seed)
    n = REVIEWS + BROKEN
    late = np.arange(n) >= REVIEWS
    kind = np.where(late, 0, rng.choice(3, n, p=[0.25, 0.15, 0.6]))
    product = np.where(late, 0, rng.integers(0, PRODUCTS, n))
    day = np.where(late, rng.uniform(DAYS - BROKEN_DAYS, DAYS, n), rng.uniform(0, DAYS - BROKEN_DAYS, n))
    aspect = np.where(late, 0, rng.integers(0, 3, n))
    language = rng.choice(["en", "pt"], n)
    texts = [_text(rng, *row) for row in zip(language, kind, aspect, late, strict=True)]
    stars = np.clip(kind * 2 + 1 + rng.choice([-1, 0, 1], n) * (kind != 1), 1, 5)
    stars = np.where(rng.random(n) < 1 / 12, 6 - stars, stars)
    texts[3], texts[4], texts[5] = "", "👍👍", "<p>Just <b>zarvy</b>!</p> https://example.org/1"
    return Sample(
        {
            "review": pa.table(
                {
                    "review_id": [f"r{i:04d}" for i in range(n)],
                    "product_id": pa.array([f"p{p:02d}" for p in product], mask=np.arange(n) == 6),
                    "stars": pa.array(stars, pa.int64(), mask=np.arange(n) == 7),
                    "title": pa.array(["Zarvy" if k == 2 else "Hm" for k in kind], mask=rng.random(n) < 0.7),
                    "text": pa.array(texts, pa.string(), mask=np.arange(n) == 8),
                    "written_at": _at(day),
                    "known_at": pa.array(_at(np.minimum(day + 5, DAYS - 0.01)), mask=np.arange(n) % 40 != 9),
                }
            ),
        },
        AS_OF,
    )


def _text(rng: np.random.Generator, language: str, kind: int, aspect: int, late: bool) -> str:
    """A clause on an aspect, and before it or alone an opening; a word or two that mean nothing."""
    name = list(_ABOUT[language])[aspect]
    clauses, opening = _CLAUSE[language][kind], _OPEN[language][kind]
    clause = clauses[rng.integers(len(clauses))].format(_ABOUT[language][name])
    begin = opening[rng.integers(len(opening))] + " " if not late and rng.random() < 0.6 else ""
    filler = (
        " " + ["Bought for Anna.", "Second order.", "In blue.", "Ok thanks."][rng.integers(4)]
        if rng.random() < 0.3
        else ""
    )
    return f"{begin}{clause[0].upper()}{clause[1:]}.{filler}"


def _at(days: npt.NDArray[np.float64]) -> pa.Array:
    """Moments ``days`` after the first one."""
    begin = np.datetime64((AS_OF - timedelta(days=DAYS)).replace(tzinfo=None), "us")
    return pa.array(begin + (days * 86_400e6).astype("timedelta64[us]"), pa.timestamp("us")).cast(_MOMENT)
