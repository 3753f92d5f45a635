"""All candidate models together: fitted, kept with the model or made anew each night, and asked at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from ml.capabilities.recommender.candidates import als as factors
from ml.capabilities.recommender.candidates import content, popular, sequence
from ml.capabilities.recommender.candidates import ease as linear
from ml.capabilities.recommender.candidates import item_knn as neighbours
from ml.capabilities.recommender.candidates import plsa as topics
from ml.capabilities.recommender.candidates import user_knn as people
from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Csr, Ids, Scores
from ml.kernels.groups import group_of
from ml.kernels.topk.dense import top_k_dense
from ml.kernels.topk.sparse import top_k_sparse
from ml.learn.purchases import Log, before, some

SPARSE = ("linear", "recent", "neighbours", "people")
NAMES = (*SPARSE, "factors", "topics", "content", "sequence", "popular", "trend")
SPOKESMEN = ("linear", "recent", "neighbours")
"""Models whose parts can be named: because of which product."""
LEAST = 20
"""Proposals of a source to a customer, however many customers there are."""


@dataclass(frozen=True)
class Learnt:
    """What is slow to fit and stays with the model. Attributes: states of the candidate models of these names."""

    linear: linear.Linear
    neighbours: neighbours.Neighbours
    factors: factors.Factors
    topics: topics.Topics
    content: content.Content
    sequence: sequence.Sequence | None = None


@dataclass(frozen=True)
class Sources:
    """``learnt``, and what is made from tonight's log in seconds, all in the numbers of tonight's products."""

    learnt: Learnt
    recent: neighbours.Neighbours
    people: people.People
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
    texts: content.Content,
    deep: sequence.Sequence | None = None,
) -> Learnt:
    """Fit what stays with the model on what at most ``learn_customers`` customers did before ``at``.

    ``texts`` and ``deep`` are fitted already: the likeness by content knows of no time, the sequence model is too slow to
    fit again.
    """
    part = some(before(log, at), params.learn_customers, seed)
    return Learnt(
        linear.fit(part, at, params, seed),
        neighbours.fit(part, at, params, seed),
        factors.fit(part, at, params, seed),
        topics.fit(part, at, params, seed),
        content.update(texts, log),
        deep,
    )


def tonight(learnt: Learnt, log: Log, at: int, params: Params) -> Sources:
    """Add what is made from the log alone."""
    learnt = replace(learnt, topics=topics.tonight(learnt.topics, log, params))
    if learnt.sequence is not None:
        learnt = replace(learnt, sequence=sequence.update(learnt.sequence, log))
    return Sources(
        learnt,
        neighbours.fit_recent(log, at, params, 0),
        people.fit(log, at, params, 0),
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
        linear.Linear(_moved(learnt.linear.weights, place), learnt.linear.half_life_days),
        neighbours.Neighbours(_moved(learnt.neighbours.similar, place), learnt.neighbours.half_life_days, learnt.neighbours.floor),
        factors.Factors(items, f.weight, f.penalty, f.half_life_days), topics.moved(learnt.topics, place),
        content.update(learnt.content, log), learnt.sequence,
    )  # fmt: skip


def ask(sources: Sources, log: Log, users: Ids, params: Params) -> Asked:
    """Let each source propose ``candidates`` products to each customer."""
    k = max(1, min(proposals(log, params), log.n_products))
    lists, scores, because, rows = {}, {}, {}, {}
    for name in SPARSE:
        rows[name] = _rows(sources, name, log, users)
        lists[name], scores[name], why = top_k_sparse(rows[name], matrix(sources, name), k)
        if name in SPOKESMEN:
            because[name] = why
    vectors = {}
    for name, model in (("factors", factors), ("topics", topics)):
        state = getattr(sources.learnt, name)
        vectors[name], known = model.customers(state, log, users)
        lists[name], scores[name] = top_k_dense(vectors[name], state.items, k)
        lists[name][~known] = -1
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


def matrix(sources: Sources, name: str) -> Csr:
    """The matrix that a sparse source multiplies histories with."""
    return {
        "linear": sources.learnt.linear.weights,
        "neighbours": sources.learnt.neighbours.similar,
        "recent": sources.recent.similar,
        "people": sources.people.bought,
    }[name]


def _rows(sources: Sources, name: str, log: Log, users: Ids) -> Csr:
    match name:
        case "linear":
            return linear.rows(sources.learnt.linear, log, users)
        case "neighbours":
            return neighbours.rows(sources.learnt.neighbours, log, users)
        case "recent":
            return neighbours.rows(sources.recent, log, users)
        case _:
            return people.rows(sources.people, log, users)


def save(learnt: Learnt, folder: Path) -> None:
    """Write one file or more per model."""
    linear.save(learnt.linear, folder)
    neighbours.save(learnt.neighbours, folder)
    factors.save(learnt.factors, folder)
    topics.save(learnt.topics, folder)
    content.save(learnt.content, folder)
    if learnt.sequence is not None:
        sequence.save(learnt.sequence, folder)


def load(folder: Path) -> Learnt:
    """Read what :func:`save` wrote; nothing in the files is executed."""
    deep = sequence.load(folder) if (folder / "sequence.json").exists() else None
    return Learnt(
        linear.load(folder),
        neighbours.load(folder),
        factors.load(folder),
        topics.load(folder),
        content.load(folder),
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
