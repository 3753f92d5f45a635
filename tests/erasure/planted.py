"""A small shop with one customer whose every value is hers alone; and a plain look for them, which shares no code with ours."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq

from ml.adapters.shop.pseudonym import Pseudonym
from tests.small_shop import shop

WHO = "ZQ-Erika-7731"
PERSONAL = {
    "email": "erika.zq7731@planted.example",
    "birth_date": "1971-ZQ-02",
    "shipping_address": "Zwiebelquitte Lane 7731, Plantedtown",
    "ip": "zq:7731::feed",
    "device_id": "zq-device-7731",
    "card": "zq-card-7731",
}
TITLE = "Zwiebelquitte forever"
PIECES = (
    "the zebraquilt arrived with a broken zipperquake",
    "the quality of my zorbaquartz is terrible",
    "Zelda Quimby of Plantedtown complains",
    "zirconquest lamps with zigzagquotes",
)
"""Passages of her texts; each is looked for by itself."""

REVIEW = f"Honestly {PIECES[0]}. I am sad that {PIECES[1]}, and the delivery was late!"
TICKET = f'{PIECES[2]} "loudly" & <b>at length</b>\nabout order ZQO-1'
QUERY = PIECES[3]
ORDERS = ("ZQO-1", "ZQO-2", "ZQO-bad")
GUEST = "ZQO-guest"
IDS = (WHO, *ORDERS, GUEST, "ZQ-review-1", "ZQ-review-bad", "ZQ-ticket-1", "ZQ-search-1", "ZQ-event-1", "ZQ-pay-1")


def hashes(key: str) -> list[str]:
    """Keyed hashes of all that is hers."""
    return list(Pseudonym(key).hashed(pa.array([WHO, *PERSONAL.values()])).to_pylist())


def tables(orders: int = 60) -> dict[str, list[dict[str, Any]]]:
    """The small shop with reviews, payments, outcomes, events, searches, tickets, and her."""
    rows = shop(orders)
    rows["product"] += [{"product_id": f"x{n}", "title": f"Another thing {n}", "price": 3} for n in range(20)]
    texts = ("the quality is very good", "the delivery was late and the quality is terrible", "I like the colour")
    rows["review"] = [
        {
            "review_id": f"r{n}",
            "product_id": f"p{n % 12}",
            "customer_id": f"c{n % 10}",
            "stars": (5, 1, 4)[n % 3],
            "title": "Well",
            "text": f"{texts[n % 3]}, number {n}",
            "written_at": f"2025-02-{1 + n % 25:02d} 08:00Z",
        }
        for n in range(60)
    ]
    rows["payment"] = [
        {"payment_id": f"a{n}", "order_id": f"o{n}", "method": "card", "amount": 5, "card": f"card {n % 10}"}
        for n in range(orders)
    ]
    rows["order_outcome"] = [{"order_id": f"o{n}", "kind": "ok", "known_at": "2025-02-20Z"} for n in range(20)]
    rows["event"] = [
        {
            "event_id": f"e{n}",
            "customer_id": f"c{n % 10}",
            "session_id": f"s{n}",
            "product_id": f"p{n % 12}",
            "kind": "view",
            "occurred_at": f"2025-02-{1 + n % 25:02d} 09:00Z",
        }
        for n in range(40)
    ]
    for name, own_rows in _hers().items():
        rows.setdefault(name, []).extend(own_rows)
    return rows | {"erasure": []}


def _hers() -> dict[str, list[dict[str, Any]]]:
    order = {"customer_id": WHO, "status": "paid", "total": 20} | {
        name: value for name, value in PERSONAL.items() if name not in ("birth_date", "card")
    }
    guest = {"order_id": GUEST, "ordered_at": "2025-02-22 10:00Z", "email": PERSONAL["email"], "total": 9}
    placed = [order | {"order_id": o, "ordered_at": f"2025-02-{20 + n} 10:00Z"} for n, o in enumerate(ORDERS)]
    every = (*ORDERS, GUEST)
    return {
        "customer": [{"customer_id": WHO, "country": "DE", **{n: PERSONAL[n] for n in ("email", "birth_date")}}],
        "order": [*placed, guest],
        "order_item": [
            {
                "order_id": o,
                "line_no": n,
                "product_id": f"p{n}",
                "quantity": 1 if o != "ZQO-bad" else -1,
                "unit_price": 9,
            }
            for o in every
            for n in (1, 2, 3)
        ],
        "payment": [
            {"payment_id": "ZQ-pay-1", "order_id": "ZQO-1", "method": "card", "amount": 20, "card": PERSONAL["card"]}
        ],
        "order_outcome": [{"order_id": "ZQO-1", "kind": "fraud", "known_at": "2025-02-25Z"}],
        "review": [
            {
                "review_id": "ZQ-review-1",
                "product_id": "p1",
                "customer_id": WHO,
                "order_id": "ZQO-1",
                "stars": 1,
                "title": TITLE,
                "text": REVIEW,
                "written_at": "2025-02-27 10:00Z",
            },
            {
                "review_id": "ZQ-review-bad",
                "product_id": "p2",
                "customer_id": WHO,
                "stars": 99,
                "title": TITLE,
                "text": REVIEW,
                "written_at": "2025-02-27 10:00Z",
            },
        ],
        "event": [
            {
                "event_id": "ZQ-event-1",
                "customer_id": WHO,
                "session_id": "ZQ-session-1",
                "product_id": "p1",
                "kind": "view",
                "occurred_at": "2025-02-27 10:00Z",
            }
        ],
        "search": [
            {"search_id": "ZQ-search-1", "customer_id": WHO, "query": QUERY, "searched_at": "2025-02-27 10:00Z"},
            {"search_id": "q1", "customer_id": "c1", "query": "lamps", "searched_at": "2025-02-27 10:00Z"},
        ],
        "ticket": [
            {
                "ticket_id": "ZQ-ticket-1",
                "customer_id": WHO,
                "subject": TITLE,
                "text": TICKET,
                "opened_at": "2025-02-27 10:00Z",
            }
        ],
        "coupon": [{"coupon_id": "ZQ-coupon-1", "order_id": "ZQO-1", "code": "ZQ-code", "discount": 1}],
    }


def needles(key: str) -> list[str]:
    """All that is looked for."""
    return [*IDS, *PERSONAL.values(), *hashes(key), TITLE, *PIECES]


def in_files(folder: Path, wanted: list[str]) -> Counter[str]:
    """How often something wanted stands in each file: its bytes, Parquet decoded, archives unpacked."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file():
            count = sum(_count(text, wanted) for text in _texts(path.read_bytes()))
            found.update({str(path.relative_to(folder)): count} if count else {})
    return found


def _texts(content: bytes) -> Iterator[str]:
    yield content.decode("utf-8", "replace")
    if content[:4] == b"PAR1":
        yield "\n".join(map(str, pq.read_table(io.BytesIO(content)).to_pylist()))
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield archive.read(name).decode("utf-8", "replace")
                yield archive.read(name).decode("utf-32-le", "replace")


def _count(text: str, wanted: list[str]) -> int:
    return sum(text.count(word) for word in wanted)


def in_database(url: str, wanted: list[str], beside: tuple[str, ...] = ()) -> Counter[str]:
    """How often something wanted stands in each table of each schema but the shop's own, all columns as text."""
    found: Counter[str] = Counter()
    for name, text in dump(url).items():
        if name not in beside and (count := _count(text, wanted)):
            found[name] = count
    return found


def dump(url: str) -> dict[str, str]:
    """Every table of every schema but the shop's own, and the planner's statistics, as text."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'shop') ORDER BY 1"
        )
        names = [row[0] for row in cursor.fetchall()]
        contents = {}
        for name in names:
            cursor.execute(f"SELECT t::text FROM {name} AS t ORDER BY 1")
            contents[name] = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute(
            "SELECT string_agg(s::text, E'\\n') FROM pg_stats AS s WHERE schemaname IN ('ml_batch', 'ml_ops', 'ml')"
        )
        contents["pg_stats"] = (cursor.fetchone() or [""])[0] or ""
        return contents
