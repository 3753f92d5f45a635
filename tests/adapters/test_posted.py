"""Events that were posted to the endpoint reach the night of a shop in another database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.adapters.shop import extract
from ml.settings import Settings
from tests.conftest import _execute, _named
from tests.small_shop import execute, fill, shop

NIGHT = datetime(2025, 4, 1, tzinfo=UTC)
POSTED = """
INSERT INTO ml_ops.posted (event_id, kind, customer_id, session_id, product_id, query, results, position, search_id, occurred_at,
received_at, sent_by) VALUES
('v1', 'view', 'c1', 'visit', 'p1', NULL, NULL, NULL, NULL, '2025-03-01Z', '2025-03-01Z', 'shop'),
('v2', 'view', NULL, 'visit', 'p2', NULL, NULL, NULL, NULL, '2025-03-02Z', '2025-04-02Z', 'shop'),
('s1', 'search', 'c1', 'visit', NULL, 'thing', 7, NULL, NULL, '2025-03-01Z', '2025-03-01Z', 'shop'),
('k1', 'clicked', 'c1', 'visit', 'p1', NULL, NULL, 2, 's1', '2025-03-01Z', '2025-03-01Z', 'shop')
"""


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest) -> str:
    """A shop in a database of its own, without a table of events."""
    server = request.getfixturevalue("postgres")
    _execute(server, "DROP DATABASE IF EXISTS posted_elsewhere WITH (FORCE)")
    _execute(server, "CREATE DATABASE posted_elsewhere TEMPLATE template0")
    url = _named(server, "posted_elsewhere")
    fill(url, shop())
    return url


def test_posted_events_stand_for_those_that_the_shop_does_not_have(
    settings: Settings, elsewhere: str, tmp_path: Path
) -> None:
    """As they were known when the night began, with the ids of customers hashed like the shop's own."""
    lake = Lake(str(tmp_path))

    def read(ref: str) -> dict[str, object]:
        return extract.extract(elsewhere, lake, ref, NIGHT, "key", posted=settings.database_url)

    assert {"event", "search"} <= set(read("n/001")["missing"])  # type: ignore[call-overload]  # nothing was posted
    execute(settings.database_url, POSTED)
    manifest = read("n/002")
    assert {"event", "search"} <= set(manifest["tables"])  # type: ignore[call-overload]
    assert not {"event", "search"} & set(manifest["missing"])  # type: ignore[call-overload]
    events = lake.read_parquet("snapshot", "n/002", "raw", "event").to_pylist()
    assert sorted((e["event_id"], e["kind"], e["product_id"]) for e in events) == [
        ("k1", "other", "p1"),
        ("s1", "search", None),
        ("v1", "view", "p1"),
    ]
    (search,) = lake.read_parquet("snapshot", "n/002", "raw", "search").to_pylist()
    assert (search["query"], search["clicked_product_id"], search["clicked_position"]) == ("thing", "p1", 2)
    people = {c["customer_id"] for c in lake.read_parquet("snapshot", "n/002", "raw", "customer").to_pylist()}
    assert {e["customer_id"] for e in events} | {search["customer_id"]} <= people


def test_a_shop_that_has_events_keeps_to_them(settings: Settings, elsewhere: str, tmp_path: Path) -> None:
    """Its own table is read, and what was posted is not added to it."""
    execute(settings.database_url, POSTED)
    execute(
        elsewhere,
        "CREATE TABLE shop.event (event_id text, customer_id text, session_id text, product_id text, kind text, "
        "occurred_at timestamptz, known_at timestamptz)",
    )
    lake = Lake(str(tmp_path))
    manifest = extract.extract(elsewhere, lake, "n/001", NIGHT, "key", posted=settings.database_url)
    assert (manifest["tables"]["event"]["rows"], manifest["tables"]["search"]["rows"]) == (0, 1)
    assert postgres.query(settings.database_url, "SELECT count(*) AS n FROM ml_ops.posted") == [{"n": 4}]
