"""Reviews: aspects and sentiment are drawn first, then put into words in three languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.tables import REVIEW
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import HONEST, Purchases
from ml.shop.sources.demo.catalogue import ASPECTS, Catalogue, product_ids
from ml.shop.sources.demo.columns import Bools, Ints, Rows, words
from ml.shop.sources.demo.customers import LANGUAGES, People, customer_ids
from ml.shop.sources.demo.fate import Fate
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import REVIEW_TRUTH

SENTIMENTS = ("positive", "negative", "neutral", "mixed")
_POSITIVE, _NEGATIVE, _NEUTRAL, _MIXED = range(4)
_SHARE = 0.14
_FORMS = 12
"""Subjects times predicates of an aspect."""


@dataclass(frozen=True)
class Opinions:
    """One row a review. An aspect of -1 is none; ``praises`` says of the two aspects whether they are praised."""

    line: Ints
    written: Ints
    sentiment: Ints
    aspect: tuple[Ints, Ints]
    praises: tuple[Bools, Bools]
    stars: Ints
    contradicts: Bools


def opinions(options: Options, shop: Catalogue, bought: Purchases, fate: Fate) -> Opinions:
    """Draw who reviews which line, what they think and how many stars they give."""
    rng = options.rng("opinions", bought.chunk)
    order, product = bought.line_order, bought.product
    may = (bought.fraud[order] == HONEST) & (fate.kind[order] != 2)
    line = np.flatnonzero(may & (rng.random(len(product)) < _SHARE / 2))
    written = fate.delivered[order[line]] + (rng.exponential(6.0, len(line)) * DAY_S).astype(np.int64) + 3600
    line, written = line[written < options.stop], written[written < options.stop]
    n, of = len(line), order[line]
    weak = shop.weak_aspect[product[line]]
    liking = shop.quality[product[line]] + rng.normal(0, 0.8, n) - 0.9 * fate.slow[of] - 1.5 * (fate.kind[of] == 1)
    liking -= 0.4 * (weak >= 0)
    sentiment = np.select(
        [np.abs(liking) < 0.12, (np.abs(liking) < 0.55) & (rng.random(n) < 0.6), liking > 0],
        [_NEUTRAL, _MIXED, _POSITIVE],
        _NEGATIVE,
    )
    blame = np.where((weak >= 0) & (rng.random(n) < 0.75), weak, rng.integers(0, len(ASPECTS), n))
    blame = np.where(fate.slow[of] & (rng.random(n) < 0.7), 0, blame)
    praise = (blame + rng.integers(1, len(ASPECTS), n)) % len(ASPECTS)
    second = rng.random(n) < 0.5
    other = (np.where(sentiment == _POSITIVE, praise, blame) + rng.integers(1, len(ASPECTS), n)) % len(ASPECTS)
    first_aspect = np.where((sentiment == _POSITIVE) | (sentiment == _MIXED), praise, blame)
    first_aspect = np.where(sentiment == _NEUTRAL, -1, first_aspect)
    second_aspect = np.where(sentiment == _MIXED, blame, np.where(second & (sentiment != _NEUTRAL), other, -1))
    contradicts = (rng.random(n) < 0.03) & ((sentiment == _POSITIVE) | (sentiment == _NEGATIVE))
    usual = np.array([5, 1, 3, 3])[sentiment] + rng.choice([-1, 0, 0, 1], n)
    stars = np.clip(np.where(contradicts, 6 - usual, usual), 1, 5)
    return Opinions(
        line,
        written,
        sentiment,
        (first_aspect, second_aspect),
        (sentiment != _NEGATIVE, sentiment == _POSITIVE),
        stars,
        contradicts,
    )


def review_tables(options: Options, them: People, bought: Purchases, reviews: Opinions) -> Iterator[Rows]:
    """The contract table ``review`` and its truth."""
    rng, n = options.rng("reviews", bought.chunk), len(reviews.line)
    of = bought.line_order[reviews.line]
    language = them.language[bought.who[of]]
    number = col.ids("V", bought.numbers[of] * 100 + bought.line_no[reviews.line])
    known = reviews.written + rng.integers(600, 2 * DAY_S, n)
    late = (rng.random(n) < 0.3) & (known < options.stop)
    yield col.rows(
        REVIEW,
        review_id=number,
        product_id=product_ids(bought.product[reviews.line]),
        customer_id=customer_ids(them.number[bought.who[of]]),
        order_id=col.ids("O", bought.numbers[of], rng.random(n) < 0.9),
        stars=reviews.stars,
        title=_titles(rng, language, reviews, rng.random(n) < 0.6),
        text=_texts(rng, language, reviews),
        written_at=col.times(reviews.written),
        known_at=col.times(known, late),
    )
    listed = [
        [np.where(good == praised, a, -1) for a, good in zip(reviews.aspect, reviews.praises, strict=True)]
        for praised in (True, False)
    ]
    yield col.rows(
        REVIEW_TRUTH,
        review_id=number,
        language=col.pick(LANGUAGES, language),
        sentiment=col.pick(SENTIMENTS, reviews.sentiment),
        praised=_names(*listed[0]),
        blamed=_names(*listed[1]),
        stars_contradict=reviews.contradicts,
    )


def _names(first: Ints, second: Ints) -> pa.Array:
    comma = pc.if_else(pa.array((first >= 0) & (second >= 0)), ",", "")
    names = ["", *ASPECTS]
    return col.join(col.pick(names, first + 1), comma, col.pick(names, second + 1))


@cache
def _phrases() -> tuple[pa.Array, pa.Array]:
    """Aspect clauses by (language, praises, aspect, form), and the same with a typo."""
    clauses = [
        f"{subject} {predicate}"
        for language in LANGUAGES
        for tone in ("negative", "positive")
        for aspect in ASPECTS
        for subject in words(language)["aspects"][aspect]["subject"]
        for predicate in words(language)["aspects"][aspect][tone]
    ]
    return pa.array(clauses), pa.array([_slip(text) for text in clauses])


def _slip(text: str) -> str:
    """Swap two letters in the middle of the longest word."""
    word = max(text.split(), key=len)
    middle = len(word) // 2
    return text.replace(word, word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :], 1)


def _clause(rng: np.random.Generator, language: Ints, aspect: Ints, praises: Bools) -> pa.Array:
    """A clause about the aspect; empty where there is none."""
    n = len(language)
    index = ((language * 2 + praises) * len(ASPECTS) + np.maximum(aspect, 0)) * _FORMS + rng.integers(0, _FORMS, n)
    right, wrong = (phrases.take(pa.array(index)) for phrases in _phrases())
    clause = pc.if_else(pa.array(rng.random(n) < 0.06), wrong, right)
    return pc.if_else(pa.array(aspect >= 0), clause, "")


def _by_language(rng: np.random.Generator, part: str, language: Ints, sentiment: Ints) -> pa.Array:
    """One of the phrases ``part`` of the language and sentiment."""
    flat: list[str] = []
    begin: list[int] = []
    size: list[int] = []
    for name in LANGUAGES:
        for tone in SENTIMENTS:
            begin.append(len(flat))
            size.append(len(words(name)[part][tone]))
            flat += words(name)[part][tone]
    which = language * len(SENTIMENTS) + sentiment
    return col.pick(flat, np.array(begin)[which] + (rng.random(len(which)) * np.array(size)[which]).astype(np.int64))


def _titles(rng: np.random.Generator, language: Ints, reviews: Opinions, given: Bools) -> pa.Array:
    return pc.if_else(pa.array(given), _by_language(rng, "title", language, reviews.sentiment), None)


def _texts(rng: np.random.Generator, language: Ints, reviews: Opinions) -> pa.Array:
    """Opening, one clause or two, 'but' between praise and blame, now and then an emoji; a few leave it empty."""
    n = len(language)
    first, second = (_clause(rng, language, a, p) for a, p in zip(reviews.aspect, reviews.praises, strict=True))
    turns = np.asarray(reviews.praises[0] != reviews.praises[1])
    link = col.pick([f" {words(name)[w]} " for name in LANGUAGES for w in ("and", "but")], language * 2 + turns)
    body = col.join(
        pc.utf8_capitalize(pc.utf8_slice_codeunits(first, 0, 1)),
        pc.utf8_slice_codeunits(first, 1),
        pc.if_else(pa.array(reviews.aspect[1] >= 0), link, ""),
        second,
        pc.if_else(pa.array(reviews.aspect[0] >= 0), ".", ""),
    )
    opening = _by_language(rng, "open", language, reviews.sentiment)
    opened = (rng.random(n) < 0.55) | (reviews.aspect[0] < 0)
    face = np.select([reviews.sentiment == _POSITIVE, reviews.sentiment == _NEGATIVE], [0, 3], 6) + rng.integers(
        0, 3, n
    )
    emoji = col.pick(["😀", "👍", "❤️", "😡", "👎", "😞", "😐", "🤷", "🙂"], face)
    text = col.join(
        pc.if_else(pa.array(opened), opening, ""),
        pc.if_else(pa.array(opened & (reviews.aspect[0] >= 0)), " ", ""),
        body,
        pc.if_else(pa.array(rng.random(n) < 0.1), pc.binary_join_element_wise(" ", emoji, ""), ""),
    )
    return pc.if_else(pa.array(rng.random(n) < 0.03), None, text)
