"""Lists go back into a shop as the files that its platform imports."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ml.adapters import postgres
from ml.core.errors import NightshiftError
from ml.settings import Settings
from ml.shop.lists import write

TABLES = """
CREATE SCHEMA IF NOT EXISTS ml;
CREATE SCHEMA shop;
CREATE TABLE shop.product (product_id text, title text);
CREATE TABLE ml.similar_product (product_id text, rank bigint, similar_product_id text);
CREATE TABLE ml.bought_together (product_id text, rank bigint, other_product_id text);
CREATE TABLE ml.recommendation (customer_id text, rank bigint, product_id text);
"""


def publish(settings: Settings, products: str, customer: str = "7001") -> None:
    """Fill the published tables with lists of the given products (comma-separated), all to all."""
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute(TABLES)
        cursor.execute(
            "INSERT INTO shop.product SELECT p, 'Title of ' || p FROM unnest(string_to_array(%s, ',')) p", (products,)
        )
        for table in ("ml.similar_product", "ml.bought_together"):
            cursor.execute(
                f"INSERT INTO {table} SELECT a.product_id, row_number() OVER (PARTITION BY a.product_id ORDER BY b.product_id), b.product_id "
                "FROM shop.product a, shop.product b WHERE a.product_id <> b.product_id"
            )
        cursor.execute(
            "INSERT INTO ml.recommendation SELECT c, row_number() OVER (PARTITION BY c ORDER BY product_id DESC), product_id FROM shop.product, unnest(%s) c",
            ([customer, "f" * 64],),
        )


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_shopify_by_numbers(settings: Settings, tmp_path: Path) -> None:
    """A bulk mutation's lines: references to products, of products and of customers; guests are counted."""
    publish(settings, "11,12,13,LAMP")
    written = write(settings, "shopify", tmp_path, n=2)
    lines = [json.loads(line) for line in (tmp_path / "shopify_metafields.jsonl").read_text().splitlines()]
    fields = [f for line in lines for f in line["metafields"]]
    assert max(len(line["metafields"]) for line in lines) <= 25
    home = [f for f in fields if f["ownerId"] == "gid://shopify/Customer/7001"]
    assert [(f["namespace"], f["key"], f["type"], json.loads(f["value"])) for f in home] == [
        ("nightshift", "home", "list.product_reference", ["gid://shopify/Product/13"])
    ]
    similar = next(f for f in fields if f["ownerId"].endswith("Product/11") and f["key"] == "similar")
    assert json.loads(similar["value"]) == ["gid://shopify/Product/12", "gid://shopify/Product/13"]
    assert not [f for f in fields if "LAMP" in json.dumps(f) or "ffff" in f["ownerId"]]
    assert written.notes == [
        "1 products are known by a SKU or a name only, or are deleted: left out",
        "1 customers have no number of Shopify's (guests, or no customers export): without a metafield",
    ]


def test_shopify_by_handles(settings: Settings, tmp_path: Path) -> None:
    """Columns of the product CSV, a list separated by semicolons; a customer's list is of handles."""
    publish(settings, "tee,mug,name:Tip,LAMP")
    write(settings, "shopify", tmp_path)
    assert rows(tmp_path / "shopify_products.csv") == [
        {
            "Handle": handle,
            "Title": f"Title of {handle}",
            "Similar products (product.metafields.nightshift.similar)": other,
            "Bought together (product.metafields.nightshift.bought_together)": other,
        }
        for handle, other in (("mug", "tee"), ("tee", "mug"))
    ]
    (line,) = (tmp_path / "shopify_metafields.jsonl").read_text().splitlines()
    assert json.loads(json.loads(line)["metafields"][0]["value"]) == ["tee", "mug"]


def test_woocommerce(settings: Settings, tmp_path: Path) -> None:
    """The core importer's columns, by ids; the customers' lists beside it."""
    publish(settings, "21,22,23,LAMP", customer="7")
    written = write(settings, "woocommerce", tmp_path)
    assert rows(tmp_path / "woocommerce_products.csv")[0] == {
        "ID": "21",
        "Upsells": "id:22, id:23",
        "Cross-sells": "id:22, id:23",
    }
    assert rows(tmp_path / "woocommerce_customers.csv") == [{"user_id": "7", "nightshift_home": "23,22,21"}]
    assert list(written.files.values()) == [3, 1]


def test_what_cannot_be_written_is_said(settings: Settings, tmp_path: Path) -> None:
    """Nothing published, a platform that there is not, products without an id of the platform's."""
    with pytest.raises(NightshiftError, match="There are no lists yet"):
        write(settings, "shopify", tmp_path)
    with pytest.raises(NightshiftError, match="no platform to write lists for 'shoppify'"):
        write(settings, "shoppify", tmp_path)
    publish(settings, "TEE-S,name:Mug")
    with pytest.raises(NightshiftError, match="No list can be given back to woocommerce"):
        write(settings, "woocommerce", tmp_path)
    with pytest.raises(NightshiftError, match="No list can be given back to shopify"):
        write(settings, "shopify", tmp_path)
