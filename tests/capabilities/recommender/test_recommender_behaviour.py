"""What a shop would call sensible, whatever the numbers say: one change in the shop, one expected change in its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from ml.capabilities.recommender import features, model
from ml.capabilities.recommender.spec import SPEC, Params
from ml.core.capability import published
from tests.contract.cases import whole

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
PARAMS = Params(top_k=5)
MOMENT = pa.timestamp("us", "UTC")

PHONES = {f"phone {maker}": ("phones", maker, 500.0 + i) for i, maker in enumerate(("Alba", "Borea", "Corma", "Dune"))}
CASES = {f"case {maker}": ("cases", maker, 20.0 + i) for i, maker in enumerate(("Alba", "Borea", "Corma", "Dune"))}
TEAS = {
    f"{kind} tea {maker}": ("tea", maker, 8.0)
    for maker in ("Nord", "Sud")
    for kind in ("green", "black", "mint", "herb")
}
CATALOGUE = PHONES | CASES | TEAS
Orders = Sequence[tuple[str, float, Sequence[str]]]


def _orders() -> list[tuple[str, float, Sequence[str]]]:
    """Who buys a phone takes its case, at once or soon; tea drinkers keep to one maker and buy again every month."""
    orders: list[tuple[str, float, Sequence[str]]] = []
    for i in range(120):
        phone, case = list(PHONES)[i % 4], list(CASES)[i % 4]
        orders.append((f"p{i:03d}", 20 + i % 90, [phone, case] if i % 3 else [phone]))
        if i % 6 == 0:
            orders.append((f"p{i:03d}", 10 + i % 9, [case]))
    for i in range(80):
        maker = ("Nord", "Sud")[i % 2]
        teas = [name for name in TEAS if name.endswith(maker)]
        orders += [(f"t{i:03d}", 9 + i % 20 + 30 * n, [teas[(i // 2 + n + j) % 4] for j in range(2)]) for n in range(4)]
    # The three that the tests look at.
    orders.append(("buyer", 3, ["phone Alba"]))
    orders += [("drinker", 12 + 30 * n, ["green tea Nord", "black tea Nord"]) for n in range(3)]
    orders.append(("taster", 12, ["green tea Nord"]))
    return orders


def _tables(orders: Orders, catalogue: Mapping[str, tuple[str, str, float]], **late: Any) -> dict[str, pa.Table]:
    people = sorted({who for who, *_ in orders} | {"buyer", "drinker", "taster", "stranger"})
    numbered = [(f"o{n:04d}", who, ago, basket) for n, (who, ago, basket) in enumerate(orders)]
    lines = [(order, n, what) for order, *_, basket in numbered for n, what in enumerate(basket, 1)]
    listed = [None if name not in late else AS_OF - timedelta(days=late[name]) for name in catalogue]
    tables = {
        "customer": pa.table({"customer_id": people}),
        "product": pa.table(
            {
                "product_id": list(catalogue),
                "title": list(catalogue),
                "category": [category for category, *_ in catalogue.values()],
                "brand": [brand for _, brand, _ in catalogue.values()],
                "price": [price for *_, price in catalogue.values()],
                "active": [True] * len(catalogue),
                "listed_at": pa.array(listed, MOMENT),
            }
        ),
        "order": pa.table(
            {
                "order_id": [order for order, *_ in numbered],
                "customer_id": [who for _, who, *_ in numbered],
                "ordered_at": pa.array([AS_OF - timedelta(days=ago) for *_, ago, _ in numbered], MOMENT),
                "status": ["delivered"] * len(numbered),
            }
        ),
        "order_item": pa.table(
            {
                "order_id": [order for order, *_ in lines],
                "line_no": [n for _, n, _ in lines],
                "product_id": [what for *_, what in lines],
                "quantity": [1.0] * len(lines),
                "unit_price": [catalogue[what][2] for *_, what in lines],
            }
        ),
    }
    return {name: whole(name, table) for name, table in tables.items()}


def _night(
    orders: Orders | None = None, catalogue: Mapping[str, tuple[str, str, float]] = CATALOGUE, **late: float
) -> dict[str, list[dict[str, Any]]]:
    """Every published table of a night that trains, as rows."""
    tables = _tables(_orders() if orders is None else orders, catalogue, **late)
    backend = ibis.duckdb.connect()
    built = features.build({name: ibis.memtable(table) for name, table in tables.items()}, AS_OF, PARAMS)
    known = {name: backend.to_pyarrow(table) for name, table in built.items()}
    rows = published(SPEC, model.fit(known, PARAMS, 7), known, PARAMS)
    return {name: table.to_pylist() for name, table in rows.items()}


def _shown(night: Mapping[str, list[dict[str, Any]]], customer: str, name: str = "recommendation") -> list[str]:
    return [row["product_id"] for row in night[name] if row["customer_id"] == customer]


@pytest.fixture(scope="module")
def night() -> dict[str, list[dict[str, Any]]]:
    """The night of the shop as it is."""
    return _night()


def test_a_bought_phone_leads_to_its_case(night: dict) -> None:
    """Of what they do not have its own case comes first, above every other phone and case; so too in the cart."""
    assert next(name for name in _shown(night, "buyer") if name != "phone Alba") == "case Alba"
    beside = [row["other_product_id"] for row in night["bought_together"] if row["product_id"] == "phone Alba"]
    assert beside[0] == "case Alba"
    assert not set(beside) & set(PHONES)


def test_a_bought_phone_is_not_shown_again(night: dict) -> None:
    """Where nobody ever bought a phone twice, nobody is shown the one that they have."""
    assert "phone Alba" not in _shown(night, "buyer")


def test_a_phones_substitutes_are_phones(night: dict) -> None:
    """On its page stand the other phones, not the case that goes with it."""
    near = [row["similar_product_id"] for row in night["similar_product"] if row["product_id"] == "phone Alba"]
    assert set(near) == set(PHONES) - {"phone Alba"}


def test_reasons_are_true(night: dict) -> None:
    """Whatever a reason names was bought by that customer; what is bought again was bought before; codes and words agree."""
    bought = {(who, what) for who, _, basket in _orders() for what in basket}
    rows = night["recommendation"]
    named = [row for row in rows if row["reason_code"] == "because"]
    assert named
    for row in named:
        assert (row["customer_id"], row["source_product_id"]) in bought
        assert row["reason"] == f"because you bought {row['source_product_id']}"
    repeated = [row for row in rows if row["reason_code"] == "again"] + night["buy_again"]
    assert repeated
    assert all((row["customer_id"], row["product_id"]) in bought for row in repeated)
    assert {row["reason_code"] for row in rows if row["customer_id"] == "stranger"} <= {"popular", "range"}


def test_a_deleted_purchase_removes_its_reason(night: dict) -> None:
    """Without the order nothing in the customer's rows speaks of the product, in any table."""
    assert "phone Alba" in {
        row["source_product_id"] for row in night["recommendation"] if row["customer_id"] == "buyer"
    }
    after = _night([order for order in _orders() if order[0] != "buyer"])
    own_rows = [
        row for table in ("recommendation", "buy_again") for row in after[table] if row["customer_id"] == "buyer"
    ]
    assert own_rows
    assert not [
        row for row in own_rows if row.get("source_product_id") == "phone Alba" or "phone Alba" in row["reason"]
    ]


def test_a_swapped_brand_swaps_the_list(night: dict) -> None:
    """Who buys the same teas of the other maker is shown the other maker's teas."""
    swap = {"green tea Nord": "green tea Sud", "black tea Nord": "black tea Sud"}
    orders = [(w, a, [swap.get(p, p) for p in b] if w in {"taster", "drinker"} else b) for w, a, b in _orders()]
    after = _night(orders)
    for who in ("taster", "drinker"):
        before_, after_ = (_makers(_shown(rows, who)) for rows in (night, after))
        assert before_["Nord"] > before_.get("Sud", 0), who
        assert after_["Sud"] > after_.get("Nord", 0), who
        assert _shown(after, who, "buy_again") == [swap[p] for p in _shown(night, who, "buy_again")], who


def _makers(products: Sequence[str]) -> dict[str, int]:
    teas = [name.split()[-1] for name in products if name in TEAS]
    return {maker: teas.count(maker) for maker in teas}


def test_tea_is_due_again_when_the_month_is_over(night: dict) -> None:
    """Bought every 30 days, last 12 days ago: expected in about 18 days; a phone is never due again."""
    due = {row["product_id"]: row for row in night["buy_again"] if row["customer_id"] == "drinker"}
    assert set(due) == {"green tea Nord", "black tea Nord"}
    for row in due.values():
        assert 15 <= (row["expected_day"] - AS_OF).days <= 50
    assert not {row["product_id"] for row in night["buy_again"]} & set(PHONES)


def test_a_stranger_sees_some_of_everything(night: dict) -> None:
    """The list for visitors of whom nothing is known has more than one category in its first places."""
    first = [row["product_id"] for row in night["cold_start"] if row["segment"] == ""][:4]
    assert len({CATALOGUE[name][0] for name in first}) >= 2


def test_a_new_product_has_its_places_the_first_night(night: dict) -> None:
    """Listed yesterday and bought by nobody, it is a substitute of its kind; the old rows stay in their order."""
    after = _night(catalogue=CATALOGUE | {"mint green tea Nord": ("tea", "Nord", 8.0)}, **{"mint green tea Nord": 0.5})
    near = [row["similar_product_id"] for row in after["similar_product"] if row["product_id"] == "mint green tea Nord"]
    assert set(near) <= set(TEAS)
    assert near
    assert "mint green tea Nord" in {row["similar_product_id"] for row in after["similar_product"]}


def test_a_new_product_reaches_who_follows_its_kind_the_first_night() -> None:
    """A tea listed yesterday and bought by nobody is in a tea drinker's list for what it is; elsewhere only as a filler."""
    after = _night(catalogue=CATALOGUE | {"mint green tea Nord": ("tea", "Nord", 8.0)}, **{"mint green tea Nord": 0.5})
    why = {
        row["customer_id"]: row["reason_code"]
        for row in after["discovery"]
        if row["product_id"] == "mint green tea Nord"
    }
    assert why["drinker"] in {"category", "because"}
    assert why.get("buyer", "range") in {"range", "popular"}
