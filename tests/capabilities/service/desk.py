"""A help desk as a test wants it: tickets, orders and a knowledge base, and the rows that are published of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import ibis
import pyarrow as pa

from ml.capabilities.service import features, model, score
from ml.capabilities.service.config import CONFIG
from ml.capabilities.service.model import Service
from ml.capabilities.service.spec import SPEC, Params
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.capability import published

NOW = datetime(2025, 6, 1, tzinfo=UTC)
BEFORE = datetime(2025, 5, 31, 12, tzinfo=UTC)
PARAMS = replace(SPEC.params, sentence_model=False)
Row = dict[str, Any]


def ticket(number: int, text: str, **columns: Any) -> Row:
    """A ticket of customer c1 that waits."""
    return {"ticket_id": f"t{number}", "customer_id": "c1", "text": text, "opened_at": BEFORE} | columns


def answer(intent: str, questions: str, text: str = "This is so.", **columns: Any) -> Row:
    """An approved row of the knowledge base, in English."""
    usual: Row = {"answer_id": f"{intent} answer", "language": "en", "needs_order": False, "approved": True}
    return usual | {"intent": intent, "questions": questions, "answer": text} | columns


def desk(tickets: list[Row], as_of: datetime = NOW, params: Params = PARAMS, **given: list[Row]) -> dict[str, pa.Table]:
    """Features of a shop with these tickets; tables of the contract and of the staff by name."""
    rows = {"customer": [{"customer_id": name} for name in ("c1", "c2")], "order": [], "ticket": tickets} | given
    config = {table.name: table for table in CONFIG}
    tables = {}
    for name, some in rows.items():
        if name in config:
            kinds = {c.name: pa.date32() if c.kind == "date" else ARROW[c.kind] for c in config[name].columns}
        else:
            kinds = {column.name: ARROW[column.kind] for column in TABLES[name].columns}
        tables[name] = ibis.memtable(pa.Table.from_pylist(some, pa.schema(list(kinds.items()))))
    backend = ibis.duckdb.connect()
    return {name: backend.to_pyarrow(table) for name, table in features.build(tables, as_of, params).items()}


def triage(fitted: Service, found: dict[str, pa.Table]) -> dict[str, Row]:
    """Rows of ``ml.ticket_triage`` and ``ml.ticket_answer`` together, by ticket."""
    scored = score.score(fitted, found, 0, 1, fitted.params)
    rows: dict[str, Row] = {}
    for name in ("ticket_triage", "ticket_answer"):
        for batch in scored[name]:
            for row in batch.to_pylist():
                rows.setdefault(row["ticket_id"], {}).update(row)
    return rows


def read(*texts: str, fitted: Service | None = None, **given: list[Row]) -> list[Row]:
    """What is said of texts, in their order, by a model of the knowledge base alone."""
    found = desk([ticket(n, text) for n, text in enumerate(texts)], **given)
    rows = triage(fitted or model.fit(found, PARAMS, 7), found)
    return [rows[f"t{n}"] for n in range(len(texts))]


def every(found: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """All published rows of a model that is fitted on ``found``."""
    return published(SPEC, model.fit(found, PARAMS, 7), found, PARAMS)
