"""A small shop whose customers mistype, use words that it does not, and all mean the same few products by a query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
DAYS, CUSTOMERS, SEARCHES = 120, 300, 2600

CATALOGUE = {
    "coffee": ("Espresso Beans", "Filter Coffee", "Decaf Beans", "Coffee Capsules"),
    "running shoes": ("Road Runner Shoe", "Trail Runner Shoe", "Racing Shoe", "Walking Shoe"),
    "sofas": ("Corner Sofa", "Leather Sofa", "Sofa Bed", "Garden Sofa"),
    "phones": ("Smartphone", "Senior Phone", "Outdoor Phone", "Phone Battery"),
    "phone cases": ("Phone Case", "Screen Protector", "Phone Wallet", "Bumper Case"),
}
BRANDS = ("Alba", "Borealis", "Cormor", "Dunelle")
COLOURS = ("Red", "Blue", "Black")
SYNONYMS = {"couch": "sofa", "handset": "smartphone"}
SLIPS = {"expresso": "espresso", "smartphnoe": "smartphone", "leathr": "leather"}
GAPS = ("hammock", "trampoline", "aquarium")
_MOMENT = pa.timestamp("us", "UTC")


class _Search(NamedTuple):
    day: float
    who: int
    visit: int
    query: str
    product: int | None
    place: int | None
    found: int


def sample(seed: int) -> Sample:
    """Make the shop: 240 products, and by query two products that nearly all clicks go to, which words cannot tell."""
    rng = np.random.default_rng(seed)
    titles, categories, brands = _products()
    n = len(titles)
    favourites = {}
    for query in (
        *(noun.lower() for nouns in CATALOGUE.values() for noun in nouns),
        *(brand.lower() for brand in BRANDS),
    ):
        has = [i for i in range(n) if all(w in f"{titles[i]} {brands[i]}".lower().split() for w in query.split())]
        favourites[query] = rng.choice(has, 2, replace=False)
    for one, other in (*SYNONYMS.items(), *SLIPS.items()):
        base = "corner sofa" if other == "sofa" else "espresso beans" if other == "espresso" else other
        favourites[one] = favourites[base if base in favourites else "leather sofa"]
    log = _log(rng, favourites, n)
    ids = [f"p{i:03d}" for i in range(n)]
    orders = np.sort(rng.uniform(0, DAYS, 500))
    return Sample(
        {
            "customer": pa.table({"customer_id": [f"c{i:03d}" for i in range(CUSTOMERS)]}),
            "product": pa.table(
                {
                    "product_id": ids,
                    "title": titles,
                    "description": [
                        "Carefully made for every day." if i % 2 else "A favourite of our customers." for i in range(n)
                    ],
                    "category": categories,
                    "brand": brands,
                    "price": [5.0 + i for i in range(n)],
                    "active": [i % 17 != 3 for i in range(n)],
                }
            ),
            "order": pa.table(
                {
                    "order_id": [f"o{i:03d}" for i in range(len(orders))],
                    "customer_id": [f"c{i:03d}" for i in rng.integers(0, CUSTOMERS, len(orders))],
                    "ordered_at": _at(orders),
                    "status": ["paid"] * len(orders),
                }
            ),
            "order_item": pa.table(
                {
                    "order_id": [f"o{i:03d}" for i in range(len(orders))],
                    "line_no": [1] * len(orders),
                    "product_id": [ids[i] for i in rng.integers(0, n, len(orders))],
                    "quantity": [1.0] * len(orders),
                    "unit_price": [10.0] * len(orders),
                }
            ),
            "search": _table(log, ids),
        },
        AS_OF,
    )


def _products() -> tuple[list[str], list[str], list[str]]:
    rows = [
        (f"{colour} {brand} {noun}", category, brand)
        for category, nouns in CATALOGUE.items()
        for noun in nouns
        for brand in BRANDS
        for colour in COLOURS
    ]
    titles, categories, brands = (list(column) for column in zip(*rows, strict=True))
    return titles, categories, brands


def _log(rng: np.random.Generator, favourites: dict[str, np.ndarray], n: int) -> list[_Search]:
    queries = sorted(favourites)
    log = []
    for visit in range(SEARCHES):
        day, who = float(rng.uniform(0, DAYS)), int(rng.integers(0, CUSTOMERS))
        query = queries[rng.integers(len(queries))]
        instead = {**SYNONYMS, **SLIPS}.get(query)
        first, second = favourites[query]
        product = int(first if rng.random() < 0.6 else second if rng.random() < 0.8 else rng.integers(n))
        if visit % 12 == 0:
            log.append(_Search(day, who, visit, GAPS[visit // 12 % 3], None, None, 0))
        elif instead:
            log.append(_Search(day, who, visit, query, None, None, 0))
            log.append(_Search(day + 0.0005, who, visit, instead, product, 1 + visit % 5, 12))
        else:
            log.append(_Search(day, who, visit, query, product if rng.random() < 0.8 else None, 1 + visit % 5, 12))
    # What one customer alone typed is nobody else's to see.
    log += [
        _Search(float(rng.uniform(0, DAYS)), w, SEARCHES + w, f"zzq gift for aunt {w}", None, None, 0)
        for w in range(40)
    ]
    return sorted(log)


def _table(log: list[_Search], ids: list[str]) -> pa.Table:
    day, who, visit, query, product, place, found = zip(*log, strict=True)
    return pa.table(
        {
            "search_id": [f"s{i:05d}" for i in range(len(log))],
            "customer_id": [None if v % 29 == 4 else f"c{w:03d}" for w, v in zip(who, visit, strict=True)],
            "session_id": [f"v{v}" for v in visit],
            "query": query,
            "results": found,
            "clicked_product_id": [None if p is None else ids[p] for p in product],
            "clicked_position": pa.array(
                [None if p is None else at for p, at in zip(product, place, strict=True)], pa.int64()
            ),
            "searched_at": _at(np.array(day)),
        }
    )


def _at(days: np.ndarray) -> pa.Array:
    opened = np.datetime64((AS_OF - timedelta(days=DAYS)).replace(tzinfo=None), "us")
    return pa.array(opened + (days * 86_400e6).astype("timedelta64[us]"), pa.timestamp("us")).cast(_MOMENT)
