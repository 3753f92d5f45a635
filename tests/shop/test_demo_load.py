"""The demo shop in a real Postgres."""

from __future__ import annotations

from contextlib import closing

import psycopg2

from ml.settings import Settings
from ml.shop.load import load
from ml.shop.sources.demo import TRUTH, TRUTH_SCHEMA, tables


def test_every_row_arrives(settings: Settings) -> None:
    """What the source yields is what the database holds, the truth in a schema of its own."""
    expected = {name: sum(len(batch) for batch in batches) for name, batches in tables(customers=300)}
    assert load(settings, "demo", customers=300).rows == expected
    with closing(psycopg2.connect(settings.shop_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [TRUTH_SCHEMA])
        assert {name for (name,) in cursor.fetchall()} == set(TRUTH)
        cursor.execute("SELECT count(*) FROM shop.order_item")
        assert cursor.fetchone() == (expected["order_item"],)
