"""The lists of a night back in a real shop: ``serve``, and the example's plugin in that shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench import Row
from bench._served import served
from ml.adapters import postgres
from ml.adapters.endpoint import new_key
from ml.settings import Settings

Plugin = Callable[[Mapping[str, str]], Mapping[str, Any]]
"""Runs the shop with the plugin, given SERVE_URL and SERVE_KEY; gives what its API answered."""
SHOWN = "SELECT product_id::text AS id FROM shop.product WHERE active"


def back_in_the_shop(shop: Settings, title: str, plugin: Plugin) -> Iterator[Row]:
    """Hold each list and event of the plugin against the same SELECT."""
    text, key = new_key("plugin", "backend")
    with served(shop.database_url, key) as port:
        said = plugin({"SERVE_URL": f"http://127.0.0.1:{port}", "SERVE_KEY": text})
    shown = {row["id"] for row in postgres.query(shop.shop_url, SHOWN)}

    def row(what: str, ours: float, of: float) -> Row:
        return Row(f"{title}: {what}", "rows", ours, "SELECT", of, ours / of, 1.0)

    def right(sql: str, lists: Mapping[str, list[str]]) -> int:
        found = {key: [str(r["product_id"]) for r in postgres.query(shop.database_url, sql, (key,))] for key in lists}
        same = sum(ids == [p for p in found[key] if p in shown] for key, ids in lists.items())
        return same if any(lists.values()) else 0

    recommend = "SELECT product_id FROM ml.recommend(%s, 5)"
    lists = said["lists"] | {"guest": said["guest"]}
    yield row("lists of customers and a guest as ml.recommend", right(recommend, lists), len(lists))
    similar = (
        "SELECT similar_product_id AS product_id FROM ml.similar_product WHERE product_id = %s ORDER BY rank LIMIT 5"
    )
    yield row("lists of similar products as published", right(similar, said["similar"]), len(said["similar"]))
    cart = {str(said["cart"]["of"]): said["cart"]["list"]}
    basket = "SELECT product_id FROM ml.recommend_for_basket(ARRAY[%s], 5)"
    yield row("lists for a cart as ml.recommend_for_basket", right(basket, cart), len(cart))
    kinds = [r["kind"] for r in postgres.query(shop.database_url, "SELECT kind FROM ml_ops.posted ORDER BY kind")]
    wanted = ["cart", "clicked", "search", "shown", "view"]
    yield row("events that were posted, each once", len(kinds) if kinds == wanted else 0, len(wanted))
    yield row("pages that go on while nothing answers", float(said["away"] == [] and said["events"] == [4, 0]), 1)
