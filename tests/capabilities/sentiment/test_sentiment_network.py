"""The network: scored as it was trained, small, and only kept where it helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ml.capabilities.sentiment.spec import Params
from ml.text import classifier, files, network, svm
from ml.text.network import PIECES, Network, Small
from ml.text.tokens import HEADLINE, Texts

PARAMS = Params(network_bits=10, network_tokens=6, network_dimensions=8, network_filters=4, network_epochs=2)
TEXTS = ["good", "not good at all, and late", "", "b b b b b b b b", "é 😀 !!", "the quality is good but it came late"]
TEXTS += [f"good one{HEADLINE}\nbut late", f"late{HEADLINE}", f"a b c d e f g{HEADLINE}\nh"]


def texts(values=TEXTS):
    """Texts as the network takes them."""
    return Texts.of(pa.array(list(values), pa.large_string()))


def random_network(rng) -> Network:
    """Weights that nothing was learned from."""
    d, f, rows = PARAMS.network_dimensions, PARAMS.network_filters, 300
    embedding = rng.normal(size=(rows, d)).astype(np.float32)
    embedding[0] = 0
    return Network(
        rng.integers(0, rows, 1 << PARAMS.network_bits).astype(np.int32),
        Small.of(embedding),
        Small.of(rng.normal(size=(6 * f, d)).astype(np.float32)),
        rng.normal(size=3 * f).astype(np.float32),
        Small.of(rng.normal(size=(3, 2 * (3 * f + d))).astype(np.float32)),
        rng.normal(size=3).astype(np.float32),
        6,
    )


def slow_scores(net: Network, values) -> np.ndarray:
    """The scores by the definition, text by text and filter by filter."""
    found, heads = network.pieces(texts(values), PARAMS.network_bits, net.longest)
    embedding, filters, head = net.embedding.whole(), net.filters.whole(), net.head.whole()
    f, out = len(net.filter_bias) // 3, []
    for tokens, head_size in zip(found, heads, strict=True):
        vectors, known = [], []
        for token in tokens[tokens.any(axis=1)]:
            rows = [net.row[piece - 1] for piece in token if piece and net.row[piece - 1]]
            vectors.append(embedding[rows].sum(0) / np.sqrt(max(1, len(rows))))
            known.append(len(rows) > 0)
        x = np.array(vectors).reshape(-1, embedding.shape[1])
        padded, filtered, at = np.concatenate([x, np.zeros((2, x.shape[1]))]), [], 0
        for width in (1, 2, 3):
            parts = [padded[k : k + len(x)] @ filters[(at + k) * f : (at + k + 1) * f].T for k in range(width)]
            filtered.append(sum(parts) + net.filter_bias[(width - 1) * f : width * f])
            at += width
        pooled, first = [], np.arange(len(x)) < head_size
        for mask in (np.array(known, bool), np.array(known, bool) & first):
            pooled += [np.maximum(values_[mask], 0).max(axis=0, initial=0) for values_ in filtered]
            pooled.append(x[mask].mean(0) if mask.any() else np.zeros(x.shape[1]))
        out.append(np.concatenate(pooled) @ head.T + net.head_bias)
    return np.array(out)


def test_scores_are_the_definition():
    """The compiled scores are those of the slow and obvious ones, in one block or in many."""
    net = random_network(np.random.default_rng(0))
    expected = slow_scores(net, TEXTS)
    np.testing.assert_allclose(network.scores(net, texts()), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(network.scores(net, texts(TEXTS * 200))[-len(TEXTS) :], expected, rtol=1e-4, atol=1e-4)


def test_a_byte_is_near_enough():
    """A matrix of int8 differs from its original by at most half a step of 1/127 of its row's largest value."""
    matrix = np.random.default_rng(1).normal(size=(20, 30)).astype(np.float32)
    step = np.abs(matrix).max(axis=1, keepdims=True) / 127
    assert (np.abs(Small.of(matrix).whole() - matrix) <= step / 2 + 1e-7).all()


@pytest.fixture(scope="module")
def reviews():
    """Texts whose class only the order of two words tells, and a training that sees them."""
    rng = np.random.default_rng(2)
    words = np.array(["alpha", "beta", "gamma", "delta", "omega", "sigma"])
    labels = rng.integers(0, 2, 900)
    values = [" ".join([*rng.choice(words, 2), *(["ping", "pong"] if label else ["pong", "ping"])]) for label in labels]
    values[::3] = [f"{value}{HEADLINE}\nnever{i} seen" for i, value in enumerate(values[::3])]
    return values, labels


def test_keras_and_the_compressed_network_agree(reviews):
    """What is scored without TensorFlow is what Keras was trained to say, but for the rounding."""
    from ml.text import network_train

    values, labels = reviews
    keras_model, row = network_train.fit(texts(values), labels, 2, PARAMS, 7)
    net = network_train.compress(keras_model, row, PARAMS)
    found, heads = network.pieces(texts(values), PARAMS.network_bits, PARAMS.network_tokens)
    assert found.shape == (len(values), PARAMS.network_tokens, PIECES)
    expected = np.asarray(keras_model([row[found], heads], training=False))
    ours = network.scores(net, texts(values))
    assert np.abs(ours - expected).max() < 0.05 * np.abs(expected).max()
    again = network_train.train(texts(values), labels, 2, PARAMS, 7)
    assert (again.embedding.values == net.embedding.values).all()


def test_a_network_that_does_not_help_is_not_kept(monkeypatch):
    """A network that says nothing of the class is not served beside the linear model."""
    from ml.text import network_train

    rng = np.random.default_rng(3)
    monkeypatch.setattr(network_train, "train", lambda *_: random_network(rng))
    labels = rng.integers(0, 3, 600)
    values = [f"{['poor', 'fair', 'nice'][label if i % 4 else 1]} thing {i}" for i, label in enumerate(labels)]
    params = replace(PARAMS, network_least=100, bits=14)
    fitted = classifier.learn(pa.array(values), labels, np.arange(3), params, 7)
    assert fitted.network is None


def test_a_classifier_with_a_network_is_saved_and_loaded(tmp_path):
    """What is read from the files scores as what was written to them."""
    rng = np.random.default_rng(4)
    alone = classifier.of_steps(np.array([0, 0, 1, 2]))
    both = alone._replace(mixing=rng.normal(size=(3, 7)))
    idf = np.zeros(1 << 14, np.float32)
    idf[::7] = 1
    weights = (rng.normal(size=(len(idf), 3)) * (idf > 0)[:, None]).astype(np.float16).astype(np.float32)
    model = classifier.Linear(idf, weights, np.zeros(3, np.float32), svm.shares(PARAMS))
    net = random_network(rng)
    net = net._replace(
        row=np.where(np.arange(len(net.row)) % 4 == 0, np.arange(len(net.row)) // 4 + 1, 0).astype(np.int32)
    )
    fitted = classifier.Classifier(model, alone, net, both)
    story = files.save(fitted, tmp_path)
    loaded = files.load(story, tmp_path, replace(PARAMS, bits=14))
    np.testing.assert_array_equal(loaded.chances(texts()), fitted.chances(texts()))
