"""Why a product stands in the shop window: what raised and lowered its score, in words, and that these sum to it."""

from __future__ import annotations

import math
import re

import pytest

from ml.adapters import postgres
from ml.adapters.batches import view
from ml.registry import CAPABILITIES
from tests.console_client import browser as open_browser
from tests.console_client import words
from tests.console_shop import ConsoleShop

PARTS = tuple(
    column.name
    for table in CAPABILITIES["recommender"].publishes
    if table.name == "recommendation_part"
    for column in table.columns
    if column.kind == "numbers"
)


@pytest.fixture
def shop(settings):
    """A small shop."""
    return ConsoleShop(settings.database_url, capabilities=(CAPABILITIES["recommender"],)).fill()


@pytest.fixture
def anna(monkeypatch, settings, shop):
    """A browser of somebody who may change things."""
    return open_browser(monkeypatch, settings)


def _explain(shop: ConsoleShop, products: list[str], base: float, values: list[list[float]]) -> None:
    """Let these be the parts of c1's list."""
    with postgres.transaction(shop.url) as cursor:
        cursor.execute("SELECT max(batch_id) AS n FROM ml_ops.batch WHERE table_name = 'recommendation_part'")
        table = f"ml_batch.recommendation_part_{cursor.fetchone()['n']}"
        sets = ", ".join(f"{name} = %s" for name in ("products", "base", *PARTS))
        cursor.execute(f"UPDATE {table} SET {sets} WHERE customer_id = 'c1'", (products, base, *values))


def test_the_window_shows_what_made_each_score(anna, shop):
    """Parts in the words of their meaning, the strongest first, small ones left out of sight but not out of the sum."""
    first = re.search(r"/product/(p\d+)\">", anna.get("/window?customer=c1").text)
    assert first is not None
    values = [[0.0] for _ in PARTS]
    values[PARTS.index("bought")], values[PARTS.index("popular")] = [1.5], [-0.25]
    values[PARTS.index("agreed")] = [0.004]
    _explain(shop, [first[1]], -2.0, values)
    page = anna.get("/window?customer=c1")
    text = words(page)
    assert "What the customer bought of it before: how often, how lately, at which distances. raises it by 1.5" in text
    assert "How many buy it at this time, and whether they become more. lowers it by 0.25" in text
    assert text.index("raises it by 1.5") < text.index("lowers it by 0.25")
    assert "How many of the candidate models" not in text
    chance = 100 / (1 + math.exp(2.0 - 1.5 + 0.25 - 0.004))
    assert f"-0.746: a chance of {chance:.4g} %" in text.replace("−", "-")
    assert "No ranker chose this product" in text  # of the others in the list
    chinese = words(anna.get("/window?customer=c1&lang=zh"))
    assert "顾客以前购买它的情况：多频繁、多近、间隔多久。 升高 1.5" in chinese
    anna.get("/window?customer=c1&lang=en")


def test_what_is_not_known_is_said(anna, shop):
    """A stranger's list has no ranker; another version's parts are not shown; before the table is there, when it comes."""
    assert "This list is for strangers" in words(anna.get("/window"))
    table = next(t for t in CAPABILITIES["recommender"].publishes if t.name == "recommendation_part")
    with postgres.transaction(shop.url) as cursor:
        cursor.execute(
            "UPDATE ml_ops.batch SET model_version = 1 WHERE table_name = 'recommendation_part' RETURNING batch_id"
        )
        view.point(cursor, table.name, cursor.fetchone()["batch_id"], table)
    assert "Another version made this place" in words(anna.get("/window?customer=c1"))
    shop.run("DROP VIEW ml.recommendation_part")
    assert "What made the scores is published with the next night." in words(anna.get("/window?customer=c1"))


def test_an_order_shows_what_hangs_together_with_it(monkeypatch, settings):
    """Orders that share a device or card stand in the graph and the list, each with its reason."""
    shop = ConsoleShop(settings.database_url, capabilities=(CAPABILITIES["risk"],)).fill()
    with postgres.transaction(shop.url) as cursor:
        cursor.execute("SELECT max(batch_id) AS n FROM ml_ops.batch WHERE table_name = 'order_link'")
        table = f"ml_batch.order_link_{cursor.fetchone()['n']}"
        cursor.execute(f"DELETE FROM {table}")
        cursor.execute(f"INSERT INTO {table} (order_id, rank, other_order_id, kind) VALUES ('o1', 1, 'o2', 'card')")
    page = open_browser(monkeypatch, settings).get("/orders/o1")
    assert "What hangs together" in words(page)
    assert re.search(r'<text [^>]*class="why">the same card</text>', page.text)
    assert "/orders/o2" in page.text
