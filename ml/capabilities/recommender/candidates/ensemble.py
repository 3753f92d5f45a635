"""All candidate models together: fitted, kept with the model or made anew each night, and asked at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ml.capabilities.recommender.candidates import (
    als,
    content,
    content_state,
    ease,
    item_knn,
    plsa,
    popular,
    sequence,
    user_knn,
)
from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Csr, Ids, Scores
from ml.kernels.groups import group_of
from ml.kernels.topk.dense import top_k_dense
from ml.kernels.topk.sparse import top_k_sparse
from ml.learn.purchases import Log, before, some

SPARSE = {"linear": ease, "recent": item_knn, "neighbours": item_knn, "people": user_knn}
DENSE = {"factors": als, "topics": plsa}
NAMES = (*SPARSE, *DENSE, "content", "sequence", "popular", "trend")
SPOKESMEN = ("linear", "recent", "neighbours")
"""Models whose parts can be named: because of which product."""
LEAST = 20
"""Proposals of a source to a customer, however many customers there are."""


@dataclass(frozen=True)
class Learnt:
    """What is slow to fit and stays with the model. Attributes: states of the candidate models of these names."""

    linear: ease.Linear
    neighbours: item_knn.Neighbours
    factors: als.Factors
    topics: plsa.Topics
    content: content_state.Content
    sequence: sequence.Sequence | None = None


@dataclass(frozen=True)
class Sources:
    """``learnt``, and what is made from tonight's log in seconds, all in the numbers of tonight's products."""

    learnt: Learnt
    recent: item_knn.Neighbours
    people: user_knn.People
    lately: popular.Popular
    trend: popular.Popular


@dataclass(frozen=True)
class Asked:
    """What the sources say to some customers.

    Attributes
    ----------
    lists : mapping of str to ndarray of shape (n, k), int32
        Proposals of each source, best first.
    because : mapping of str to ndarray of shape (n, k), int32
        Of each proposal of ``SPOKESMEN``: the product of the history that adds most to it.
    rows : mapping of str to csr_array
        What was multiplied, by sparse source.
    vectors : mapping of str to ndarray of shape (n, n_factors), float32
        The customers' side of ``factors`` and ``topics``.
    """

    lists: Mapping[str, Ids]
    scores: Mapping[str, Scores]
    because: Mapping[str, Ids]
    rows: Mapping[str, Csr]
    vectors: Mapping[str, Scores]


def learn(
    log: Log,
    at: int,
    params: Params,
    seed: int,
    *,
    texts: content_state.Content,
    deep: sequence.Sequence | None = None,
) -> Learnt:
    """Fit what stays with the model on what at most ``learn_customers`` customers did before ``at``.

    ``texts`` and ``deep`` are fitted already: the likeness by content knows of no time, the sequence model is too slow to
    fit again.
    """
    part = some(before(log, at), params.learn_customers, seed)
    return Learnt(
        ease.fit(part, at, params, seed),
        item_knn.fit(part, at, params, seed),
        als.fit(part, at, params, seed),
        plsa.fit(part, at, params, seed),
        content.update(texts, log),
        deep,
    )


def tonight(learnt: Learnt, log: Log, at: int, params: Params) -> Sources:
    """Add what is made from the log alone."""
    learnt = replace(learnt, topics=plsa.tonight(learnt.topics, log, params))
    if learnt.sequence is not None:
        learnt = replace(learnt, sequence=sequence.update(learnt.sequence, log))
    return Sources(
        learnt,
        item_knn.fit_recent(log, at, params, 0),
        user_knn.fit(log, at, params, 0),
        popular.fit(log, at, params, 0),
        popular.fit_trend(log, at, params, 0),
    )


def renumbered(learnt: Learnt, place: Ids, log: Log) -> Learnt:
    """The states in the numbers of tonight's products, ``place[i]``: the number at the fit of product i, -1 if newer."""
    old = np.flatnonzero(place >= 0)
    items = np.zeros((len(place), learnt.factors.items.shape[1]), np.float32)
    items[old] = learnt.factors.items[place[old]]
    f = learnt.factors
    return Learnt(
        ease.Linear(_moved(learnt.linear.weights, place), learnt.linear.half_life_days),
        item_knn.Neighbours(
            _moved(learnt.neighbours.similar, place), learnt.neighbours.half_life_days, learnt.neighbours.floor
        ),
        als.Factors(items, f.weight, f.penalty, f.half_life_days),
        plsa.moved(learnt.topics, place),
        content.update(learnt.content, log),
        learnt.sequence,
    )


def ask(sources: Sources, log: Log, users: Ids, params: Params) -> Asked:
    """Let each source propose ``candidates`` products to each customer."""
    k = max(1, min(proposals(log, params), log.n_products))
    lists, scores, because, rows = {}, {}, {}, {}
    for name, model in SPARSE.items():
        rows[name], (lists[name], scores[name], why) = by_rows(model, _state(sources, name), log, users, k)
        if name in SPOKESMEN:
            because[name] = why
    vectors = {}
    for name, factorised in DENSE.items():
        vectors[name], (lists[name], scores[name]) = by_vectors(factorised, _state(sources, name), log, users, k)
    lists["content"], scores["content"] = content.propose(sources.learnt.content, log, users, k)
    lists["sequence"], scores["sequence"] = _deep(sources.learnt.sequence, log, users, k)
    lists["popular"], scores["popular"] = popular.propose(sources.lately, log, users, k)
    lists["trend"], scores["trend"] = popular.propose(sources.trend, log, users, k)
    return Asked(lists, scores, because, rows, vectors)


def _deep(state: sequence.Sequence | None, log: Log, users: Ids, k: int) -> tuple[Ids, Scores]:
    if state is None:
        return np.full((len(users), k), -1, np.int32), np.zeros((len(users), k), np.float32)
    return sequence.propose(state, log, users, k)


def proposals(log: Log, params: Params) -> int:
    """How many products each source proposes to a customer; the ranker learns from as many as it is given."""
    return min(params.candidates, max(LEAST, params.proposals // max(1, log.n_customers)))


def by_rows(model: Any, state: Any, log: Log, users: Ids, k: int) -> tuple[Csr, tuple[Ids, Scores, Ids]]:
    """What a sparse model multiplies, and its k best products for each customer with their scores and why.

    Returns
    -------
    csr_array of shape (n, n_columns)
        The customers' side, :func:`rows` of the model.
    tuple of ndarray of shape (n, k)
        Products, best first, -1 where nothing more is reached; their scores; of each the product that adds most to it.
    """
    rows = model.rows(state, log, users)
    return rows, top_k_sparse(rows, model.matrix(state), k)


def by_vectors(model: Any, state: Any, log: Log, users: Ids, k: int) -> tuple[Scores, tuple[Ids, Scores]]:
    """The customers' vectors under a dense model, and its k best products for each; -1 for all of an unknown customer."""
    vectors, known = model.customers(state, log, users)
    ids, scores = top_k_dense(vectors, state.items, k)
    ids[~known] = -1
    return vectors, (ids, scores)


def matrix(sources: Sources, name: str) -> Csr:
    """The matrix that a sparse source multiplies histories with."""
    made: Csr = SPARSE[name].matrix(_state(sources, name))
    return made


def _state(sources: Sources, name: str) -> Any:
    return getattr(sources, name) if name in ("recent", "people") else getattr(sources.learnt, name)


def save(learnt: Learnt, folder: Path) -> None:
    """Write one file or more per model."""
    ease.save(learnt.linear, folder)
    item_knn.save(learnt.neighbours, folder)
    als.save(learnt.factors, folder)
    plsa.save(learnt.topics, folder)
    content_state.save(learnt.content, folder)
    if learnt.sequence is not None:
        sequence.save(learnt.sequence, folder)


def load(folder: Path) -> Learnt:
    """Read what :func:`save` wrote; nothing in the files is executed."""
    deep = sequence.load(folder) if (folder / "sequence.json").exists() else None
    return Learnt(
        ease.load(folder),
        item_knn.load(folder),
        als.load(folder),
        plsa.load(folder),
        content_state.load(folder),
        deep,
    )


def _moved(matrix: Csr, place: Ids) -> Csr:
    """A product-by-product matrix in tonight's numbers."""
    m, n = len(place), matrix.shape[0]
    to = np.full(n, -1, np.int32)
    old = np.flatnonzero(place >= 0)
    to[place[old]] = old
    row, col = to[group_of(matrix.indptr)], to[matrix.indices]
    kept = (row >= 0) & (col >= 0)
    made = csr_array((matrix.data[kept], (row[kept], col[kept])), shape=(m, m), dtype=np.float32)
    made.sort_indices()
    return made
