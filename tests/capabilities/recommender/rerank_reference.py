"""The slow, obvious way to :func:`ml.capabilities.recommender.shelf.rerank.rerank`, a list at a time."""

from __future__ import annotations

import numpy as np

from ml.capabilities.recommender.shelf.rerank import explore_slots
from ml.capabilities.recommender.shelf.rerank_kernels import MIX, Customers, Ranked, Shown
from ml.capabilities.recommender.shelf.rules import Rules
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.templates import Reason
from ml.kernels.compiled import Ids


def rerank_reference(ranked: Ranked, rules: Rules, customers: Customers, params: Params, night_seed: int) -> Shown:
    """What :func:`rerank` gives, a list at a time, as its documentation says it."""
    n, k = len(ranked.ids), params.top_k
    shown = Shown(
        np.full((n, k), -1, np.int32),
        np.zeros((n, k), np.float32),
        np.full((n, k), -1, np.int32),
        np.full((n, k), -1, np.int8),
        np.ones((n, k), np.float32),
    )
    for u in range(n):
        group = customers.group[u]
        pins = [int(i) for i in rules.pins[group] if i >= 0]
        order = _allowed(ranked.ids[u], u, pins, rules, customers, params)
        rows: list[tuple[int, float, int, int, float]] = []
        for j, chance in _chosen(
            ranked.ids[u], order, k - len(pins), pins, rules, params, night_seed, customers.number[u]
        ):
            story = (Reason.EXPLORE, -1) if chance < 1 else (ranked.code[u, j], ranked.source[u, j])
            rows.append((ranked.ids[u, j], ranked.scores[u, j], *story, chance))
        for i, rank in zip(pins, rules.pin_ranks[group], strict=False):
            score = ranked.scores[u][ranked.ids[u] == i]
            rows.insert(rank - 1, (i, score[0] if len(score) else 0, Reason.PINNED, -1, 1))
        for r, (i, score, code, source, chance) in enumerate(rows):
            shown.ids[u, r], shown.scores[u, r], shown.code[u, r] = i, score, code
            shown.source[u, r], shown.propensity[u, r] = source, chance
    return shown


def _allowed(ids: Ids, u: int, pins: list[int], rules: Rules, customers: Customers, params: Params) -> list[int]:
    """Ranks of what may be shown beside the pins, in order of place'."""
    places = {}
    for j, i in enumerate(ids):
        weight = rules.weight[customers.group[u], i]
        hidden = len(customers.bought) and customers.bought[u, j] and not rules.again[i]
        if i >= 0 and weight > 0 and not hidden and i not in pins:
            far = float(abs(rules.log_price[i] - customers.log_price[u]))
            places[j] = (j + 1) / float(weight) * (1 + params.price_weight * (0 if np.isnan(far) else far))
    return sorted(places, key=lambda j: places[j])


def _chosen(
    ids: Ids, order: list[int], free: int, pins: list[int], rules: Rules, params: Params, seed: int, number: int
) -> list[tuple[int, float]]:
    """Ranks that are shown beside the pins, each with its chance."""
    lots = min(explore_slots(params), free)
    count = np.bincount(rules.category[pins], minlength=len(rules.limit))

    def take(many: int) -> list[tuple[int, float]]:
        taken: list[tuple[int, float]] = []
        for j in list(order):
            c = rules.category[ids[j]]
            if len(taken) < many and count[c] < rules.limit[c]:
                count[c] += 1
                order.remove(j)
                taken.append((j, 1.0))
        return taken

    fixed = take(free - lots)
    pool = [j for j in order if count[rules.category[ids[j]]] + lots <= rules.limit[rules.category[ids[j]]]]
    if len(pool) <= lots:
        return fixed + take(free - len(fixed))
    chance = 1 / len(pool)
    for draw in range(lots):
        q = draw + lot(seed, number, draw) % (len(pool) - draw)
        pool[draw], pool[q] = pool[q], pool[draw]
    return fixed + [(j, chance) for j in pool[:lots]]


def lot(seed: int, number: int, draw: int) -> int:
    """What the compiled lot gives, in plain integers."""
    mask, (a, b, c, d) = 2**64 - 1, map(int, MIX)
    x = (seed * b + int(number) * a + (draw + 1) * d) & mask
    for _ in range(2):
        x ^= x >> 30
        x = x * c & mask
        x ^= x >> 27
        x = x * d & mask
        x ^= x >> 31
    return x
