"""The endpoint: who may ask, what it answers, and what it refuses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from ml.adapters import postgres
from ml.adapters.endpoint import Keys, make, new_key
from ml.settings import Settings

SHOP = """
CREATE SCHEMA IF NOT EXISTS ml;
CREATE TABLE ml.similar_product (product_id text, rank bigint, similar_product_id text, score double precision, reason text);
INSERT INTO ml.similar_product VALUES ('a', 1, 'b', 0.5, 'of the same kind'), ('a', 2, 'c', 0.4, 'of the same kind');
CREATE FUNCTION ml.recommend(customer_id text, n integer, category text, exclude text[], segment text, mix text)
RETURNS TABLE (rank integer, product_id text, score numeric, at timestamptz) LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF n = 99 THEN RAISE EXCEPTION 'ml.recommend: n is 99' USING ERRCODE = '22023'; END IF;
    IF customer_id = 'slow' THEN PERFORM pg_sleep(30); END IF;
    IF customer_id = 'writes' THEN CREATE TABLE ml.written (); END IF;
    RETURN QUERY SELECT 1, coalesce(exclude[1], customer_id), 0.5, timestamptz '2026-05-01Z';
END $$;
GRANT USAGE ON SCHEMA ml TO shop_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA ml TO shop_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ml TO shop_reader;
"""
HOSTILE = [
    "'; DROP TABLE ml.similar_product; --",
    "%s",
    "%(p)s",
    "\\",
    "a\tb",
    "𝕏" * 60,
    "null",
    "../../etc/passwd",
    "<script>",
    "\u202e",
]


@pytest.fixture
def keys() -> dict[str, str]:
    """Texts of the keys, by name."""
    return {}


@pytest.fixture
def ask(settings: Settings, keys: dict[str, str]) -> Iterator[TestClient]:
    """A client of the endpoint over a small shop, with a key for the backend and one for a browser."""
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute(SHOP)
    kept_keys = {}
    for name, scope in (("shop", "backend"), ("page", "browser")):
        keys[name], kept_keys[name] = new_key(name, scope)  # type: ignore[arg-type]  # the two scopes
    app = make(settings.database_url, Keys(kept_keys, rate=1000), ["https://shop.example"], sessions=2)
    with TestClient(app, raise_server_exceptions=False, headers={"X-API-Key": keys["shop"]}) as client:
        yield client
    app.state.sessions.close()


def event(**changes: Any) -> dict[str, Any]:
    """A view of a product, now."""
    return {"event_id": "e1", "kind": "view", "product_id": "a", "occurred_at": datetime.now(UTC).isoformat()} | changes


def test_what_is_published_is_read(ask: TestClient) -> None:
    """Rows as they stand in the table, best first, as many as were wanted."""
    answer = ask.get("/v1/similar", params={"product_id": "a", "n": 1})
    assert answer.json() == {"rows": [{"rank": 1, "product_id": "b", "score": 0.5, "reason": "of the same kind"}]}
    answer = ask.get("/v1/recommend", params={"customer_id": "c1", "exclude": ["x", "y"]})
    assert answer.json()["rows"] == [{"rank": 1, "product_id": "x", "score": 0.5, "at": "2026-05-01T00:00:00+00:00"}]
    assert ask.get("/health").json() == {"rows": [{"well": True}]}


def test_nobody_asks_without_a_key(ask: TestClient, keys: dict[str, str]) -> None:
    """No key, a wrong one, a part of one: 401. A browser's key reads nothing of a customer."""
    for text in ("", "ns_x", keys["shop"][:-1], keys["shop"] + "x", "é" * 50):
        answer = ask.get("/v1/similar?product_id=a", headers={"X-API-Key": text.encode()})  # type: ignore[dict-item]
        assert answer.status_code == 401
    page = {"X-API-Key": keys["page"]}
    assert ask.get("/v1/similar?product_id=a", headers=page).status_code == 200
    for route in ("recommend?customer_id=c1", "cart?cart_id=1", "offer?customer_id=c1"):
        assert ask.get(f"/v1/{route}", headers=page).status_code == 403
    assert ask.post("/v1/events", json={"events": [event()]}, headers=page).status_code == 202


def test_the_keys_text_is_kept_nowhere() -> None:
    """What is kept of a key cannot be sent."""
    text, key = new_key("shop", "backend")
    assert text not in repr(key)
    assert Keys({"shop": key}).find(key.sha256) is None
    assert Keys({"shop": key}).find(text) == key


def test_a_key_has_a_rate() -> None:
    """Twice the rate at once, then as many as come in with time; another key has its own."""
    now = [0.0]
    keys = Keys({}, rate=2, clock=lambda: now[0])
    assert [keys.wait("a") for _ in range(4)] == [0, 0, 0, 0]
    assert keys.wait("a") == pytest.approx(0.5)
    assert keys.wait("b") == 0
    now[0] = 0.5
    assert [keys.wait("a") == 0, keys.wait("a") == 0] == [True, False]


def test_too_many_requests_are_told_when_to_come_again(settings: Settings) -> None:
    """429 with Retry-After."""
    text, key = new_key("shop", "backend")
    client = TestClient(
        make(settings.database_url, Keys({"shop": key}, rate=0.1, clock=lambda: 0.0)), headers={"X-API-Key": text}
    )
    codes = [client.get("/v1/similar?product_id=a").status_code for _ in range(2)]
    answer = client.get("/v1/similar?product_id=a")
    assert codes[1] == answer.status_code == 429
    assert answer.headers["Retry-After"] == "10"


def test_only_pages_of_the_list_may_ask_from_a_browser(ask: TestClient) -> None:
    """CORS: the shop's page gets the header, another does not."""
    for origin, allowed in (("https://shop.example", True), ("https://evil.example", False), ("null", False)):
        answer = ask.options("/v1/similar", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
        assert ("access-control-allow-origin" in answer.headers) is allowed


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_only_texts(ask: TestClient, text: str) -> None:
    """They find nothing, break nothing, and come back as they were."""
    assert ask.get("/v1/similar", params={"product_id": text}).json() == {"rows": []}
    assert ask.get("/v1/recommend", params={"customer_id": text}).json()["rows"][0]["product_id"] == text
    assert len(ask.get("/v1/similar", params={"product_id": "a"}).json()["rows"]) == 2


@pytest.mark.parametrize(
    ("route", "code"),
    [
        ("/v1/similar", 422),
        ("/v1/similar?product_id=", 422),
        (f"/v1/similar?product_id={'x' * 201}", 422),
        ("/v1/similar?product_id=a&n=0", 422),
        ("/v1/similar?product_id=a&n=1e9", 422),
        ("/v1/similar?product_id=a%00b", 422),
        ("/v1/recommend?customer_id=a&mix=all", 422),
        ("/v1/recommend?customer_id=a&n=99", 400),
        (f"/v1/similar?product_id={'x' * 9000}", 414),
        ("/v1/recommend?customer_id=a" + "&exclude=x" * 101, 422),
        ("/v1/search?query=tea", 404),
        ("/v1/none", 404),
        ("/docs", 404),
    ],
)
def test_what_cannot_be_answered_is_said(ask: TestClient, route: str, code: int) -> None:
    """A value out of bounds, a URL without end, what is not published: a code and words, no traceback."""
    answer = ask.get(route)
    assert answer.status_code == code
    assert "Traceback" not in answer.text
    assert answer.json()["detail"]


def test_nothing_is_written_and_nothing_takes_long(ask: TestClient) -> None:
    """A function that writes is refused; one that takes long is ended; the session goes on."""
    assert ask.get("/v1/recommend?customer_id=writes").status_code == 503
    began = time.monotonic()
    assert ask.get("/v1/recommend?customer_id=slow").status_code == 503
    assert time.monotonic() - began < 20  # of the 30 that it would take
    assert ask.get("/v1/recommend?customer_id=a").status_code == 200


def test_a_session_that_broke_is_opened_anew(ask: TestClient, settings: Settings) -> None:
    """The server ends all sessions, as at its restart: the next request is answered."""
    assert ask.get("/v1/recommend?customer_id=a").status_code == 200
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert ask.get("/v1/recommend?customer_id=a").status_code == 200


def test_events_are_kept_once_and_read_as_the_contracts(ask: TestClient, settings: Settings) -> None:
    """A view, a search whose result was clicked, what was shown; sent again, nothing is new."""
    events = [
        event(),
        event(event_id="s1", kind="search", product_id=None, query="tea", results=3, customer_id="c1"),
        event(event_id="k1", kind="clicked", search_id="s1", position=2, list="search"),
        event(event_id="w1", kind="shown", list="recommendation", position=1),
    ]
    assert ask.post("/v1/events", json={"events": events}).json() == {"new": 4}
    assert ask.post("/v1/events", json={"events": events}).json() == {"new": 0}
    kinds = postgres.query(settings.database_url, "SELECT event_id, kind FROM ml_ops.posted_event ORDER BY 1")
    assert [(k["event_id"], k["kind"]) for k in kinds] == [
        ("e1", "view"),
        ("k1", "other"),
        ("s1", "search"),
        ("w1", "other"),
    ]
    (search,) = postgres.query(settings.database_url, "SELECT * FROM ml_ops.posted_search")
    assert (search["query"], search["clicked_product_id"], search["clicked_position"], search["customer_id"]) == (
        "tea",
        "a",
        2,
        "c1",
    )
    assert postgres.query(settings.database_url, "SELECT DISTINCT sent_by FROM ml_ops.posted") == [{"sent_by": "shop"}]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "purchase"},
        {"product_id": None},
        {"kind": "search"},
        {"occurred_at": "2026-05-01T10:00:00"},
        {"occurred_at": "yesterday"},
        {"occurred_at": (datetime.now(UTC) - timedelta(days=8)).isoformat()},
        {"occurred_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
        {"product_id": "a\x00b"},
        {"product_id": "x" * 201},
        {"customer_id": {"$ne": 1}},
        {"position": -1},
        {"results": 10**30},
        {"extra": 1},
        {"event_id": ""},
    ],
)
def test_an_event_that_is_none_is_refused(ask: TestClient, settings: Settings, changes: dict[str, Any]) -> None:
    """With the others of its request: nothing is kept of it."""
    answer = ask.post("/v1/events", json={"events": [event(event_id="good"), event(**changes)]})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["at"].startswith("body.events.1")
    assert postgres.query(settings.database_url, "SELECT FROM ml_ops.posted") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b"\xff\xfe", 422),
        (b'{"events": []}', 422),
        (b"[" * 60_000, 422),
        (b'{"a":' * 10_000, 422),
        (json.dumps({"events": [event()] * 101}).encode(), 422),
        (b" " * 70_000, 413),
    ],
)
def test_a_body_that_is_none_is_refused(ask: TestClient, body: bytes, code: int) -> None:
    """Half JSON, no JSON, JSON without end, too many events, too large: a code and words."""
    answer = ask.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (code, 400)
    assert "Traceback" not in answer.text


def test_a_body_that_does_not_say_its_length_is_counted(ask: TestClient) -> None:
    """In parts without end it is refused like another."""
    answer = ask.post("/v1/events", content=iter([b" " * 10_000] * 10), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_the_document_names_every_route(ask: TestClient) -> None:
    """OpenAPI: each route with its parameters and the key."""
    document = ask.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/health",
        *(
            f"/v1/{n}"
            for n in (
                "similar",
                "bought-together",
                "basket",
                "search",
                "suggest",
                "facets",
                "recommend",
                "cart",
                "offer",
                "events",
            )
        ),
    }
    assert document["components"]["securitySchemes"]["APIKeyHeader"]["name"] == "X-API-Key"
