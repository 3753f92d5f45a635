"""The second stage at night: the ranker's lists, and the reason of each place from the ranker's own sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates.ensemble import Sources
from ml.capabilities.recommender.ranking import ranker, season
from ml.capabilities.recommender.ranking.columns import GROUPS, Cross, Group, Pair, Part, at, part_of_columns
from ml.capabilities.recommender.ranking.frame import Frame, frame
from ml.capabilities.recommender.shelf.rerank_kernels import Ranked
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.templates import Reason
from ml.kernels.compiled import Ids, Scores, compiled, insert
from ml.learn import trees
from ml.learn.purchases import Log

REASON_OF = {
    Group.AGAIN: Reason.AGAIN,
    Group.BECAUSE: Reason.BECAUSE,
    Group.CATEGORY: Reason.CATEGORY,
    Group.POPULAR: Reason.POPULAR,
    Group.OTHER: Reason.RANGE,
}
"""What a group of columns says, before it is known whether the customer only looked."""
BLOCK = 2000
"""Customers whose table is held at once."""

Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Second:
    """A ranker with all that its tables are made from, in tonight's numbers.

    ``often``, of shape (n_groups, n_products), is what may be called popular in each group; ``fresh``, of shape
    (n_products,), what is new in the shop.
    """

    ranker: ranker.Ranker
    sources: Sources
    log: Log
    products: Scores
    available: npt.NDArray[np.bool_]
    often: npt.NDArray[np.bool_]
    fresh: npt.NDArray[np.bool_]


def ranked_rows(
    second: Second,
    users: Ids,
    group: Ids,
    depth: int,
    params: Params,
    hides: Sequence[npt.NDArray[np.bool_] | None],
    *,
    explained: bool = False,
) -> list[Ranked]:
    """Rank for ``users`` of the groups ``group``, once for each of ``hides``; scores are chances.

    What a customer has bought of ``hide`` is left out. Lists end early, with -1, where there are fewer candidates. If
    ``explained``, each place has the :class:`columns.Part` of its score: with :func:`base` they sum to its log-odds.
    """
    shape = (len(users), depth)
    made = [
        Ranked(
            np.full(shape, -1, np.int32),
            np.full(shape, -np.inf, np.float32),
            np.full(shape, -1, np.int32),
            np.full(shape, Reason.RANGE, np.int8),
            np.full((*shape, len(Part)) if explained else (0, 0, 0), np.nan, np.float32),
        )
        for _ in hides
    ]
    for start in range(0, len(users), BLOCK):
        rows = slice(start, start + BLOCK)
        table = frame(second.sources, second.log, users[rows], second.products, second.available, params)
        worth = ranker.score(second.ranker, table.x).astype(np.float32)
        for ranked, hide in zip(made, hides, strict=True):
            ids, scores, source, code, parts = (part[rows] for part in ranked)
            shown = worth if hide is None else np.where(table.bought & hide[table.items], -np.inf, worth)
            if hide is not None and hide.all():
                shown = season.worth(second.ranker.season, table.ends, table.items, table.x, worth, ~table.bought)
            chosen = np.full((len(table.ends) - 1, depth), -1, np.int32)
            _select(table.ends, table.items, shown.astype(np.float32), chosen, ids, scores)
            there = chosen >= 0
            scores[:] = -np.sort(-np.where(there, worth[chosen], -np.inf), axis=1)  # chances, whatever the order is by
            moved = trees.saabas(second.ranker.chance, table.x[chosen[there]], part_of_columns(), len(Part))
            if explained:
                parts[there] = moved
            given = group[rows][np.nonzero(there)[0]]
            code[there], source[there] = _reasons(second, table, chosen[there], moved, given)
    for ids, scores, *_ in made:
        scores[:] = np.where(ids >= 0, 1 / (1 + np.exp(-scores)), 0)
    return made


def simple_rows(second: Second, users: Ids, depth: int, params: Params) -> dict[str, Ids]:
    """The products new to ``users`` by each simple order of :data:`season.ORDERS` alone, shape (n, depth)."""
    made = {name: np.full((len(users), depth), -1, np.int32) for name in season.ORDERS}
    for start in range(0, len(users), BLOCK):
        rows = slice(start, start + BLOCK)
        table = frame(second.sources, second.log, users[rows], second.products, second.available, params)
        nothing = np.zeros(len(table.items), np.float32)
        for name, ids in made.items():
            alone = season.Season(1.0, (name,))
            shown = season.worth(alone, table.ends, table.items, table.x, nothing, ~table.bought)
            shape = (len(table.ends) - 1, depth)
            _select(
                table.ends,
                table.items,
                shown,
                np.full(shape, -1, np.int32),
                ids[rows],
                np.full(shape, -np.inf, np.float32),
            )
    return made


def candidates(second: Second, users: Ids, params: Params) -> tuple[npt.NDArray[np.int64], Ids]:
    """What the ranker chooses from, as CSR: ends of shape (n + 1,) and products."""
    ends, items = [np.zeros(1, np.int64)], [np.empty(0, np.int32)]
    for start in range(0, len(users), BLOCK):
        block = users[start : start + BLOCK]
        table = frame(second.sources, second.log, block, second.products, second.available, params)
        ends.append(table.ends[1:] + ends[-1][-1])
        items.append(table.items)
    return np.concatenate(ends), np.concatenate(items)


def base(second: Second) -> float:
    """The log-odds before anything is known of a pair."""
    grown = second.ranker.chance
    return float(grown.value[grown.root].sum())


def _reasons(second: Second, table: Frame, rows: Ids, moved: npt.NDArray[np.float64], group: Ids) -> tuple[Codes, Ids]:
    """Code and source of some rows of a table.

    Of the groups of columns that speak for the product, the one that adds most to its score gives the reason, among
    those that can be said of it: bought again only what was bought, because of a product only if one is found, new in
    a category only what is new in one of the customer's, popular only what is. Where none of these speaks: that it was
    bought, else because of a product, else that it is there.
    """
    x, items = table.x[rows], table.items[rows]
    parts = moved @ np.eye(len(Group))[[GROUPS[part] for part in Part]]
    owned = table.bought[rows]
    looked = ~owned & ~np.isnan(x[:, at(Pair.LOOK_LAST)])
    because = table.because[rows]
    fresh = second.fresh[items] & ~owned & (x[:, at(Cross.CATEGORY_SHARE)] > 0)
    # Of what a customer owns, that they bought it is the plainest truth, if it speaks for it at all.
    plain = owned & (parts[:, Group.AGAIN] > 0)
    can = {
        Group.AGAIN: owned | looked,
        Group.BECAUSE: (because >= 0) & ~plain,
        Group.CATEGORY: fresh,
        Group.POPULAR: ~plain & (second.often[0, items] | second.often[group, items]),
    }
    sums = np.full_like(parts, -np.inf)
    for column, allowed in can.items():
        sums[:, column] = np.where(allowed & (parts[:, column] > 0), parts[:, column], -np.inf)
    best = np.argmax(sums, axis=1)
    silent = np.isneginf(sums.max(axis=1))
    best[silent] = np.select([owned, because >= 0], [Group.AGAIN, Group.BECAUSE], Group.OTHER)[silent]
    code = np.array([REASON_OF[column] for column in Group], np.int8)[best]
    code[(code == Reason.AGAIN) & looked] = Reason.LOOKED
    code[(code == Reason.BECAUSE) & table.looked[rows]] = Reason.LOOKED
    code[(code == Reason.POPULAR) & (group > 0) & second.often[group, items]] = Reason.SEGMENT
    itself = (code == Reason.AGAIN) | ((code == Reason.LOOKED) & (best == Group.AGAIN))
    source = np.where(itself, items, np.where(best == Group.BECAUSE, because, -1))
    return code, source.astype(np.int32)


@compiled
def _select(ends: npt.NDArray[np.int64], items: Ids, worth: Scores, chosen: Ids, ids: Ids, scores: Scores) -> None:
    """The best rows of each customer, ties by the smaller product number; ``chosen`` are rows of the table."""
    place = np.full(int(items.max()) + 1 if len(items) else 1, -1, np.int64)
    for r in range(len(ends) - 1):
        theta = scores[r, -1]
        for p in range(ends[r], ends[r + 1]):
            place[items[p]] = p
            if worth[p] > -np.inf and worth[p] >= theta:
                theta = insert(ids[r], scores[r], items[p], worth[p])
        for k in range(ids.shape[1]):
            if ids[r, k] >= 0:
                chosen[r, k] = place[ids[r, k]]
