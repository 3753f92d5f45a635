"""Which answer of the knowledge base fits a ticket, filled with the customer's own order, and what to do with it."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import pyarrow as pa

from ml.core.units import DAY_US

Row = Mapping[str, Any]

_DATE = {"de": "%d.%m.%Y", "pt": "%d/%m/%Y", "es": "%d/%m/%Y", "fr": "%d/%m/%Y", "it": "%d/%m/%Y"}
"""How a day is written; elsewhere as ISO 8601 has it."""
_DAYS = ("ordered_on", "promised_on", "delivered_on")
_COSTS = {"person": 4.0, "suggest": 1.5, "wrong": 12.0, "random_share": 0.05, "hourly": 0.1}


class Answer(NamedTuple):
    """An answer that fits; ``answer_id`` is empty where none does, and ``why`` then says why."""

    answer_id: str
    text: str
    approved: bool
    sources: list[str]
    why: str


class Decision(NamedTuple):
    """What to do: ``propensity`` is the chance of it where a lot was drawn, else 1."""

    decision: str
    propensity: float
    cost: float
    why: str


def costs(table: pa.Table) -> dict[str, float]:
    """The row of ``ml_config.service_cost``; what is null there is as its column says."""
    row = table.to_pylist()[0] if len(table) else {}
    return {name: usual if row.get(name) is None else float(row[name]) for name, usual in _COSTS.items()}


class KnowledgeBase:
    """The answers that hold on a day.

    Parameters
    ----------
    rows : sequence of mapping
        Of ``ml_config.answer``.
    today : date
    """

    def __init__(self, rows: Sequence[Row], today: date) -> None:
        self.by_intent: dict[str, list[Row]] = {}
        self.expired: set[str] = set()
        self._sorted: dict[tuple[str, str], list[Row]] = {}
        for row in sorted(rows, key=lambda row: str(row["answer_id"])):
            early = row["starts_on"] is not None and row["starts_on"] > today
            late = row["ends_on"] is not None and row["ends_on"] < today
            if early or late:
                self.expired.add(row["intent"])
            else:
                self.by_intent.setdefault(row["intent"], []).append(row)

    def _spoken(self, intent: str, language: str) -> list[Row]:
        """The answers to an intent in a language, the most special first."""
        key = intent, language
        if key not in self._sorted:
            rows = [row for row in self.by_intent.get(intent, ()) if row["language"] in (language, None)]
            self._sorted[key] = sorted(
                rows,
                key=lambda row: (
                    row["language"] is None,
                    row["product_id"] is None,
                    not row["needs_order"],
                    row["order_state"] is None,
                ),
            )
        return self._sorted[key]

    def find(self, intent: str, language: str, order: Row) -> Answer:
        """The most special answer whose facts are all known.

        Parameters
        ----------
        order : mapping
            ``order_id``, ``ordered``, ``promised``, ``delivered`` (microseconds since 1970), ``carrier``, ``order_value``,
            ``order_state``; null where there is none; and ``products``, the ids of what is in it.
        """
        rows = self.by_intent.get(intent, [])
        if not rows:
            held = "the answer does not hold any more" if intent in self.expired else "the knowledge base has no answer"
            return Answer("", "", approved=False, sources=[], why=held)
        spoken = False
        for row in self._spoken(intent, language):
            if row["product_id"] is not None and row["product_id"] not in order["products"]:
                continue
            spoken = True
            if row["needs_order"] and not (order["order_id"] and row["order_state"] in (None, order["order_state"])):
                continue
            text = filled(str(row["answer"]), order, row["language"] or language)
            if text is not None:
                sources = [
                    f"answer {row['answer_id']}",
                    *([f"order {order['order_id']}"] if text != row["answer"] else []),
                ]
                return Answer(row["answer_id"], text, bool(row["approved"]), sources, "")
        if not spoken:
            return Answer("", "", approved=False, sources=[], why=f"no answer in the language {language}")
        return Answer("", "", approved=False, sources=[], why="it needs facts of an order that are not known")


def filled(text: str, order: Row, language: str) -> str | None:
    """Put the order's facts in; None where one is not known, or the text asks for something that no order has.

    Examples
    --------
    >>> filled("Order {order} comes by {promised_on}.", {"order_id": "o1", "promised": 1_735_689_600_000_000}, "en")
    'Order o1 comes by 2025-01-01.'
    >>> filled("Order {order} comes by {promised_on}.", {"order_id": "o1", "promised": None}, "en") is None
    True
    """
    wanted = _wanted(text)
    if wanted is None:
        return None
    for name in wanted:
        fact = _fact(name, order, language)
        if not fact:
            return None
        text = text.replace("{" + name + "}", fact)
    return text


@lru_cache(4096)
def _wanted(text: str) -> tuple[str, ...] | None:
    """The facts that a text asks for; None where its braces cannot be read."""
    try:
        return tuple(dict.fromkeys(name for _, name, _, _ in string.Formatter().parse(text) if name is not None))
    except ValueError:
        return None


def _fact(name: str, order: Row, language: str) -> str | None:
    """A fact in words; None where it is not known, or no order has such."""
    if name == "order":
        return order.get("order_id")
    if name == "carrier":
        return order.get("carrier")
    if name == "total":
        return None if order.get("order_value") is None else f"{order['order_value']:.2f}"
    micros = order.get(name.removesuffix("_on")) if name in _DAYS else None
    return None if micros is None else _day(micros // DAY_US, language)


@lru_cache(4096)
def _day(day: int, language: str) -> str:
    """Days since 1970 as people of the language write them."""
    return (date(1970, 1, 1) + timedelta(days=day)).strftime(_DATE.get(language, "%Y-%m-%d"))


def decide(ticket_id: str, answer: Answer, solves: float, must: str, cost: Mapping[str, float]) -> Decision:
    """Choose what costs least; of what would be sent a share goes to a person by lot, so that it is known what people would do.

    Parameters
    ----------
    must : str
        Why it must not be sent, whatever it costs; empty: it may.
    """
    wrong = 1 - solves
    expected = {
        "person": cost["person"],
        "suggest": cost["suggest"] + wrong * cost["person"],
        "send": wrong * cost["wrong"],
    }
    if not answer.answer_id:
        return Decision("person", 1.0, expected["person"], answer.why)
    least = min(("suggest", "person"), key=lambda name: expected[name])
    if must:
        return Decision(least, 1.0, expected[least], must)
    if expected["send"] >= expected[least]:
        return Decision(
            least,
            1.0,
            expected[least],
            f"it solves it with a chance of {solves:.0%} only" if least == "suggest" else "too unsure",
        )
    if not answer.approved:
        return Decision(least, 1.0, expected[least], "nobody approved this answer yet")
    if lot(ticket_id) < cost["random_share"]:
        return Decision("person", cost["random_share"], expected["person"], "to a person by lot, to learn from")
    return Decision("send", 1 - cost["random_share"], expected["send"], f"solves it with a chance of {solves:.0%}")


def lot(ticket_id: str) -> float:
    """A number from 0 to 1 that is drawn once for a ticket."""
    digest = hashlib.blake2b(f"service lot {ticket_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
