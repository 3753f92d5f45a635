"""The published lists as the files that a platform's own import takes: back into the shop without a line of code.

Shopify: metafields, as JSONL for a bulk mutation ``metafieldsSet`` where products are known by their numbers, or as columns of its
product CSV where they are known by their handles. WooCommerce: the core importer's columns Upsells and Cross-sells.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml.adapters import postgres
from ml.core.errors import NightshiftError, unknown
from ml.settings import Settings

NAMESPACE = "nightshift"
PER_CALL = 25
"""Metafields that one call of Shopify's metafieldsSet takes."""

_LISTS: Mapping[str, tuple[str, str]] = {
    "similar": (
        "ml.similar_product",
        "SELECT product_id AS owner, array_agg(similar_product_id ORDER BY rank) AS products FROM ml.similar_product WHERE rank <= %(n)s GROUP BY 1 ORDER BY 1",
    ),
    "bought_together": (
        "ml.bought_together",
        "SELECT product_id AS owner, array_agg(other_product_id ORDER BY rank) AS products FROM ml.bought_together WHERE rank <= %(n)s GROUP BY 1 ORDER BY 1",
    ),
    "home": (
        "ml.recommendation",
        "SELECT customer_id AS owner, array_agg(product_id ORDER BY rank) AS products FROM ml.recommendation WHERE rank <= %(n)s GROUP BY 1 ORDER BY 1",
    ),
}
_TITLES = "SELECT product_id, title FROM shop.product WHERE title IS NOT NULL"
_TABLES = "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'ml'"

Lists = Mapping[str, Mapping[str, Sequence[str]]]
"""Name of a list -> whose it is -> its products, best first."""


@dataclass
class Written:
    """The files with how many owners each has, and what could not be written."""

    files: dict[Path, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def write(settings: Settings, platform: str, folder: Path, n: int = 8) -> Written:
    """Write the lists of ``n`` products for a platform.

    Raises
    ------
    NightshiftError
        An unknown platform, nothing is published, or no list is of a product that the platform knows by its id.
    """
    if platform not in WRITERS:
        raise unknown("platform to write lists for", platform, WRITERS)
    present = {f"ml.{row['relname']}" for row in postgres.query(settings.database_url, _TABLES)}
    lists = {
        name: {row["owner"]: row["products"] for row in postgres.query(settings.database_url, sql, {"n": n})}
        for name, (table, sql) in _LISTS.items()
        if table in present
    }
    if not any(lists.values()):
        raise NightshiftError(
            "There are no lists yet.",
            came="ml.similar_product, bought_together and recommendation are not there, or empty",
            do="./nightshift night",
        )
    titles = {row["product_id"]: row["title"] for row in postgres.query(settings.shop_url, _TITLES)}
    folder.mkdir(parents=True, exist_ok=True)
    written = Written()
    WRITERS[platform](lists, titles, folder, written)
    if not written.files:
        raise NightshiftError(
            f"No list can be given back to {platform}.",
            came="; ".join(written.notes),
            do=f"load the shop with its products' export (docs/platforms/{platform}.md)",
        )
    return written


def _shopify(lists: Lists, titles: Mapping[str, str], folder: Path, written: Written) -> None:
    numbers = {product for product in titles if product.isdigit()}
    handles = {product for product in titles if _is_handle(product)}
    if numbers:
        fields = [*_metafields(lists, numbers, "Product"), *_metafields(lists, numbers, "Customer")]
        calls = (
            json.dumps({"metafields": fields[at : at + PER_CALL]}, ensure_ascii=False)
            for at in range(0, len(fields), PER_CALL)
        )
        _lines(folder / "shopify_metafields.jsonl", calls, len(fields), written)
    elif handles:
        _handles(lists, titles, handles, folder, written)
        fields = [*_metafields(lists, handles, "Customer", handles=True)]
        calls = (
            json.dumps({"metafields": fields[at : at + PER_CALL]}, ensure_ascii=False)
            for at in range(0, len(fields), PER_CALL)
        )
        _lines(folder / "shopify_metafields.jsonl", calls, len(fields), written)
    _left(titles, numbers or handles, written)
    guests = sum(not customer.isdigit() for customer in lists.get("home", {}))
    if guests:
        written.notes.append(
            f"{guests:,} customers have no number of Shopify's (guests, or no customers export): without a metafield"
        )


def _is_handle(product: str) -> bool:
    return (
        product == product.lower() and not product.startswith("name:") and " " not in product and not product.isdigit()
    )


def _metafields(lists: Lists, known: set[str], of: str, *, handles: bool = False) -> Iterator[dict[str, str]]:
    """Metafields of products (similar, bought_together) or customers (home), of products that the platform knows."""
    for name, owners in lists.items():
        if (name == "home") != (of == "Customer"):
            continue
        for owner, products in owners.items():
            kept = [p if handles else f"gid://shopify/Product/{p}" for p in products if p in known]
            if kept and owner.isdigit() and (of == "Customer" or owner in known):
                yield {
                    "ownerId": f"gid://shopify/{of}/{owner}",
                    "namespace": NAMESPACE,
                    "key": name,
                    "type": "list.single_line_text_field" if handles else "list.product_reference",
                    "value": json.dumps(kept, ensure_ascii=False),
                }


def _handles(lists: Lists, titles: Mapping[str, str], known: set[str], folder: Path, written: Written) -> None:
    """Shopify's product CSV: Handle and Title are needed, a list is separated by semicolons."""
    names = {"similar": "Similar products", "bought_together": "Bought together"}
    given = [name for name in names if lists.get(name)]
    header = ["Handle", "Title", *(f"{names[name]} (product.metafields.{NAMESPACE}.{name})" for name in given)]
    rows = [
        [
            product,
            titles[product],
            *("; ".join(p for p in lists[name].get(product, ()) if p in known) for name in given),
        ]
        for product in sorted(known)
    ]
    _table(folder / "shopify_products.csv", header, [row for row in rows if any(row[2:])], written)


def _woocommerce(lists: Lists, titles: Mapping[str, str], folder: Path, written: Written) -> None:
    known = {product for product in titles if product.isdigit()}
    header = ["ID", "Upsells", "Cross-sells"]
    rows = [
        [
            product,
            *(
                ", ".join(f"id:{p}" for p in lists.get(name, {}).get(product, ()) if p in known)
                for name in ("similar", "bought_together")
            ),
        ]
        for product in sorted(known, key=int)
    ]
    _table(folder / "woocommerce_products.csv", header, [row for row in rows if any(row[1:])], written)
    homes = [
        [customer, ",".join(p for p in products if p in known)]
        for customer, products in lists.get("home", {}).items()
        if customer.isdigit()
    ]
    _table(
        folder / "woocommerce_customers.csv", ["user_id", "nightshift_home"], [row for row in homes if row[1]], written
    )
    _left(titles, known, written)


def _left(titles: Mapping[str, str], known: set[str], written: Written) -> None:
    if left := len(titles) - len(known):
        written.notes.append(f"{left:,} products are known by a SKU or a name only, or are deleted: left out")


def _table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], written: Written) -> None:
    if not rows:
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    written.files[path] = len(rows)


def _lines(path: Path, lines: Iterable[str], count: int, written: Written) -> None:
    if count:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        written.files[path] = count


WRITERS: Mapping[str, Callable[[Lists, Mapping[str, str], Path, Written], None]] = {
    "shopify": _shopify,
    "woocommerce": _woocommerce,
}
