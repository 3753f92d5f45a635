"""The ranker's table: for each customer the union of all proposals, and what is known of each pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates import ensemble as every
from ml.capabilities.recommender.candidates import popular, sequence
from ml.capabilities.recommender.candidates.ensemble import NAMES, SPARSE, SPOKESMEN, Asked, Sources
from ml.capabilities.recommender.ranking import frame_kernels as kernels
from ml.capabilities.recommender.ranking.facts import CUSTOMER, PAIR, PRODUCT, Facts, customer_facts
from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Ids, Scores, share
from ml.kernels.groups import ends_of, group_of
from ml.kernels.sparse import dense_sums, row_sums
from ml.learn.purchases import Log, category_codes

CROSS = ("price_distance", "quantity_distance", "category_share", "category_last", "proposers")
COLUMNS = (
    *(f"pair {name}" for name in PAIR), *(f"customer {name}" for name in CUSTOMER),
    *(f"product {name}" for name in PRODUCT), *(f"cross {name}" for name in CROSS),
    *(f"score {name}" for name in NAMES), *(f"rank {name}" for name in NAMES),
)  # fmt: skip
"""Names of the columns of ``x``."""
_FIRST = {
    kind: [c.partition(" ")[0] for c in COLUMNS].index(kind)
    for kind in ("pair", "customer", "product", "cross", "score", "rank")
}
_AT = {
    kind: slice(start, end)
    for (kind, start), end in zip(_FIRST.items(), [*list(_FIRST.values())[1:], len(COLUMNS)], strict=True)
}
"""Where the columns of each kind stand."""

GROUPS = ("again", "because", "category", "popular", "other")
"""What a column speaks for, see :func:`group_of_columns`."""
_STEP = 1024


@dataclass(frozen=True)
class Frame:
    """Candidates of some customers.

    Attributes
    ----------
    ends : ndarray of shape (n + 1,), int64
        Row r's candidates are ``[ends[r], ends[r + 1])``.
    items : ndarray of shape (n_pairs,), int32
    x : ndarray of shape (n_pairs, len(COLUMNS)), float32
    bought : ndarray of shape (n_pairs,), bool
    because : ndarray of shape (n_pairs,), int32
        The product of the history that speaks most for the candidate; -1: none does.
    looked : ndarray of shape (n_pairs,), bool
        Whether the customer only looked at that product.
    """

    ends: npt.NDArray[np.int64]
    items: Ids
    x: Scores
    bought: npt.NDArray[np.bool_]
    because: Ids
    looked: npt.NDArray[np.bool_]


def group_of_columns() -> Ids:
    """The group in ``GROUPS`` of each column.

    Own purchases speak for buying again; item-to-item models, factors and people for other products; prices, times and
    sizes of the customer speak for nothing that can be named.
    """
    group = []
    for name in COLUMNS:
        kind, _, what = name.partition(" ")
        proposed = kind in {"score", "rank"}
        sold = kind == "product" and what.startswith(
            ("buyers", "new", "fades", "growth", "looks", "last_year", "lately")
        )
        if kind == "pair" or name in {"product again", "product repeat", "customer repeats"}:
            group.append("again")
        elif sold or (proposed and what in {"popular", "trend"}):
            group.append("popular")
        elif what in {"content", "category_share", "category_last"}:
            group.append("category")
        elif proposed:
            group.append("because")
        else:
            group.append("other")
    return np.array([GROUPS.index(name) for name in group], np.int32)


def frame(
    sources: Sources,
    log: Log,
    users: Ids,
    products: Scores,
    available: npt.NDArray[np.bool_],
    params: Params,
) -> Frame:
    """Make the table for ``users`` (-1: nothing is known).

    Parameters
    ----------
    products : ndarray of shape (n_products, len(PRODUCT))
        Of :func:`facts.product_facts`.
    available : ndarray of shape (n_products,), bool
        What may be a candidate.
    """
    users = np.asarray(users, np.int32)
    facts = customer_facts(log, users)
    asked = every.ask(sources, log, users, params)
    lists = np.concatenate([_own(facts, params.repeats), *(asked.lists[name] for name in NAMES)], axis=1)
    ends, items = _union(lists, available)
    row = np.repeat(np.arange(len(users)), np.diff(ends))
    x = np.full((len(items), len(COLUMNS)), np.nan, np.float32)
    because, looked = _copy(facts, asked, (ends, items), x, log.n_products)
    x[:, _AT["customer"]] = facts.customer[row]
    x[:, _AT["product"]] = products[items]
    _cross(x, log, users, (ends, items))
    for place, name in enumerate(NAMES, start=_AT["score"].start):
        x[:, place] = _scores(sources, asked, name, log, users, (ends, items))
    x[:, COLUMNS.index("cross proposers")] = (x[:, _AT["rank"]] > 0).sum(1)
    return Frame(ends, items, x, x[:, COLUMNS.index("pair times")] > 0, because, looked)


def _scores(sources: Sources, asked: Asked, name: str, log: Log, users: Ids, table: kernels.Table) -> Scores:
    """What a source gives each pair, proposed by it or not."""
    ends, items = table
    if name in SPARSE:
        return row_sums(asked.rows[name], every.matrix(sources, name), ends, items)
    if name in asked.vectors:
        return dense_sums(asked.vectors[name], getattr(sources.learnt, name).items, ends, items)
    if name == "sequence":
        state = sources.learnt.sequence
        row = np.repeat(np.arange(len(users)), np.diff(ends))
        return (
            np.full(len(items), np.nan, np.float32) if state is None else sequence.pairs(state, log, users[row], items)
        )
    if name == "content":
        # Exact likenesses of all pairs would cost more than all else: only what content proposes has a score.
        out = np.full(len(items), np.nan, np.float32)
        kernels.look_up(asked.lists[name], asked.scores[name], table, out, log.n_products)
        return out
    counted = sources.lately if name == "popular" else sources.trend
    group = popular.groups(counted, log, users)
    return counted.share[np.repeat(group, np.diff(ends)), items]


def _own(facts: Facts, most: int) -> Ids:
    """Each customer's own products, at most ``most``, those that are likeliest to be bought again by a simple rule."""
    n = len(facts.indptr) - 1
    rows = group_of(facts.indptr)
    p = facts.pair
    liking = p[:, 5] + p[:, 3] + 0.2 * p[:, 4] + p[:, 14] + 0.1 * p[:, 15]
    order = np.lexsort((facts.items, -liking, rows))
    place = np.arange(len(rows)) - facts.indptr[rows]
    kept = place < most
    own = np.full((n, min(most, int(np.diff(facts.indptr).max(initial=0)))), -1, np.int32)
    own[rows[kept], place[kept]] = facts.items[order][kept]
    return own


def _union(lists: Ids, available: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], Ids]:
    """The different available products of each row of ``lists``, in the order in which they are met."""
    kept = np.full(lists.shape, -1, np.int32)
    found = np.zeros(len(lists), np.int64)
    share(lambda start, end: kernels.distinct((start, end), lists, available, kept, found), len(lists), _STEP)
    ends = ends_of(found)
    return ends, kept[kept >= 0]


def _copy(facts: Facts, asked: Asked, table: kernels.Table, x: Scores, m: int) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """Fill the pairs' facts and ranks; find the products that speak for the candidates, and whether only looked at."""
    lists = np.stack([asked.lists[name] for name in NAMES])
    voices = (
        np.array([NAMES.index(name) for name in SPOKESMEN], np.int64),
        np.stack([asked.scores[name] for name in SPOKESMEN]),
        np.stack([asked.because[name] for name in SPOKESMEN]),
    )
    own = facts.indptr, facts.items, facts.pair
    because, looked = np.full(len(x), -1, np.int32), np.zeros(len(x), bool)

    def work(start: int, end: int) -> None:
        kernels.fill((start, end), own, table, x, m)
        kernels.rank((start, end), lists, table, x, _AT["rank"].start, m)
        kernels.name((start, end), lists, voices, table, because, m)

    share(work, len(table[0]) - 1, _STEP)
    kernels.only_looked(own, table[0], because, looked, m)
    return because, looked


def _cross(x: Scores, log: Log, users: Ids, table: kernels.Table) -> None:
    """Fill what compares a customer with a product."""
    column = {name: place for place, name in enumerate(COLUMNS)}
    price, quantity = (
        x[:, column[f"product {name}"]] - x[:, column[f"customer {name}"]] for name in ("price", "quantity")
    )
    x[:, column["cross price_distance"]], x[:, column["cross quantity_distance"]] = np.abs(price), quantity
    category, lines = category_codes(log), (log.indptr, log.product, log.at)

    def work(start: int, end: int) -> None:
        kernels.kinds((start, end), users, lines, category, log.until, table, x, column["cross category_share"])

    if category.max(initial=-1) >= 0:
        share(work, len(users), _STEP)
