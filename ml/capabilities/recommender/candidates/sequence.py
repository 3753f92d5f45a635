"""What a customer buys next, by self-attention over the last lines: trained in TensorFlow, scored in numpy.

A transformer in the manner of SASRec (Kang & McAuley, ICDM 2018) with the next *order* as its answer instead of the
next line, since the lines of an order have no sequence: tokens know their age and how many orders back they are, not
their place. Each order of the log is an example that is read backwards from its own time, so ages are right for each
(one causal pass over all orders of a customer is cheaper, but knows ages at the last one only). Repeat purchases have a
part of their own, a learned curve of age and a learned rate per product, so that the attention learns what is new to a
customer (after RepeatNet, Ren et al., AAAI 2019); popularity is read from tonight's log. :mod:`sequence_forward` has
the formulas, :mod:`sequence_examples` what is learned from, :mod:`sequence_train` the loss.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from ml.capabilities.recommender.candidates import sequence_data as data
from ml.capabilities.recommender.candidates import sequence_forward as forward
from ml.core.errors import ArtifactError
from ml.kernels.compiled import Ids, Scores
from ml.kernels.topk.dense import top_k_dense
from ml.learn.purchases import NEVER, Log, before

FORMAT = 1


@dataclass(frozen=True)
class Params:
    """Parameters of the sequence model; chosen on windows before any that is reported."""

    dimensions: int = 64
    heads: int = 2
    blocks: int = 1
    length: int = 50
    """Lines that the attention reads, the latest."""
    most_lines: int = 2000
    """Lines that count for repeat purchases, the latest."""
    dropout: float = 0.3
    learning_rate: float = 0.002
    batch: int = 128
    epochs: int = 30
    patience: int = 2
    epoch_orders: int = 20_000
    """An epoch is at most so many orders, drawn by lot: the loss is looked at in between."""
    held_days: int = 28
    """The last days of the log, on which the number of epochs is chosen before all days are trained on."""
    whole_catalogue: int = 10_000
    """Up to so many products the loss sums over all of them, beyond over a sample."""
    sample: int = 2048
    lead_days: float = 7.0
    """The night scores for so many days ahead."""
    seconds: float = 120.0
    """Training ends by then, done or not."""


@dataclass(frozen=True)
class Sequence:
    """Weights of the network and the products that they are for.

    Attributes
    ----------
    product_id : pyarrow.Array of shape (m,)
        Products that were sold before the fit.
    weights : dict of str to ndarray
        See :func:`sequence_forward.shapes`.
    level : float
        Mean of ln Z over customers: scores are exp(s - level).
    epochs : int
        That the final training took.
    until : int
        The time for which ``popular`` (n_features, m) is made.
    """

    params: Params
    product_id: pa.Array
    weights: dict[str, Scores]
    level: float
    epochs: int
    until: int
    popular: Scores


def fit(log: Log, at: int, params: Params, seed: int) -> Sequence:
    """Train on the orders before ``at``: first to choose the number of epochs on the last days, then on all of them.

    Bounded by ``params.seconds``. As long as that does not bind, the same seed gives the same weights.
    """
    log = before(log, at)
    sold = np.unique(log.product)
    ids = log.product_id.take(pa.array(sold))
    number = np.full(log.n_products, -1, np.int32)
    number[sold] = np.arange(len(sold), dtype=np.int32)
    state = Sequence(params, ids, {}, 0.0, 0, NEVER, np.empty((0, 0), np.float32))
    if not len(sold):
        return update(state, log)
    # TensorFlow is imported here, by a fit alone.
    from ml.capabilities.recommender.candidates import sequence_fit

    weights, epochs = sequence_fit.learn(log, number, len(sold), params, seed)
    state = update(replace(state, weights=weights, epochs=epochs), log)
    return replace(state, level=_level(state, log, seed))


def update(state: Sequence, log: Log) -> Sequence:
    """Give the state with tonight's popularity. :func:`propose` and :func:`pairs` do it where the time differs."""
    item, now = _numbers(state, log)[log.product], np.array([log.until])
    popular = data.popularity(item, log.at, len(state.product_id), now)[0]
    return replace(state, until=log.until, popular=popular)


def propose(state: Sequence, log: Log, users: Ids, k: int) -> tuple[Ids, Scores]:
    """List what each customer is most likely to buy next, exactly, bought products among it.

    Parameters
    ----------
    state : Sequence
    log : Log
        As known tonight; its customers and lines may be newer than the fit.
    users : ndarray of shape (n,), int32
        Customer numbers; -1 for a customer that the log does not have.
    k : int

    Returns
    -------
    ids : ndarray of shape (n, k), int32
        Best first; -1 where the model knows no more products.
    scores : ndarray of shape (n, k), float32
        About the probability that a line of the next order is this product; 0 where the id is -1.

    Notes
    -----
    What was bought gains by it, all else keeps its base, which is a product of dense factors. So the best are among
    the k best of base that were not bought, and what was bought.
    """
    state = _tonight(state, log)
    number = _numbers(state, log)
    here = np.flatnonzero(number >= 0).astype(np.int32)
    if not len(here):
        return np.full((len(users), k), -1, np.int32), np.zeros((len(users), k), np.float32)
    z, lines = _encode(state, log, number, users)
    row, item, gain = forward.repeats(state.weights, z, lines, len(state.product_id))
    rows, products = forward.output(state.weights, z, state.popular)
    where = np.empty(len(state.product_id), np.int32)
    where[number[here]] = np.arange(len(here), dtype=np.int32)
    skip = csr_array((np.ones(len(row), np.int8), (row, where[item])), shape=(len(users), len(here)))
    found, base = top_k_dense(rows, products[number[here]], k, skip)
    own = np.logaddexp(np.einsum("pd,pd->p", rows[row], products[item]), gain)
    other, place = np.nonzero(found >= 0)
    return _best(
        len(users),
        k,
        np.r_[row, other],
        here[np.r_[where[item], found[other, place]]],
        np.exp(np.r_[own, base[other, place]] - np.float32(state.level)),
    )


def pairs(state: Sequence, log: Log, users: Ids, items: Ids) -> Scores:
    """Score any pairs, (n_pairs,); 0 for a product that was not sold before the fit."""
    state = _tonight(state, log)
    number, made = _numbers(state, log), np.zeros(len(items), np.float32)
    known = np.flatnonzero(number[items] >= 0)
    if not len(known):
        return made
    who, row = np.unique(users[known], return_inverse=True)
    z, lines = _encode(state, log, number, who)
    rows, products = forward.output(state.weights, z, state.popular)
    item, m = number[items[known]], len(state.product_id)
    s = np.empty(len(known), np.float32)
    for start in range(0, len(known), 1 << 16):
        part = slice(start, start + (1 << 16))
        s[part] = np.einsum("pd,pd->p", rows[row[part]], products[item[part]])
    own_row, own, gain = forward.repeats(state.weights, z, lines, m)
    keys, key = own_row * m + own, row * m + item
    place = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
    again = keys[place] == key if len(keys) else np.zeros(len(key), bool)
    s[again] = np.logaddexp(s[again], gain[place[again]])
    made[known] = np.exp(s - np.float32(state.level))
    return made


def propose_reference(state: Sequence, log: Log, users: Ids, k: int) -> tuple[Ids, Scores]:
    """:func:`propose` by all scores and one sort."""
    state = _tonight(state, log)
    number = _numbers(state, log)
    z, lines = _encode(state, log, number, users)
    s = forward.scores_reference(state.weights, z, state.popular, lines)
    here = np.flatnonzero(number >= 0)
    row = np.repeat(np.arange(len(users)), len(here))
    scores = np.exp(s[:, number[here]].ravel() - np.float32(state.level))
    return _best(len(users), k, row, np.tile(here, len(users)), scores)


def save(state: Sequence, folder: Path) -> None:
    """Write ``sequence.json`` and ``sequence.npz``."""
    story = {
        "format": FORMAT,
        "params": asdict(state.params),
        "product_id": state.product_id.to_pylist(),
        "level": state.level,
        "epochs": state.epochs,
    }
    (folder / "sequence.json").write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")
    np.savez(folder / "sequence.npz", allow_pickle=False, **state.weights)


def load(folder: Path) -> Sequence:
    """Read what :func:`save` wrote; nothing in the files is executed, and TensorFlow is not needed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    try:
        story = json.loads((folder / "sequence.json").read_text(encoding="utf-8"))
        params, ids = Params(**story["params"]), pa.array(story["product_id"], pa.string())
        with np.load(folder / "sequence.npz", allow_pickle=False) as arrays:
            weights = {name: arrays[name] for name in arrays.files}
        expected = forward.shapes(len(ids), params.dimensions, params.heads, params.blocks) if len(ids) else {}
        if {name: w.shape for name, w in weights.items()} != expected:
            raise ValueError("the weights do not have the shapes of the parameters")  # noqa: TRY301
        return Sequence(params, ids, weights, story["level"], story["epochs"], NEVER, np.empty((0, 0), np.float32))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            "The sequence model's files cannot be read.",
            came=f"{type(error).__name__}: {error}",
            do="train it again: ./nightshift train recommender",
        ) from error


def _level(state: Sequence, log: Log, seed: int) -> float:
    """Mean ln Z over some customers, tonight."""
    some = np.random.default_rng(seed).permutation(log.n_customers)[:256].astype(np.int32)
    z, lines = _encode(state, log, _numbers(state, log), some)
    s = forward.scores_reference(state.weights, z, state.popular, lines).astype(np.float64)
    top = s.max(1)
    return float(np.mean(top + np.log(np.exp(s - top[:, None]).sum(1))))


def _encode(state: Sequence, log: Log, number: Ids, users: Ids) -> tuple[Scores, data.Bought]:
    """Z and the lines of each customer tonight.

    In blocks of customers with about as many lines, so that most are short and stay in the cache.
    """
    params = state.params
    moments = data.tonight(log, users, params.lead_days)
    z = forward.encode_all(state.weights, log, number, moments, (params.length, params.heads, params.blocks))
    return z, data.bought(log, number, moments, params.most_lines)


def _tonight(state: Sequence, log: Log) -> Sequence:
    return state if state.until == log.until else update(state, log)


def _numbers(state: Sequence, log: Log) -> Ids:
    """The model's number of each of the log's products; -1: not sold before the fit."""
    found = pc.fill_null(pc.index_in(log.product_id, state.product_id), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int32)


def _best(n: int, k: int, row: npt.NDArray[np.int64], item: Ids, score: Scores) -> tuple[Ids, Scores]:
    """The k best of each row of flat candidates, ties by the smaller number."""
    order = np.lexsort((item, -score, row))
    row, item, score = row[order], item[order], score[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    first = place < k
    ids, scores = np.full((n, k), -1, np.int32), np.zeros((n, k), np.float32)
    ids[row[first], place[first]], scores[row[first], place[first]] = item[first], score[first]
    return ids, scores
