"""Ranking metrics: by hand, and beside scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import ndcg_score

from ml.learn.metrics import ranking

LISTS = np.array([[3, 1, 2], [0, 1, -1], [4, 5, 6]])
UNITS, ITEMS = np.array([0, 0, 1, 1, 1]), np.array([1, 7, 0, 1, -1])
RELEVANT = np.array([2, 3, 0])


def test_hits_by_hand() -> None:
    """A hit is a listed item that its own unit took; -1 is never one."""
    assert ranking.hits(LISTS, UNITS, ITEMS).tolist() == [[False, True, False], [True, True, False], [False] * 3]


def test_metrics_by_hand() -> None:
    """NDCG, recall and hit rate of three units, the last of which took nothing."""
    hits = ranking.hits(LISTS, UNITS, ITEMS)
    second = 1 / np.log2(3)
    np.testing.assert_allclose(
        ranking.ndcg(hits, RELEVANT, 3), [second / (1 + second), (1 + second) / (1 + second + 0.5), 0]
    )
    np.testing.assert_allclose(ranking.recall(hits, RELEVANT, 2), [1 / 2, 2 / 3, 0])
    np.testing.assert_allclose(ranking.hit_rate(hits, 1), [0, 1, 0])


def test_coverage_by_hand() -> None:
    """Of ten products four different ones stand in the first two places; -1 is none."""
    assert ranking.coverage(np.array([[3, 1], [0, 1], [5, -1]]), 10, 2) == 0.4


def test_ndcg_equals_sklearn() -> None:
    """On random lists over ten items the mean is scikit-learn's, where each unit took something."""
    rng = np.random.default_rng(1)
    n, m, k = 200, 10, 5
    truth, scores = rng.random((n, m)) < 0.3, rng.random((n, m))
    truth[:, 0] = True
    units, items = truth.nonzero()
    lists = np.argsort(-scores, axis=1)[:, :k]
    ours = ranking.ndcg(ranking.hits(lists, units, items), truth.sum(1), k)
    np.testing.assert_allclose(ours.mean(), ndcg_score(truth, scores, k=k))


def test_list_shorter_than_k() -> None:
    """A catalogue of two products is judged at k = 10 without a fault."""
    hits = ranking.hits(np.array([[1, 0]]), np.array([0]), np.array([0]))
    np.testing.assert_allclose(ranking.ndcg(hits, np.array([1]), 10), [1 / np.log2(3)])


def test_nobody() -> None:
    """No units give no figures."""
    hits = ranking.hits(np.empty((0, 3), int), np.empty(0, int), np.empty(0, int))
    assert ranking.ndcg(hits, np.empty(0, int), 10).tolist() == []
