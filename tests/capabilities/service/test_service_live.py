"""ml.answer on a small shop, asked as a chat widget asks it; and that a card's number never enters the lake."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
import pyarrow.parquet as pq
import pytest

from bench._search_database import publish
from ml import pipeline
from ml.adapters import postgres
from ml.adapters.recordings import reading
from ml.adapters.recordings.engine import Transcript
from ml.capabilities.service.sample import AS_OF, sample
from ml.capabilities.service.spec import SPEC
from ml.capabilities.service.tables.live import ORDER, SETTING, TERM
from ml.registry import CAPABILITIES
from ml.settings import Settings
from ml.text import phrases
from tests.capabilities.service.desk import desk, every
from tests.capabilities.service.test_service_texts import ORDERS, SHIPMENTS
from tests.contract.cases import whole
from tests.small_shop import fill


class Live:
    """The starter's knowledge base and two customers with an order each."""

    found = desk([], order=ORDERS, shipment=SHIPMENTS)
    rows = every(found)

    def __init__(self, url: str) -> None:
        self.url = url
        publish(url, replace(SPEC, publishes=(TERM, SETTING, ORDER)), self.rows)

    def answer(self, *given: Any) -> list[dict[str, Any]]:
        with postgres.transaction(self.url, role="shop_reader", readonly=True) as cursor:
            cursor.execute(f"SELECT * FROM ml.answer({', '.join(['%s'] * len(given))})", given)
            return [dict(row) for row in cursor.fetchall()]

    def run(self, statement: str) -> None:
        with postgres.transaction(self.url) as cursor:
            cursor.execute(statement)


@pytest.fixture
def live(settings: Settings) -> Live:
    """The shop, as it is published."""
    return Live(settings.database_url)


def test_postgres_scores_as_python_does(live: Live) -> None:
    """Intents and their chances are those of the index that the model learned."""
    setting = live.rows["service_setting"].to_pylist()[0]
    index = {
        "strange": setting["strange"],
        "terms": {
            row["term"]: (row["idf"], row["intents"], row["weights"]) for row in live.rows["service_term"].to_pylist()
        },
    }
    for question in ("Where is my parcel?", "Ich möchte STORNIEREN!", "Onde está meu pacote?", "refund and invoice"):
        scores = phrases.scores(index, question, len(setting["intents"]))
        best = max(range(len(scores)), key=lambda k: scores[k])
        row = live.answer(question)[0]
        assert row["intent"] in (setting["intents"][best], "unknown"), question
        z = np.exp(setting["sharpness"] * (np.array(scores) - max(scores)))
        assert row["chance"] == pytest.approx(float(z[best] / z.sum()), rel=1e-3)


def test_the_answer_has_the_customers_own_order_in_its_language(live: Live) -> None:
    """Nothing of another's order, and no order without a customer."""
    own, other = (live.answer("Where is my parcel?", "en", who)[0] for who in ("c1", "c2"))
    assert own["answer"] == "Your order o1 is on its way with Carrier 1. It should be with you by 2025-06-03."
    assert "o2" in other["answer"]
    assert "o1" not in other["answer"]
    assert "03.06.2025" in live.answer("Wo ist mein Paket?", "de", "c1")[0]["answer"]
    for who in (None, "nobody"):
        row = live.answer("Where is my parcel?", "en", who)[0]
        assert (row["intent"], row["answer"], row["to_person"]) == ("where is my order", None, True)


def test_rules_days_and_what_is_unknown(live: Live) -> None:
    """A rule's word goes to a person, an answer that expired is not told, what is unknown is said."""
    assert live.answer("Where is my invoice?", "en")[0]["to_person"]  # nobody approved it yet
    live.run("UPDATE ml_config.answer SET approved = true")
    row = live.answer("Where is my invoice?", "en")[0]
    assert (row["intent"], row["to_person"]) == ("invoice", False)
    assert live.answer("Where is my invoice? My lawyer wants it", "en")[0]["to_person"]
    live.run("UPDATE ml_config.answer SET ends_on = '2020-01-01' WHERE intent = 'invoice'")
    assert live.answer("Where is my invoice?", "en")[0]["answer"] is None
    (row,) = live.answer("xylophone quartet", "en")
    assert (row["intent"], row["known"], row["to_person"]) == ("unknown", False, True)
    assert live.answer(None) == []
    assert live.answer("") == live.answer("?!") or live.answer("")[0]["intent"] == "unknown"
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="between 1 and 20"):
        live.answer("invoice", "en", None, 0)


def test_a_card_number_never_enters_the_lake(settings: Settings) -> None:
    """It is masked while the shop is read: no file of the snapshot holds it, whatever table of texts it stood in."""
    shop = {
        "customer": "customer_id text PRIMARY KEY",
        "product": "product_id text PRIMARY KEY",
        '"order"': "order_id text PRIMARY KEY, customer_id text, ordered_at timestamptz",
        "order_item": "order_id text, line_no int, product_id text, quantity numeric, unit_price numeric",
        "ticket": "ticket_id text PRIMARY KEY, customer_id text, subject text, text text, opened_at timestamptz",
        "ticket_message": "message_id text PRIMARY KEY, ticket_id text, author text, text text, written_at timestamptz",
    }
    with postgres.transaction(settings.shop_url) as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS shop")
        for name, columns in shop.items():
            cursor.execute(f"CREATE TABLE shop.{name} ({columns})")
        cursor.execute("INSERT INTO shop.customer VALUES ('c1'); INSERT INTO shop.product VALUES ('p1')")
        cursor.execute("INSERT INTO shop.\"order\" VALUES ('o1', 'c1', '2025-05-01')")
        cursor.execute("INSERT INTO shop.order_item VALUES ('o1', 1, 'p1', 1, 5)")
        secret = "Card 4111-1111-1111-1111, IBAN DE89 3704 0044 0532 0130 00, mail zq@zq.example"
        cursor.execute("INSERT INTO shop.ticket VALUES ('t1', 'c1', %s, %s, '2025-05-20')", (secret, secret))
        cursor.execute("INSERT INTO shop.ticket_message VALUES ('m1', 't1', 'customer', %s, '2025-05-20')", (secret,))
    pipeline.extract(settings, date(2025, 6, 1))
    seen = ""
    for path in Path(settings.lake_uri).rglob("*.parquet"):
        if "ticket" in str(path):
            seen += json.dumps(pq.read_table(path).to_pylist(), default=str)
    assert seen.count("[card]") == 3
    for hidden in ("4111", "DE89", "0532", "zq@"):
        assert hidden not in seen


def test_a_ticket_between_nights(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written and what is said since the night is triaged and answered by the lane, and read from both tables."""
    tables = sample(7).tables
    fill(settings.shop_url, dict.fromkeys((*tables, "product", "order_item"), ()))
    with closing(postgres.connect(settings.shop_url)) as connection, connection:
        for name, table in tables.items():
            postgres.copy_arrow(connection, "shop", name, whole(name, table).to_batches())
    with postgres.transaction(settings.shop_url) as cursor:
        cursor.execute("INSERT INTO shop.product (product_id, title, category) VALUES ('p1', 'A lamp', 'lamps')")
        cursor.execute(
            "INSERT INTO shop.order_item (order_id, line_no, product_id, quantity, unit_price) VALUES ('o001', 1, 'p1', 1, 20)"
        )
    plain = replace(SPEC, params=replace(SPEC.params, sentence_model=False))
    monkeypatch.setitem(CAPABILITIES, SPEC.name, plain)
    pipeline.run_night(settings, AS_OF.date(), capabilities=[SPEC.name])
    monkeypatch.setattr(reading, "engine", lambda _: Heard())
    monkeypatch.setattr(reading, "missing", lambda _: "")
    spoken = replace(settings, speech="whisper", recordings=settings.home)
    (settings.home / "a.wav").write_bytes(b"")
    monkeypatch.setattr(reading, "samples", lambda uri, _: np.zeros(16_000 if uri == "a.wav" else 100, np.float32))
    when = AS_OF + timedelta(hours=1)
    with postgres.transaction(settings.shop_url) as cursor:
        for number, text, uri in (
            ("new1", "Where is my parcel?", None),
            ("new2", "", "a.wav"),
            ("new3", "", "b.wav"),
        ):
            cursor.execute(
                "INSERT INTO shop.ticket (ticket_id, customer_id, text, audio_uri, opened_at) VALUES (%s, 'c001', %s, %s, %s)",
                (number, text, uri, when),
            )
    for _ in range(2):  # the second run transcribes nothing again
        pipeline.score_new(spoken, SPEC.name, as_of=when + timedelta(minutes=1))
    assert Heard.calls == 2
    rows = "SELECT t.*, a.answer_id FROM ml.ticket_triage t LEFT JOIN ml.ticket_answer a USING (ticket_id) WHERE t.batch_id < 0"
    found = {row["ticket_id"]: row for row in postgres.query(settings.database_url, rows)}
    assert {name: row["intent"] for name, row in found.items() if name != "new3"} == {
        "new1": "where is my order",
        "new2": "invoice",
    }
    assert (found["new1"]["order_id"], found["new1"]["answer_id"] > "") == ("o001", True)
    assert (found["new2"]["answer_id"] > "", found["new3"]["decision"]) == (True, "person")


class Heard:
    """An engine that understands the same of everything, short recordings badly."""

    name, languages, calls = "fake", (), 0

    def transcribe(self, samples: Any) -> Transcript:
        Heard.calls += 1
        return Transcript("I need an invoice, where is my invoice?", 0.9 if len(samples) > 100 else 0.3)
