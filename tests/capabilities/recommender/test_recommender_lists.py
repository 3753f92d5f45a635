"""What a customer is shown, and why: a shop small enough to know the answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ml.capabilities.recommender import model, score
from ml.capabilities.recommender.spec import Params
from ml.core.errors import ArtifactError
from ml.core.units import DAY_S

PARAMS = Params(top_k=4, depth=4, shrinkage=0.1, repeat_from=0.3)
NOW = 20_000 * DAY_S
PRODUCTS = ("bread", "butter", "lamp", "phone", "gone")


def _features(pairs: list[tuple[int, int, float, int]], **over: object) -> dict[str, pa.Table]:
    """``pairs`` are (customer_no, product_no, weight, orders)."""
    n = 6
    tables = {
        "customer": pa.table(
            {
                "customer_no": pa.array(range(n), pa.int32()),
                "customer_id": [f"c{i}" for i in range(n)],
                "segment": [""] * n,
            }
        ),
        "product": pa.table(
            {
                "product_no": pa.array(range(len(PRODUCTS)), pa.int32()),
                "product_id": PRODUCTS,
                "title": [p.title() for p in PRODUCTS],
                **_nothing(len(PRODUCTS)),
                "available": [p != "gone" for p in PRODUCTS],
            }
        ),
        "moment": pa.table({"as_of": pa.array([NOW])}),
        **_log(pairs),
    }
    return tables | over


def _nothing(n: int) -> dict[str, pa.Array]:
    """What is not known of ``n`` products."""
    texts = {name: [""] * n for name in ("category", "brand", "description")}
    return texts | {"price": pa.nulls(n, pa.float32()), "listed_at": pa.nulls(n, pa.int64())}


def _log(pairs: list[tuple[int, int, float, int]]) -> dict[str, pa.Table]:
    """Each pair's orders, one a day until today, and a look where there is none; products bought together share orders.

    What was bought once was bought nine days ago: it is overdue.
    """
    ago = [(u, i, k + 9 * (orders == 1)) for u, i, _, orders in pairs for k in range(orders)]
    lines = [(u, i, u * 100 + k, NOW - k * DAY_S - 1) for u, i, k in ago]
    looks = [(u, i, weight) for u, i, weight, orders in pairs if not orders]
    who, what, order, at = (np.array(c) for c in zip(*lines, strict=True))
    looker, looked, weight = (np.array(c) for c in zip(*looks, strict=True)) if looks else (np.empty(0),) * 3
    return {
        "purchase": pa.table(
            {
                "customer_no": who.astype(np.int32),
                "product_no": what.astype(np.int32),
                "order_no": order,
                "at": at,
                "quantity": np.ones(len(who), np.float32),
                "price": np.ones(len(who), np.float32),
            }
        ),
        "look": pa.table(
            {
                "customer_no": looker.astype(np.int32),
                "product_no": looked.astype(np.int32),
                "at": np.full(len(looker), NOW - 1),
                "weight": weight.astype(np.float32),
            }
        ),
    }


# c0, c1: bread again and again, with butter. c2 bought a phone and a lamp, c3 a phone. c4 looked at a phone. c5 is new.
PAIRS = [
    (0, 0, 3, 3),
    (0, 1, 1, 1),
    (1, 0, 2, 2),
    (1, 1, 1, 1),
    (1, 4, 1, 1),
    (2, 3, 1, 1),
    (2, 2, 1, 1),
    (3, 3, 1, 1),
    (4, 3, 0.1, 0),
]


def _lists(features: dict[str, pa.Table], params: Params = PARAMS, fit=model.fit) -> dict[str, list[tuple]]:
    batches = score.score(fit(features, params, 7), features, 0, 1, params)["recommendation"]
    rows = pa.Table.from_batches(list(batches)).to_pylist()
    found: dict[str, list[tuple]] = {}
    for row in rows:
        found.setdefault(row["customer_id"], []).append((row["product_id"], row["reason"], row["source_product_id"]))
    return found


def test_reason_names_the_product_that_it_comes_from() -> None:
    """A phone's buyer is led to the lamp because of the phone; who looked at it is told so."""
    lists = _lists(_features(PAIRS))
    assert lists["c3"][0] == ("lamp", "because you bought Phone", "phone")
    assert ("lamp", "because you looked at Phone", "phone") in lists["c4"]


def test_what_is_bought_again_is_shown_again() -> None:
    """Bread, which all its buyers bought again, is shown to them; a phone, which nobody bought twice, is hidden."""
    lists = _lists(_features(PAIRS))
    assert lists["c0"][0] == ("bread", "bought again about every day", "bread")
    assert "phone" not in [product for product, *_ in lists["c3"]]
    nothing_again = _lists(_features(PAIRS), replace(PARAMS, repeat_from=2.0))
    assert "bread" not in [product for product, *_ in nothing_again["c0"]]


def test_unavailable_is_never_shown() -> None:
    """A product that is gone is in no list and near no product."""
    features = _features(PAIRS)
    assert "gone" not in [product for rows in _lists(features).values() for product, *_ in rows]
    near = score.score_all(model.fit(features, PARAMS, 7), features, {}, PARAMS)["similar_product"]
    rows = pa.Table.from_batches(list(near)).to_pylist()
    assert "gone" not in {row["similar_product_id"] for row in rows}


def test_a_new_customer_gets_what_is_popular() -> None:
    """Without history the list is full, in the order of popularity, and says so of what was ordered often."""
    assert _lists(_features(PAIRS))["c5"] == [
        ("bread", "popular this month", None),
        ("butter", "from our range", None),
        ("phone", "from our range", None),
        ("lamp", "from our range", None),
    ]


def test_segments_have_their_own_popularity() -> None:
    """Where a segment has orders enough its own favourites lead, and the reason names it."""
    features = _features([*PAIRS, (2, 2, 9, 90), (3, 2, 9, 90), (0, 0, 9, 90), (0, 1, 9, 80)])
    customers = features["customer"].set_column(2, "segment", pa.array(["a", "b", "b", "b", "b", "b"]))
    lists = _lists(features | {"customer": customers}, replace(PARAMS, popularity_half_life_days=60.0))
    assert lists["c5"][0] == ("lamp", "popular with b customers this month", None)


def test_baseline_is_what_a_customer_buys_again_and_then_what_is_popular() -> None:
    """Own products lead, the often and lately bought first; who is new gets the popular ones; looks do not count."""
    lists = _lists(_features(PAIRS), replace(PARAMS, repeat_from=0.0), fit=model.fit_baseline)
    assert [row[0] for row in lists["c0"]] == ["bread", "butter", "phone", "lamp"]
    assert lists["c0"][0] == ("bread", "bought again about every day", "bread")
    assert lists["c4"] == lists["c5"]
    assert {row[1] for row in lists["c5"]} == {"popular this month", "from our range"}


def test_who_bought_nearly_everything_gets_the_rest() -> None:
    """Hidden products never shorten a list as long as others are there."""
    n = 300
    products = pa.table(
        {
            "product_no": pa.array(range(n), pa.int32()),
            "product_id": [f"p{i:03d}" for i in range(n)],
            "title": ["x"] * n,
            **_nothing(n),
            "available": [True] * n,
        }
    )
    lists = _lists(_features([(0, i, 1, 1) for i in range(n - 5)], product=products))
    assert [product for product, *_ in lists["c0"]] == ["p295", "p296", "p297", "p298"]


def test_broken_files_are_an_error_that_says_what_to_do(tmp_path) -> None:
    """A folder without a model is refused with the way out."""
    with pytest.raises(ArtifactError, match="nightshift train recommender"):
        model.load(tmp_path)
