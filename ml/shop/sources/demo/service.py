"""Tickets: what customers ask the service, about an order or not, how they write it, and the thread that followed.

Who asks what and when is drawn as ever; how it is written, by which channel and how it ended has a generator of its own.
From some weeks before the end a new subject comes up that no answer of the shop speaks of: vouchers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ml.contract.tables import TICKET, TICKET_MESSAGE
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import HONEST, Purchases
from ml.shop.sources.demo.columns import Bools, Ints, Rows, words
from ml.shop.sources.demo.customers import LANGUAGES, People, customer_ids
from ml.shop.sources.demo.fate import Fate
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import TICKET_TRUTH

INTENTS = (
    "where is my order",
    "return",
    "refund",
    "damaged",
    "wrong item",
    "cancel",
    "payment",
    "product question",
    "account",
    "invoice",
)
_WHERE, _RETURN, _CANCEL, _QUESTION = 0, 1, 5, 7
NEW, NEW_DAYS = "voucher", 42
"""The subject that comes up, and for how many days."""
HARD = (2, 4, 6)
"""Intents whose tickets are opened again more often."""
CHANNELS = ("web", "mail", "chat", "phone", "app")
TEAM_OF = np.array([0, 0, 1, 2, 2, 0, 1, 2, 1, 1])
""""shipping", "payments" or "products", by intent."""


def ticket_tables(options: Options, them: People, bought: Purchases, fate: Fate) -> Iterator[Rows]:
    """The contract table ``ticket`` and its truth."""
    rng = options.rng("tickets", bought.chunk)
    chance = np.where(fate.slow, 0.12, 0.03) + 0.12 * ((fate.kind == 1) | (fate.kind == 2))
    order = np.flatnonzero((rng.random(len(bought.t)) < chance) & (bought.fraud == HONEST))
    intent = col.number_of(rng, (0.22, 0.1, 0.08, 0.14, 0.1, 0.06, 0.1, 0.08, 0.05, 0.07), len(order))
    typical = rng.random(len(order)) < 0.7
    intent = np.where(typical & fate.slow[order], _WHERE, intent)
    intent = np.where(
        typical & (fate.kind[order] == 1), _RETURN + (rng.random(len(order)) < 0.3), intent
    )  # or the refund, which is next
    intent = np.where(typical & (fate.kind[order] == 2), _CANCEL, intent)
    opened = fate.known[order] + (rng.exponential(3.5, len(order)) * DAY_S).astype(np.int64) + 1800
    late = np.maximum(opened, fate.delivered[order] + 7200)
    opened = np.where((intent == _WHERE) | (intent == _CANCEL), opened, late)
    seen = opened < options.stop
    order, intent, opened = order[seen], intent[seen], opened[seen]
    n, language = len(order), them.language[bought.who[order]]
    texts = [text for name in LANGUAGES for kind in INTENTS for text in words(name)["tickets"][kind]]
    size = np.array([len(words(name)["tickets"][kind]) for name in LANGUAGES for kind in INTENTS])
    begin = np.cumsum(size) - size
    which = language * len(INTENTS) + intent
    filed = np.where(rng.random(n) < 0.04, rng.integers(0, len(INTENTS), n), intent)
    number = col.ids("T", bought.numbers[order])
    has_order, has_subject = rng.random(n) < 0.8, rng.random(n) < 0.5
    chosen, is_filed = begin[which] + (rng.random(n) * size[which]).astype(np.int64), rng.random(n) < 0.9
    questions = Questions(opened, intent, language, options.stop)
    own = options.rng("service", bought.chunk)
    new = (intent == _QUESTION) & (opened >= options.stop - NEW_DAYS * DAY_S) & (own.random(n) < 0.7)
    fate_of = _handled(own, questions)
    yield col.rows(
        TICKET,
        ticket_id=number,
        customer_id=customer_ids(them.number[bought.who[order]]),
        order_id=col.ids("O", bought.numbers[order], has_order),
        subject=col.pick(INTENTS, intent, has_subject & ~new),
        text=_written(own, questions, [texts[i] for i in chosen], new),
        intent=col.pick(INTENTS, filed, is_filed & ~new),
        opened_at=col.times(opened),
        **fate_of.columns,
    )
    yield _replies(number, questions, fate_of, new)
    truth = np.where(new, len(INTENTS), intent)
    yield col.rows(TICKET_TRUTH, ticket_id=number, intent=col.pick((*INTENTS, NEW), truth))


class Questions(NamedTuple):
    """Tickets: when they were opened (s), about what, in which language; and when the simulation ends."""

    opened: Ints
    intent: Ints
    language: Ints
    stop: int


class Handled(NamedTuple):
    """What became of tickets: columns of the contract, and when each was answered (s; later than the end: not yet)."""

    columns: dict[str, Any]
    answered: Ints


def _handled(rng: np.random.Generator, questions: Questions) -> Handled:
    n = len(questions.opened)
    answered = questions.opened + (rng.exponential(7, n) * 3600).astype(np.int64) + 300
    solved = answered + (rng.exponential(10, n) * 3600).astype(np.int64) + 60
    reopened = solved + (rng.exponential(2, n) * DAY_S).astype(np.int64) + 600
    hard = np.isin(questions.intent, HARD)
    back = rng.random(n) < np.where(hard, 0.22, 0.06)
    stars = np.clip(np.round(rng.normal(np.where(back, 2.2, 4.2), 0.9)), 1, 5).astype(np.int64)
    happened = {name: at < questions.stop for name, at in (("first", answered), ("solved", solved), ("back", reopened))}
    status = np.where(happened["back"] & back, 3, np.where(happened["solved"], 2, np.where(happened["first"], 1, 0)))
    rated = happened["solved"] & (rng.random(n) < 0.3)
    return Handled(
        {
            "channel": col.pick(CHANNELS, col.number_of(rng, (0.35, 0.3, 0.2, 0.05, 0.1), n)),
            "language": col.pick(LANGUAGES, questions.language, rng.random(n) < 0.5),
            "status": col.pick(("open", "answered", "solved", "reopened"), status),
            "team": col.pick(("shipping", "payments", "products"), TEAM_OF[questions.intent], happened["first"]),
            "first_answer_at": col.times(answered, happened["first"]),
            "solved_at": col.times(solved, happened["solved"]),
            "reopened_at": col.times(reopened, happened["back"] & back),
            "rating": pa.array(stars, mask=~rated),
        },
        answered,
    )


def _written(rng: np.random.Generator, questions: Questions, plain: list[str], new: Bools) -> pa.Array:
    """The texts with what people write around them: a greeting, a name, the mail that they answer, now and then a slip."""
    texts, draw = [], rng.random((len(plain), 6))
    for i, text in enumerate(plain):
        name = LANGUAGES[questions.language[i]]
        more = words("service")[name]
        choices = (
            more["new"]
            if new[i]
            else [*words(name)["tickets"][INTENTS[questions.intent[i]]], *more["more"][INTENTS[questions.intent[i]]]]
        )
        body = choices[int(draw[i, 0] * len(choices))] if new[i] or draw[i, 1] < 0.6 else text
        body = (
            more["open"][int(draw[i, 2] * len(more["open"]))]
            + body
            + more["close"][int(draw[i, 3] * len(more["close"]))]
        )
        if draw[i, 4] < 0.06:
            body += more["quoted"]
        elif draw[i, 4] < 0.1:
            body = f"<div><p>{body}</p></div>"
        if draw[i, 5] < 0.1:
            at = int(draw[i, 5] * 10 * max(1, len(body) - 3)) + 1
            body = body[:at] + body[at + 1] + body[at] + body[at + 2 :]
        texts.append(body)
    return pa.array(texts, pa.string())


def _replies(number: pa.Array, questions: Questions, handled: Handled, new: Bools) -> Rows:
    """What an agent answered, a message a ticket that was answered before the end."""
    rows = np.flatnonzero(handled.answered < questions.stop)
    texts = []
    for i in rows:
        phrases = words("service")[LANGUAGES[questions.language[i]]]
        texts.append(phrases["new_reply"] if new[i] else phrases["replies"][INTENTS[questions.intent[i]]])
    ids = number.take(pa.array(rows))
    return col.rows(
        TICKET_MESSAGE,
        message_id=col.join("M", ids),
        ticket_id=ids,
        author=pa.array(["agent"] * len(rows), pa.string()),
        text=pa.array(texts, pa.string()),
        written_at=col.times(handled.answered[rows]),
    )
