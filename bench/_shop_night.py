"""A night of a really installed shop, and its published rows held against what the script did there, not against the views."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

from bench import Row
from ml import pipeline
from ml.adapters import postgres
from ml.contract.vocabulary import statuses
from ml.settings import Settings

CAPABILITIES = ("recommender", "customer")
EMAILS = 'SELECT DISTINCT customer_id::text AS id, email FROM shop."order" WHERE customer_id IS NOT NULL'


def _published(shop: Settings, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in postgres.query(shop.database_url, sql)]


def night_of_the_shop(shop: Settings, title: str, backdate: str, did: Mapping[str, Any]) -> Iterator[Row]:
    """Run a night and compare: who bought, what is for sale, what is shown, and what went into the same order."""
    with postgres.transaction(shop.shop_url) as cursor:  # a night knows what was ordered before its date began
        cursor.execute(backdate)
    pipeline.run_night(shop, datetime.now(UTC).date(), capabilities=CAPABILITIES, force_train=True, publish_past=True)
    emails = {row["id"]: row["email"] for row in postgres.query(shop.shop_url, EMAILS)}
    sales = [order for order in did["orders"].values() if order["status"] in statuses(purchase=True)]
    on_sale = {str(product) for product, known in did["products"].items() if known["active"]}

    def row(what: str, right: int, of: int) -> Row:
        return Row(f"{title}: {what}", "rows", right, "done in the shop", of, right / of if of else 0.0, 1.0)

    buyers = {order["email"] for order in sales}
    valued = [emails.get(r["customer_id"]) for r in _published(shop, "SELECT customer_id FROM ml.customer_value")]
    yield row("buyers in ml.customer_value, each once", len(buyers & set(valued)), max(len(buyers), len(valued)))
    state = _published(shop, "SELECT product_id, title, available FROM ml.product_state")
    known = {str(product): facts for product, facts in did["products"].items()}
    right = [
        known[r["product_id"]]["title"] == r["title"] and r["available"] == (r["product_id"] in on_sale)
        for r in state
        if r["product_id"] in known
    ]
    yield row("products in ml.product_state as they are", sum(right), len(known))
    shown = _published(
        shop,
        "SELECT customer_id, product_id FROM ml.recommendation UNION ALL SELECT customer_id, product_id FROM ml.discovery",
    )
    fine = sum(r["product_id"] in on_sale and r["customer_id"] in emails for r in shown)
    yield row("rows of ml.recommendation and ml.discovery: for sale, to a person of the shop", fine, len(shown))
    bought = {
        email: {str(line[0]) for o in sales if o["email"] == email for line in o["lines"]} for email in set(valued)
    }
    new = _published(shop, "SELECT customer_id, product_id FROM ml.discovery")
    fine = sum(r["product_id"] not in bought.get(emails[r["customer_id"]], set()) for r in new)
    yield row("rows of ml.discovery that were never bought by that person", fine, len(new))
    pairs = Counter(
        pair for order in sales for pair in permutations(sorted({str(line[0]) for line in order["lines"]}), 2)
    )
    together = _published(shop, "SELECT product_id, other_product_id, orders FROM ml.bought_together")
    if together:
        fine = sum(pairs[r["product_id"], r["other_product_id"]] == r["orders"] for r in together)
        yield row("counts of ml.bought_together", fine, len(together))
