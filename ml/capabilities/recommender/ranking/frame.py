"""The ranker's table: for each customer the union of all proposals, and what is known of each pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates import ensemble as every
from ml.capabilities.recommender.candidates import popular, sequence
from ml.capabilities.recommender.candidates.ensemble import NAMES, SPARSE, SPOKESMEN, Asked, Sources
from ml.capabilities.recommender.ranking import frame_kernels as kernels
from ml.capabilities.recommender.ranking.columns import COLUMNS, SPANS, Cross, Customer, Pair, Product, at
from ml.capabilities.recommender.ranking.facts import Facts, customer_facts
from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Ids, Scores, share
from ml.kernels.groups import ends_of, group_of
from ml.kernels.sparse import dense_sums, row_sums
from ml.learn.purchases import Log, category_codes

SELLERS = 20
"""Best sellers of each time that are candidates of everybody."""
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
    products : ndarray of shape (n_products, len(Product))
        Of :func:`facts.product_facts`.
    available : ndarray of shape (n_products,), bool
        What may be a candidate.
    """
    users = np.asarray(users, np.int32)
    facts = customer_facts(log, users)
    asked = every.ask(sources, log, users, params)
    sellers = np.tile(_sellers(products, available), (len(users), 1))
    lists = np.concatenate([_own(facts, params.repeats), *(asked.lists[name] for name in NAMES), sellers], axis=1)
    ends, items = _union(lists, available)
    row = np.repeat(np.arange(len(users)), np.diff(ends))
    x = np.full((len(items), len(COLUMNS)), np.nan, np.float32)
    table = kernels.Table(ends, items)
    because, looked = _copy(facts, asked, table, x, log.n_products)
    x[:, SPANS["customer"]] = facts.customer[row]
    x[:, SPANS["product"]] = products[items]
    _cross(x, log, users, table)
    for place, name in enumerate(NAMES, start=SPANS["score"].start):
        x[:, place] = _scores(sources, asked, name, log, users, table)
    x[:, at(Cross.PROPOSERS)] = (x[:, SPANS["rank"]] > 0).sum(1)
    return Frame(ends, items, x, x[:, at(Pair.TIMES)] > 0, because, looked)


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


def _sellers(products: Scores, available: npt.NDArray[np.bool_]) -> Ids:
    """The best sellers of 7, 30 and all days: what everybody may be shown, whatever the models propose."""
    best = [
        np.lexsort((np.arange(len(products)), -np.where(available, products[:, column], -1)))[:SELLERS]
        for column in (Product.BUYERS_7, Product.BUYERS_30, Product.BUYERS)
    ]
    return np.concatenate(best).astype(np.int32)


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
    voices = kernels.Voices(
        np.array([NAMES.index(name) for name in SPOKESMEN], np.int64),
        np.stack([asked.scores[name] for name in SPOKESMEN]),
        np.stack([asked.because[name] for name in SPOKESMEN]),
    )
    own = kernels.Own(facts.indptr, facts.items, facts.pair)
    because, looked = np.full(len(x), -1, np.int32), np.zeros(len(x), bool)

    def work(start: int, end: int) -> None:
        kernels.fill((start, end), own, table, x[:, SPANS["pair"]], m)
        kernels.rank((start, end), lists, table, x[:, SPANS["rank"]], m)
        kernels.name((start, end), lists, voices, table, because, m)

    share(work, len(table.ends) - 1, _STEP)
    kernels.only_looked(own, table.ends, because, looked, m)
    return because, looked


def _cross(x: Scores, log: Log, users: Ids, table: kernels.Table) -> None:
    """Fill what compares a customer with a product."""
    x[:, at(Cross.PRICE_DISTANCE)] = np.abs(x[:, at(Product.PRICE)] - x[:, at(Customer.PRICE)])
    x[:, at(Cross.QUANTITY_DISTANCE)] = x[:, at(Product.QUANTITY)] - x[:, at(Customer.QUANTITY)]
    category, lines = category_codes(log), kernels.Lines(log.indptr, log.product, log.at, log.until)

    def work(start: int, end: int) -> None:
        kernels.kinds((start, end), users, lines, category, table, x[:, SPANS["cross"]])

    if category.max(initial=-1) >= 0:
        share(work, len(users), _STEP)
