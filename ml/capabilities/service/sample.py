"""A small shop whose customers ask in words of their own, which the knowledge base does not have and filed tickets teach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.core.sample import Sample

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
TICKETS, CUSTOMERS, DAYS = 420, 60, 150
_MOMENT = pa.timestamp("us", "UTC")

_ASK = {
    "where is my order": (
        "the courier still has not rung my bell",
        "still no sign of the van",
        "waiting at the door since Monday",
        "my lamp has not turned up",
    ),
    "return": (
        "the jumper pinches, take it back",
        "does not suit me, please collect it",
        "it looks odd on me, off it goes again",
    ),
    "refund": ("my bank shows nothing from you", "you owe me for what came back", "no credit on my statement so far"),
    "damaged": ("it leaks", "the handle came off", "the screen flickers", "there is a hole in the sleeve"),
    "cancel": ("please scrap it", "I took it by accident, drop it", "do not bother sending, leave it"),
    "invoice": ("my tax adviser wants a paper", "the VAT number is missing on it", "I need something for the books"),
}
"""Clauses by intent, in other words than the knowledge base has."""
_STORY = (
    "I have been buying from you for many years and was always glad of it,",
    "my neighbour told me about your shop when we met in the garden,",
    "yesterday evening I sat down with my husband to write to you about this,",
    "we live in the mountains, where the post comes twice a week at best,",
    "my daughter moved to another town last month, and I wanted to help her,",
    "I work at night and can be reached on the telephone in the afternoon only,",
)
"""What is told around it: each intent has one that goes with it more often, and that says nothing."""
_OPEN = ("Hello, ", "Hi, ", "", "Good evening, ", "Dear shop, ")
_CLOSE = ("", ".", " thanks", ". Bye", "\n\nKind regards\nSam", "\n> you wrote: cancel, return, refund, invoice")
_NEW = ("my loyalty points are gone", "how many loyalty points do I have", "the loyalty card does not collect points")


def sample(seed: int) -> Sample:
    """Tickets of 150 days: six intents, one filed wrongly in 25, and of late some about loyalty points, which nobody files.

    Among the rows are guests' tickets, some without a subject, one of spaces only, and orders that are late, sent and delivered.
    """
    rng = np.random.default_rng(seed)
    n, names = TICKETS, sorted(_ASK)
    day = np.sort(rng.uniform(0, DAYS, n))
    intent = rng.integers(0, len(names), n)
    new = (day > DAYS - 20) & (rng.random(n) < 0.35)
    texts = [_text(rng, _NEW if new[i] else _ASK[names[intent[i]]], int(intent[i])) for i in range(n)]
    texts[7] = "   "
    filed = np.where(rng.random(n) < 0.04, rng.integers(0, len(names), n), intent)
    mask = new | (np.arange(n) % 9 == 0)
    ids = [f"t{i:04d}" for i in range(n)]
    who = rng.integers(0, CUSTOMERS, n)
    first, solved = day + rng.exponential(0.3, n), day + 0.5 + rng.exponential(1.0, n)
    back = solved + 0.2 + rng.exponential(1.0, n)
    return Sample(
        {
            "customer": pa.table(
                {
                    "customer_id": [f"c{i:03d}" for i in range(CUSTOMERS)],
                    "registered_at": _at(np.full(CUSTOMERS, -30.0)),
                }
            ),
            "order": pa.table(
                {
                    "order_id": [f"o{i:03d}" for i in range(CUSTOMERS)],
                    "customer_id": [f"c{i:03d}" for i in range(CUSTOMERS)],
                    "ordered_at": _at(DAYS - 60 + np.arange(CUSTOMERS) % 50),
                    "status": ["paid"] * CUSTOMERS,
                    "total": 20.0 + np.arange(CUSTOMERS),
                }
            ),
            "shipment": pa.table(
                {
                    "shipment_id": [f"s{i:03d}" for i in range(CUSTOMERS)],
                    "order_id": [f"o{i:03d}" for i in range(CUSTOMERS)],
                    "promised_at": _at(DAYS - 56 + np.arange(CUSTOMERS) % 50 + 5.0 * (np.arange(CUSTOMERS) % 2)),
                    "carrier": ["Swift"] * CUSTOMERS,
                    "handed_over_at": _at(DAYS - 59 + np.arange(CUSTOMERS) % 50),
                    "delivered_at": _some(_at(DAYS - 57 + np.arange(CUSTOMERS) % 50), np.arange(CUSTOMERS) % 3 > 0),
                }
            ),
            "ticket": pa.table(
                {
                    "ticket_id": ids,
                    "customer_id": pa.array([f"c{i:03d}" for i in who], mask=np.arange(n) % 11 == 0),
                    "order_id": pa.array([f"o{i:03d}" for i in who], mask=np.arange(n) % 3 > 0),
                    "subject": pa.array(["Question"] * n, mask=np.arange(n) % 2 == 0),
                    "text": texts,
                    "intent": pa.array([names[i] for i in filed], mask=mask),
                    "opened_at": _at(day),
                    "channel": [("mail", "chat", "web")[i % 3] for i in range(n)],
                    "first_answer_at": _at(first),
                    "solved_at": _at(solved),
                    "reopened_at": _some(_at(back), rng.random(n) > 0.1),
                    "rating": pa.array(rng.integers(1, 6, n), mask=rng.random(n) > 0.3),
                }
            ),
            "ticket_message": pa.table(
                {
                    "message_id": [f"m{i:04d}" for i in range(n)],
                    "ticket_id": ids,
                    "author": ["agent"] * n,
                    "text": [f"We looked into it and found case number {i}." for i in range(n)],
                    "written_at": _at(first),
                }
            ),
        },
        AS_OF,
    )


def _text(rng: np.random.Generator, clauses: tuple[str, ...], intent: int) -> str:
    clause = clauses[rng.integers(len(clauses))]
    story = _STORY[intent if rng.random() < 0.55 else rng.integers(len(_STORY))]
    return f"{_OPEN[rng.integers(len(_OPEN))]}{story} {clause}{_CLOSE[rng.integers(len(_CLOSE))]}"


def _some(values: pa.Array, left_out: npt.NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(~left_out), values, None)


def _at(days: npt.NDArray[Any]) -> pa.Array:
    """Moments ``days`` after the first one."""
    begin = np.datetime64((AS_OF - timedelta(days=DAYS)).replace(tzinfo=None), "us")
    return pa.array(begin + (days * 86_400e6).astype("timedelta64[us]"), pa.timestamp("us")).cast(_MOMENT)
