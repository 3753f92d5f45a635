"""Metrics of a yes-or-no forecast, beside scikit-learn's and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score, roc_curve

from ml.learn.metrics import binary

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=60)


def _rows(drawn: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    label, score = (np.array(column) for column in zip(*drawn, strict=True))
    return label.astype(np.int8), score / 10


@given(ROWS)
def test_ranking_metrics_are_those_of_sklearn(drawn: list[tuple[bool, int]]) -> None:
    """Areas and recall at a rate of false positives, ties among the scores, wherever both kinds are there."""
    label, score = _rows(drawn)
    if len(set(label)) == 2:
        assert binary.roc_auc(label, score) == pytest.approx(roc_auc_score(label, score))
        assert binary.average_precision(label, score) == pytest.approx(average_precision_score(label, score))
        false, true, _ = roc_curve(label, score, drop_intermediate=False)
        assert binary.recall_at_false_positives(label, score, 0.3) == pytest.approx(true[false <= 0.3].max())


@given(ROWS)
def test_skill_is_one_minus_log_loss_over_entropy(drawn: list[tuple[bool, int]]) -> None:
    """The mean over rows is McFadden's; who foretells the base rate has none."""
    label, score = _rows(drawn)
    probability = 0.05 + score * 0.9
    rate = (label.sum() + 0.5) / (len(label) + 1)
    entropy = -rate * np.log(rate) - (1 - rate) * np.log(1 - rate)
    base = log_loss(label, np.full(len(label), rate), labels=[0, 1])
    expected = (base - log_loss(label, probability, labels=[0, 1])) / entropy
    assert binary.log_loss_skill(label, probability).mean() == pytest.approx(expected)
    np.testing.assert_allclose(binary.log_loss_skill(label, np.full(len(label), rate)), 0, atol=1e-12)


def test_precision_counts_ties_by_their_share() -> None:
    """Two places: one sure, one shared by two rows of which one is a 1."""
    label, score = np.array([1, 1, 0, 0]), np.array([0.9, 0.5, 0.5, 0.1])
    assert binary.precision_at(label, score, 2) == pytest.approx(0.75)
    assert binary.precision_at(label, score, 99) == pytest.approx(0.5)


def test_calibration_error_by_hand() -> None:
    """Two bins: .2 foretold and 0 happened, .8 foretold and 1 happened."""
    label, probability = np.array([0, 0, 1, 1]), np.array([0.2, 0.2, 0.8, 0.8])
    assert binary.calibration_error(label, probability, bins=2) == pytest.approx(0.2)
    assert binary.calibration_error(label, label.astype(float), bins=2) == 0


@pytest.mark.parametrize("label", [[], [0, 0], [1, 1]])
def test_one_kind_only_is_no_fault(label: list[int]) -> None:
    """Nothing to rank: the area is a half, and every figure is finite."""
    y, p = np.array(label, np.int8), np.full(len(label), 0.3)
    assert binary.roc_auc(y, p) == 0.5
    figures = [
        binary.average_precision(y, p),
        binary.recall_at_false_positives(y, p, 0.01),
        binary.precision_at(y, p, 1),
        binary.calibration_error(y, p),
        *binary.log_loss_skill(y, p),
    ]
    assert np.isfinite(figures).all()
