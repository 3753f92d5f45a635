"""What the shop offers, and what was typed, clicked and bought, as known at a time; Ibis expressions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import pyarrow as pa

from ml.capabilities.search.spec import Params
from ml.contract.purchases import bought, chosen
from ml.core.asof import as_of_join, known
from ml.core.units import DAY_S

Tables = Mapping[str, ibis.Table]

UNITS = 1 << 20
"""Weights are added up as whole multiples of 1 / UNITS: integers have the same sum in any order, on any engine."""
_REWORDED_S = 300
"""Two searches of a visit within so long may mean the same."""
_LONGEST = 200
_PLACES = 100


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:
    """Make what :mod:`ml.capabilities.search.model` learns from and scores with.

    Parameters
    ----------
    tables : mapping of str to ibis.Table
        Clean contract tables: ``product``; ``order`` with ``order_item``, ``search`` and ``stock`` if there.
    as_of : datetime
        With a time zone; only what was known before it is used.
    params : Params

    Returns
    -------
    dict of str to ibis.Table
        ``product`` (product_id, title, description, category, brand, price, sold: pieces lately, available) · ``asked``
        (query as typed, asked: searches lately, every: searches ever, people, empty: searches that found nothing,
        unclicked: lately without a click) · ``clicked`` (query, product_id, clicks: lately, corrected for place; bought:
        those of them that became a purchase) · ``asked_day`` (query, age: whole days before the night, times: searches that
        did not find nothing; of the last ``suggest_days``) · ``reworded`` (query, then: the next one of the same visit, which had a
        click where the first had none; times, people) · ``customer`` (customer_id, category, weight).
    """
    searches = _searches(tables, as_of, params)
    clicks = _clicks(tables, searches, as_of, params)
    return {
        "product": _products(tables, as_of, params),
        "asked": _by_query(searches),
        "asked_day": _asked_day(searches, as_of, params),
        "clicked": clicks.group_by("query", "product_id").aggregate(
            clicks=_sum(clicks["weight"]), bought=_sum(clicks["weight"] * clicks["bought"])
        ),
        "reworded": _reworded(searches),
        "customer": _customers(tables, clicks, as_of, params),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:
    """Searches of ``[start, end)`` with a click: ``query`` as typed, ``product_id``, ``searches``."""
    rows = _searches(tables, end, params)
    rows = rows.filter(rows["searched_at"] >= _moment(start), rows["product_id"].notnull())
    return rows.group_by("query", "product_id").aggregate(searches=rows.count())


def _moment(at: datetime) -> ibis.Value:
    return ibis.literal(at, type="timestamp('UTC', 6)")


def _age_weight(at: ibis.Value, as_of: datetime, params: Params) -> ibis.Value:
    """2 ** (-age / half-life)."""
    days = (int(as_of.timestamp()) - at.epoch_seconds()) / DAY_S
    return (days * (-0.6931471805599453 / params.half_life_days)).exp()


def _sum(weight: ibis.Value) -> ibis.Value:
    return (weight * UNITS).round().cast("int64").sum() / UNITS


def _products(tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    listed = known(tables["product"], as_of, "listed_at").mutate(_as_of=_moment(as_of))
    if "stock" in tables:
        listed = as_of_join(
            listed,
            tables["stock"].rename(_stock="quantity"),
            by=["product_id"],
            at="_as_of",
            event_time="counted_at",
            known_time="known_at",
            columns=["_stock"],
        )
    else:
        listed = listed.mutate(_stock=ibis.null("float64"))
    rows = listed.select(
        product_id=listed["product_id"],
        title=ibis.coalesce(listed["title"].nullif(""), listed["product_id"]),
        description=listed["description"].fill_null(""),
        category=listed["category"].fill_null(""),
        brand=listed["brand"].fill_null(""),
        price=listed["price"],
        available=listed["active"].fill_null(True) & (listed["_stock"] > 0).fill_null(True),
    )
    sales = _sales(tables, as_of)
    if sales is None:
        return rows.mutate(sold=ibis.literal(0.0))
    sales = sales.mutate(weight=_age_weight(sales["at"], as_of, params))
    sold = sales.group_by("product_id").aggregate(sold=_sum(sales["weight"]))
    joined = rows.left_join(sold, "product_id").drop("product_id_right")
    return joined.mutate(sold=joined["sold"].fill_null(0.0))


def _sales(tables: Tables, as_of: datetime) -> ibis.Table | None:
    """``(customer_id, product_id, at)`` of each line that somebody chose."""
    if "order" not in tables or "order_item" not in tables:
        return None
    orders = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    orders = orders.select("order_id", "customer_id", at=orders["ordered_at"])
    return chosen(tables["order_item"]).inner_join(orders, "order_id").select("customer_id", "product_id", "at")


def _searches(tables: Tables, as_of: datetime, params: Params) -> ibis.Table:
    if "search" not in tables:
        text, count = pa.string(), pa.int64()
        kinds = {
            "search_id": text,
            "customer_id": text,
            "session_id": text,
            "query": text,
            "results": count,
            "product_id": text,
            "place": count,
            "searched_at": pa.timestamp("us", "UTC"),
            "weight": pa.float64(),
        }
        return ibis.memtable(pa.schema(list(kinds.items())).empty_table())
    rows = known(tables["search"], as_of, "searched_at")
    return rows.select(
        "search_id",
        "customer_id",
        "session_id",
        query=rows["query"].strip().lower().substr(0, _LONGEST),
        results=rows["results"],
        product_id=rows["clicked_product_id"],
        place=rows["clicked_position"],
        searched_at=rows["searched_at"],
        weight=_age_weight(rows["searched_at"], as_of, params),
    )


def _by_query(searches: ibis.Table) -> ibis.Table:
    return searches.group_by("query").aggregate(
        asked=_sum(searches["weight"]),
        every=searches.count(),
        people=searches["customer_id"].nunique(),
        empty=(searches["results"] == 0).fill_null(False).sum(),
        unclicked=_sum(ibis.ifelse(searches["product_id"].isnull(), searches["weight"], 0.0)),
    )


def _asked_day(searches: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    age = (int(as_of.timestamp()) - 1 - searches["searched_at"].epoch_seconds()) / DAY_S
    rows = searches.mutate(age=age.floor().cast("int64"))
    rows = rows.filter(rows["age"] < params.suggest_days, (rows["results"] > 0).fill_null(True))
    return rows.group_by("query", "age").aggregate(times=rows.count())


def _clicks(tables: Tables, searches: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """Each click with its weight (age and place) and whether the product was bought within a day."""
    rows = searches.filter(searches["product_id"].notnull())
    place = ibis.greatest(ibis.least(rows["place"].fill_null(1), _PLACES), 1).cast("float64")
    rows = rows.mutate(weight=rows["weight"] * place**params.patience)
    sales = _sales(tables, as_of)
    if sales is None:
        return rows.mutate(bought=ibis.literal(0.0))
    sales = sales.filter(sales["customer_id"].notnull())
    after = rows.inner_join(sales, ["customer_id", "product_id"])
    seconds = after["at"].epoch_seconds() - after["searched_at"].epoch_seconds()
    led = after.filter(seconds >= 0, seconds < DAY_S).select("search_id").distinct().mutate(bought=ibis.literal(1.0))
    joined = rows.left_join(led, "search_id").drop("search_id_right")
    return joined.mutate(bought=joined["bought"].fill_null(0.0))


def _reworded(searches: ibis.Table) -> ibis.Table:
    """A search without a click, and the next of the same visit with one."""
    visit = ibis.window(group_by="session_id", order_by=["searched_at", "search_id"])
    rows = searches.filter(searches["session_id"].notnull())
    rows = rows.mutate(
        then=rows["query"].lead(1).over(visit),
        then_product=rows["product_id"].lead(1).over(visit),
        then_at=rows["searched_at"].lead(1).over(visit).epoch_seconds(),
    )
    rows = rows.filter(
        rows["product_id"].isnull(),
        rows["then_product"].notnull(),
        rows["query"] != rows["then"],
        rows["then_at"] - rows["searched_at"].epoch_seconds() <= _REWORDED_S,
    )
    return rows.group_by("query", "then").aggregate(times=rows.count(), people=rows["customer_id"].nunique())


def _customers(tables: Tables, clicks: ibis.Table, as_of: datetime, params: Params) -> ibis.Table:
    """What customers bought and clicked by category; a purchase counts as three clicks."""
    seen = clicks.select("customer_id", "product_id", weight=_age_weight(clicks["searched_at"], as_of, params))
    sales = _sales(tables, as_of)
    if sales is not None:
        sold = sales.select("customer_id", "product_id", weight=3 * _age_weight(sales["at"], as_of, params))
        seen = ibis.union(seen, sold)
    seen = seen.filter(seen["customer_id"].notnull())
    products = known(tables["product"], as_of, "listed_at")
    products = products.filter((products["category"] != "").fill_null(False)).select("product_id", "category")
    rows = seen.inner_join(products, "product_id")
    return rows.group_by("customer_id", "category").aggregate(weight=_sum(rows["weight"]))
