"""Two nights of a shop with reviews, in a real Postgres."""

from __future__ import annotations

from contextlib import closing
from datetime import date

import pytest

from ml.adapters import postgres
from ml.capabilities.sentiment import read_reviews
from ml.pipeline import run_night
from tests.small_shop import add, fill, shop

FIRST, SECOND = date(2025, 3, 1), date(2025, 3, 2)
TABLES = ("review_sentiment", "review_aspect", "product_sentiment", "sentiment_alert")


def _reviews(n):
    words = {5: "Great quality, very happy", 3: "It is okay", 1: "The delivery was late, very disappointed"}
    return [
        {
            "review_id": f"v{i:03d}",
            "product_id": f"p{i % 12}",
            "customer_id": f"c{i % 10}",
            "stars": stars,
            "text": f"{words[stars]} {i}",
            "written_at": f"2025-02-{1 + i % 28:02d} 12:00Z",
        }
        for i in range(n)
        for stars in [(5, 5, 1, 3)[i % 4]]
    ]


@pytest.fixture
def read(monkeypatch):
    """How many texts were read, one entry per call."""
    counted = []
    original = read_reviews._fresh

    def fresh(model, roles, reviews, rows, params):
        counted.append(len(rows))
        return original(model, roles, reviews, rows, params)

    monkeypatch.setattr(read_reviews, "_fresh", fresh)
    return counted


def test_the_second_night_reads_what_is_new(settings, read):
    """The night after reads the one new review; run again, it publishes the same rows."""
    fill(settings.shop_url, shop() | {"review": _reviews(120)})
    run_night(settings, FIRST, capabilities=["sentiment"])
    assert read == [120]
    with closing(postgres.connect(settings.shop_url)) as connection, connection, connection.cursor() as cursor:
        add(
            cursor,
            "review",
            [
                {
                    "review_id": "new",
                    "product_id": "p1",
                    "text": "Never again, broken",
                    "written_at": "2025-03-01 12:00Z",
                }
            ],
        )
    read.clear()
    run_night(settings, SECOND, capabilities=["sentiment"])
    assert read == [1]
    first = _published(settings)
    assert len(first["review_sentiment"]) == 121
    run_night(settings, SECOND, capabilities=["sentiment"], fresh=True)
    assert read == [1, 1]
    again = _published(settings)
    assert {name: [row[:-3] for row in rows] for name, rows in again.items()} == {
        name: [row[:-3] for row in rows] for name, rows in first.items()
    }


def _published(settings):
    """The rows that the shop reads, sorted, without their batch."""
    found = {}
    with closing(postgres.connect(settings.database_url)) as connection, connection.cursor() as cursor:
        for name in TABLES:
            cursor.execute(f"SELECT * FROM ml.{name} ORDER BY 1, 2")
            found[name] = cursor.fetchall()
    return found
