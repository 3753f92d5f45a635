"""Products that are like what a customer bought lately, by what the shop says of them: works before the first sale.

Likeness of products i and j, from 0 to 1, with x the text's vector (:mod:`text`), c category, b brand, p price::

    s_ij = (w_text max(0, x_i·x_j) + w_category [c_i = c_j] + w_brand [b_i = b_j]
            + w_price max(0, 1 - |ln p_i - ln p_j| / σ)) / (w_text + w_category + w_brand + w_price)

where what is unknown of one of them is like nothing. In a shop with pictures x is (√(1 - p) text, √p z) with z the picture's
vector (:mod:`ml.learn.looks`) and p its share, chosen at the fit (:mod:`looked`); a product without a known word is given
the words of those that look like it. With h_uj = Σ 2^(-age / half life) over u's last lines of j::

    r_ui = (1 + fresh 2^(-age_i / fresh half life)) Σ_j≠i h_uj s_ij^γ / Σ_j h_uj
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from ml.capabilities.recommender.candidates.content_state import Content, Params, Rows
from ml.capabilities.recommender.candidates.looked import borrowed, chosen_share, joined
from ml.capabilities.recommender.candidates.mixed_knn import Traits, Weights, likeness, nearest, score_pairs
from ml.core.units import DAY_S
from ml.kernels.compiled import Csr, Ids, Scores
from ml.kernels.groups import ends_of
from ml.kernels.topk.sparse import top_k_sparse
from ml.learn.looks import embed_looks, fit_looks
from ml.learn.purchases import NEVER, Log
from ml.text.vectors import embed_text, fit_text

FRESH_ENOUGH = 0.01


def fit(log: Log, at: int, params: Params, seed: int) -> Content:  # noqa: ARG001
    """Learn the projections from the texts and pictures of all listed products and find the nearest of each.

    Sales decide only how much pictures count, see :func:`looked.chosen_share`; ``at`` changes nothing.
    """
    everything = np.arange(log.n_products, dtype=np.int32)
    text = fit_text(_titles(log), log.description, params.dimensions, seed)
    words = embed_text(text, _titles(log), log.description)
    looks, seen = fit_looks(log.pictures.of(everything), params.look_dimensions)
    near = np.full((log.n_products, 0), -1, np.int32)
    state = Content(
        params,
        text,
        looks,
        0.0,
        words,
        seen,
        log.product_id,
        _traits(log, words, params),
        near,
        log.until,
        csr_array((0, 0)),
    )
    if seen.any():
        state = replace(state, share=chosen_share(lambda share, asked: _tried(state, share, asked), log, seed))
        state = replace(state, traits=_traits(log, _vectors(state), params))
    near, _ = nearest(state.traits, everything, params.neighbours, _weights(params))
    state = replace(state, near=near)
    return replace(state, graph=_graph(state, log))


def update(state: Content, log: Log) -> Content:
    """Give the state for tonight: new products get a place without a fit; prices, categories and ages are tonight's.

    :func:`propose` and :func:`pairs` do it by themselves where products or time differ; a night that scores in blocks
    does it once, before.
    """
    was = _was(state, log)
    old, new = np.flatnonzero(was >= 0), np.flatnonzero(was < 0).astype(np.int32)
    words, seen = placed(state, log)
    now = np.full(len(state.product_id) + 1, -1, np.int32)  # the last one is for -1
    now[was[old]] = old
    near = np.full((log.n_products, state.near.shape[1]), -1, np.int32)
    near[old] = now[state.near[was[old]]]
    state = replace(state, words=words, seen=seen)
    traits = _traits(log, _vectors(state), state.params)
    near[new], _ = nearest(traits, new, near.shape[1], _weights(state.params))
    state = replace(state, product_id=log.product_id, traits=traits, near=near, until=log.until)
    return replace(state, graph=_graph(state, log))


def placed(state: Content, log: Log) -> tuple[Scores, Scores]:
    """Vectors of the words and of the picture of each product of ``log``; those that are newer than the fit are placed now."""
    was = _was(state, log)
    old, new = np.flatnonzero(was >= 0), np.flatnonzero(was < 0).astype(np.int32)
    words = np.zeros((log.n_products, state.words.shape[1]), np.float32)
    seen = np.zeros((log.n_products, state.seen.shape[1]), np.float32)
    words[old], seen[old] = state.words[was[old]], state.seen[was[old]]
    words[new] = embed_text(state.text, _titles(log).take(pa.array(new)), log.description.take(pa.array(new)))
    seen[new] = embed_looks(state.looks, log.pictures.of(new))
    return words, seen


def propose(state: Content, log: Log, users: Ids, k: int) -> tuple[Ids, Scores]:
    """List the products that are most like what each customer bought lately, bought ones among them.

    Parameters
    ----------
    state : Content
    log : Log
        As known tonight.
    users : ndarray of shape (n,), int32
        Customer numbers; -1 for a customer that the log does not have.
    k : int

    Returns
    -------
    ids : ndarray of shape (n, k), int32
        Best first; -1 where nothing else is near.
    scores : ndarray of shape (n, k), float32
        r_ui; 0 where the id is -1.

    Notes
    -----
    Candidates are the ``neighbours`` nearest of each recent product, and each new product to which a recent product is
    near; they are then scored exactly. With as many neighbours as products the lists are exact.
    """
    state = _tonight(state, log)
    history = _history(state.params, log, users)
    found, _, _ = top_k_sparse(history, state.graph, min(2 * k, log.n_products))
    rows, places = np.nonzero(found >= 0)
    scores = np.full(found.shape, -np.inf, np.float32)
    scores[rows, places] = _score(state, log, history, rows, found[rows, places])
    scores[scores <= 0] = -np.inf
    best = np.lexsort((found, -scores), axis=1)[:, :k]
    ids, scores = np.take_along_axis(found, best, 1), np.take_along_axis(scores, best, 1)
    ids[np.isneginf(scores)], scores[np.isneginf(scores)] = -1, 0
    short = ((0, 0), (0, k - ids.shape[1]))
    return np.pad(ids, short, constant_values=-1), np.pad(scores, short)


def pairs(state: Content, log: Log, users: Ids, items: Ids) -> Scores:
    """Score any pairs: r_ui, exactly, (n_pairs,). Fastest where the pairs of a customer stand together."""
    state = _tonight(state, log)
    who, rows = np.unique(users, return_inverse=True)
    return _score(state, log, _history(state.params, log, who), rows, items)


def propose_reference(state: Content, log: Log, users: Ids, k: int) -> tuple[Ids, Scores]:
    """:func:`propose` with all products as candidates, a customer at a time by the formulas."""
    state, params = update(state, log), state.params
    s = likeness(state.traits, _weights(params)) ** params.sharpness
    np.fill_diagonal(s, 0)
    ids, scores = np.full((len(users), k), -1, np.int32), np.zeros((len(users), k), np.float32)
    for row, u in enumerate(users):
        h = np.zeros(log.n_products)
        if u >= 0:
            for line in range(log.indptr[u], log.indptr[u + 1])[-params.recent :]:
                h[log.product[line]] += 2.0 ** (-(log.until - log.at[line]) / DAY_S / params.half_life_days)
        r = _fresh(params, log) * (h @ s) / max(h.sum(), 1e-30)
        best = sorted(np.flatnonzero(r), key=lambda i: (-np.float32(r[i]), i))[:k]
        ids[row, : len(best)], scores[row, : len(best)] = best, r[best]
    return ids, scores


def _tonight(state: Content, log: Log) -> Content:
    ready = state.until == log.until and state.product_id.equals(log.product_id)
    return state if ready else update(state, log)


def _was(state: Content, log: Log) -> Ids:
    """The number at the fit of each product; -1: it is newer."""
    found = pc.fill_null(pc.index_in(log.product_id, state.product_id), -1)
    return np.asarray(found.to_numpy(), np.int32)


def _titles(log: Log) -> pa.Array:
    """The titles; empty where the id stands for one and is a single word: a code says nothing of the product."""
    code = pc.invert(pc.match_substring_regex(log.title, r"\s"))
    return pc.if_else(pc.and_(code, pc.equal(log.title, log.product_id)), "", log.title)


def _vectors(state: Content) -> Scores:
    return joined(borrowed(state.words, state.seen), state.seen, state.share)


def _tried(state: Content, share: float, asked: tuple[Log, Ids, Rows, Ids]) -> Scores:
    """r_ui with another share of the pictures, for a log, customers, row numbers and items."""
    log, who, rows, items = asked
    state = replace(state, share=share)
    state = replace(state, traits=_traits(log, _vectors(state), state.params))
    return _score(state, log, _history(state.params, log, who), rows, items)


def _weights(params: Params) -> Weights:
    four = (params.weight_text, params.weight_category, params.weight_brand, params.weight_price)
    return tuple(weight / sum(four) for weight in four)  # type: ignore[return-value]


def _traits(log: Log, vectors: Scores, params: Params) -> Traits:
    price = np.where(log.list_price > 0, log.list_price, np.nan)
    level = np.asarray(np.log(price) / params.price_width, np.float32)
    return Traits(vectors, _codes(log.category), _codes(log.brand), level)


def _codes(names: pa.Array) -> Ids:
    """Number the names; -1 for null and for no name."""
    known = pc.if_else(pc.equal(names, ""), None, names).dictionary_encode()
    return np.asarray(pc.fill_null(known.indices, -1).to_numpy(zero_copy_only=False), np.int32)


def _fresh(params: Params, log: Log) -> Scores:
    """1 + fresh 2^(-age / half life), (n_products,); 1 where nobody knows since when it is listed."""
    age = np.maximum(log.until - np.where(log.listed_at == NEVER, 0, log.listed_at), 0) / DAY_S
    new = np.exp2(-age / params.fresh_half_life_days) * (log.listed_at != NEVER)
    return np.asarray(1 + params.fresh * new, np.float32)


def _history(params: Params, log: Log, users: Ids) -> Csr:
    """h_uj, (n_users, n_products): the last lines of each, what is recent counts more."""
    known = np.maximum(users, 0)
    end = np.where(users >= 0, log.indptr[known + 1], 0)
    length = np.minimum(end - np.where(users >= 0, log.indptr[known], 0), params.recent)
    rows = np.repeat(np.arange(len(users)), length)
    ends = np.cumsum(length)
    lines = np.arange(len(rows)) - np.repeat(ends - end, length)
    h = np.exp2((log.at[lines] - log.until) / DAY_S / params.half_life_days).astype(np.float32)
    made = csr_array((h, (rows, log.product[lines])), shape=(len(users), log.n_products))
    made.sum_duplicates()
    return made


def _graph(state: Content, log: Log) -> Csr:
    """Row j: what is near to j, and each new product that j is near to; values s_ij^γ times freshness of i.

    A new product may be among the nearest of none of the many old ones; so it is also reached from its own nearest.
    """
    m, params = log.n_products, state.params
    j, place = np.nonzero(state.near >= 0)
    i = state.near[j, place]
    fresh = _fresh(params, log)
    back = fresh[j] > 1 + FRESH_ENOUGH
    rows, columns = np.concatenate([j, i[back]]), np.concatenate([i, j[back]])
    key = np.unique(rows.astype(np.int64) * m + columns)
    rows, columns = key // m, (key % m).astype(np.int32)
    ends = ends_of(np.bincount(rows, minlength=m))
    itself = csr_array((np.ones(m, np.float32), np.arange(m), np.arange(m + 1)), shape=(m, m))
    s = score_pairs(state.traits, _weights(params), params.sharpness, itself, ends, columns)
    return csr_array((s * fresh[columns], columns, ends), shape=(m, m))


def _score(state: Content, log: Log, history: Csr, rows: Rows, items: Ids) -> Scores:
    """r_ui for row numbers of ``history`` and items."""
    order = np.argsort(rows, kind="stable")
    ends = ends_of(np.bincount(rows, minlength=history.shape[0]))
    four, gamma = _weights(state.params), state.params.sharpness
    made = np.empty(len(items), np.float32)
    made[order] = score_pairs(state.traits, four, gamma, history, ends, items[order])
    return made * _fresh(state.params, log)[items]
