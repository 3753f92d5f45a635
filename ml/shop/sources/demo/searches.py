"""A search log with planted intents: what queries mean, slips of the finger, words that the shop does not use, and gaps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ml.contract.tables import SEARCH
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import IDS_PER_CHUNK
from ml.shop.sources.demo.catalogue import Catalogue, product_ids
from ml.shop.sources.demo.clock import Clock
from ml.shop.sources.demo.columns import Ints, Rows, words
from ml.shop.sources.demo.customers import RING, People, customer_ids
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import SEARCH_TRUTH

SYNONYMS = {
    "cellphone": "smartphone",
    "ultrabook": "laptop",
    "diapers": "nappies",
    "jigsaw": "puzzle",
    "anorak": "parka",
    "lippy": "lipstick",
}
SLIPS = {
    "expresso": "espresso",
    "smartphnoe": "smartphone",
    "mascarra": "mascara",
    "shampo": "shampoo",
    "lapttop": "laptop",
    "leggins": "leggings",
    "magnesum": "magnesium",
    "earbubs": "earbuds",
}
GAPS = ("hammock", "aquarium", "telescope", "trampoline")
INTENT, SLIP, SYNONYM, GAP = range(4)
KINDS = ("intent", "slip", "synonym", "gap")
_SHARES = (0.55, 0.14, 0.16, 0.15)
_VISITS = 2.0
"""Searching visits of a customer, on average."""
_SETTLED_DAYS = 365
"""Who has been a customer for so long has them all."""


def intents() -> list[str]:
    """What is asked for: the names of the kinds of things that the shop sells."""
    return [noun.lower() for category in words("catalogue")["categories"] for noun in category["nouns"]]


def search_log(options: Options, shop: Catalogue, them: People, clock: Clock, chunk: int) -> Iterator[Rows]:
    """Rows of ``search`` beside those of the sessions; one that fails is typed anew within a minute."""
    rng = options.rng("search log", chunk)
    low = np.maximum(them.registered, options.start)
    # Who came lately has searched less often so far; else the last days would hold more than all before.
    share = np.clip((options.stop - low) / (_SETTLED_DAYS * DAY_S), 0, 1)
    visits = np.where(them.persona == RING, 0, rng.poisson(_VISITS * share))
    who = np.repeat(np.arange(len(low)), visits)
    t = clock.draw(rng, low[who], np.full(len(who), options.stop - 120))
    kind = col.number_of(rng, _SHARES, len(who))
    wanted = _wanted(rng, shop, kind)
    typed = _typed(rng, kind, wanted)
    product = _product(rng, shop, kind, _meant(kind, wanted, typed))
    available = (product >= 0) & (shop.sold_from[product] <= t)
    clicked = available & (rng.random(len(who)) < 0.75)
    place = np.minimum(rng.geometric(0.35, len(who)), 20)
    fails = (kind == SLIP) | (kind == SYNONYM)
    again = np.flatnonzero(fails)
    row = np.r_[np.arange(len(who)), again]
    second = np.r_[np.zeros(len(who), bool), np.ones(len(again), bool)]
    good = np.where(second, clicked[row], clicked[row] & ~fails[row])
    yield col.rows(
        SEARCH,
        search_id=col.ids("R", chunk * IDS_PER_CHUNK + np.arange(len(row))),
        customer_id=customer_ids(them.number[who[row]], rng.random(len(row)) < 0.96),
        session_id=col.ids("L", chunk * IDS_PER_CHUNK + row),
        query=pa.array(
            [_right(typed[r]) if later else typed[r] for r, later in zip(row.tolist(), second.tolist(), strict=True)]
        ),
        results=np.where(second | ~fails[row] & (kind[row] != GAP), 12, 0),
        clicked_product_id=product_ids(np.maximum(product[row], 0), good),
        clicked_position=pa.array(place[row], mask=~good),
        searched_at=col.times(t[row] + 40 * second),
    )


def search_truth() -> Rows:
    """What each planted query means."""
    rows = [(query, "intent", query) for query in intents()]
    rows += [(wrong, "slip", right) for wrong, right in SLIPS.items()]
    rows += [(word, "synonym", other) for word, other in SYNONYMS.items()]
    rows += [(word, "gap", "") for word in GAPS]
    query, kind, finds = (list(column) for column in zip(*dict.fromkeys(rows), strict=True))
    return col.rows(SEARCH_TRUTH, query=query, kind=kind, finds=finds)


def _right(typed: str) -> str:
    return {**SYNONYMS, **SLIPS}[typed]


def _wanted(rng: np.random.Generator, shop: Catalogue, kind: Ints) -> Ints:
    """A kind of thing, the more often the more the shop has of it."""
    product = rng.integers(0, shop.products, len(kind))
    return np.asarray(shop.category[product] * 4 + shop.noun[product])


def _typed(rng: np.random.Generator, kind: Ints, wanted: Ints) -> list[str]:
    nouns, slips, synonyms = intents(), list(SLIPS), list(SYNONYMS)
    drawn = rng.integers(0, 1 << 30, len(kind)).tolist()
    return [
        nouns[w]
        if k == INTENT
        else slips[d % len(slips)]
        if k == SLIP
        else synonyms[d % len(synonyms)]
        if k == SYNONYM
        else GAPS[d % len(GAPS)]
        for k, w, d in zip(kind.tolist(), wanted.tolist(), drawn, strict=True)
    ]


def _meant(kind: Ints, wanted: Ints, typed: list[str]) -> Ints:
    """The kind of thing that is meant: after a slip or another word, one that has the right word in its name."""
    nouns = intents()
    of = {
        word: next(i for i, noun in enumerate(nouns) if right in noun.split())
        for word, right in (SYNONYMS | SLIPS).items()
    }
    return np.array([of.get(query, w) for query, w in zip(typed, wanted.tolist(), strict=True)], np.int64).reshape(
        len(kind)
    )


def _product(rng: np.random.Generator, shop: Catalogue, kind: Ints, wanted: Ints) -> Ints:
    """The product that is clicked: of the kind that is meant, by its appeal; -1: none."""
    drawn = rng.random(len(kind))
    found = np.full(len(kind), -1, np.int64)
    group = shop.category * 4 + shop.noun
    for noun in np.unique(wanted):
        meant, has = np.flatnonzero(wanted == noun), np.flatnonzero(group == noun)
        if len(has):
            running = np.cumsum(shop.appeal[has])
            found[meant] = has[
                np.searchsorted(running / running[-1], drawn[meant], side="right").clip(max=len(has) - 1)
            ]
    return np.where(kind == GAP, -1, found)
