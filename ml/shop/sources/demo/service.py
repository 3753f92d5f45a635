"""Tickets: what customers ask the service, about an order or not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml.contract.tables import TICKET
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import HONEST, Purchases
from ml.shop.sources.demo.columns import Rows, words
from ml.shop.sources.demo.customers import LANGUAGES, People, customer_ids
from ml.shop.sources.demo.fate import Fate
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import TICKET_TRUTH

INTENTS = (
    "where is my order", "return", "refund", "damaged", "wrong item", "cancel", "payment", "product question",
    "account", "invoice",
)  # fmt: skip
_WHERE, _RETURN, _CANCEL = 0, 1, 5


def ticket_tables(options: Options, them: People, bought: Purchases, fate: Fate) -> Iterator[Rows]:
    """The contract table ``ticket`` and its truth."""
    rng = options.rng("tickets", bought.chunk)
    chance = np.where(fate.slow, 0.12, 0.03) + 0.12 * ((fate.kind == 1) | (fate.kind == 2))
    order = np.flatnonzero((rng.random(len(bought.t)) < chance) & (bought.fraud == HONEST))
    intent = col.number_of(rng, (0.22, 0.1, 0.08, 0.14, 0.1, 0.06, 0.1, 0.08, 0.05, 0.07), len(order))
    told = rng.random(len(order)) < 0.7
    intent = np.where(told & fate.slow[order], _WHERE, intent)
    intent = np.where(
        told & (fate.kind[order] == 1), _RETURN + (rng.random(len(order)) < 0.3), intent
    )  # or the refund, which is next
    intent = np.where(told & (fate.kind[order] == 2), _CANCEL, intent)
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
    yield col.rows(
        TICKET,
        ticket_id=number,
        customer_id=customer_ids(them.number[bought.who[order]]),
        order_id=col.ids("O", bought.numbers[order], rng.random(n) < 0.8),
        subject=col.pick(INTENTS, intent, rng.random(n) < 0.5),
        text=col.pick(texts, begin[which] + (rng.random(n) * size[which]).astype(np.int64)),
        intent=col.pick(INTENTS, filed, rng.random(n) < 0.9),
        opened_at=col.times(opened),
    )
    yield col.rows(TICKET_TRUTH, ticket_id=number, intent=col.pick(INTENTS, intent))
