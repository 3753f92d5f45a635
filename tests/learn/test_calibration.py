"""Probabilities that mean what they say, beside scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression

from ml.learn import calibration
from ml.learn.calibration import Calibration, reliability
from ml.learn.intervals import wilson
from ml.learn.metrics.binary import calibration_error, roc_auc


def _drawn(seed: int = 3, n: int = 50_000) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds that are twice too sure and shifted, and labels."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-3, 1.2, n)
    label = (rng.random(n) < 1 / (1 + np.exp(-true))).astype(int)
    return label, 2 * true + 1.5


def test_a_sigmoid_is_fitted_as_by_scikit_learn() -> None:
    """Without the ridge, slope and shift are those of an unpenalised logistic regression."""
    label, z = _drawn()
    ours = calibration.fit(label, z, strength=1e-9)
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(z[:, None], label)
    np.testing.assert_allclose([ours.slope, ours.shift], [peer.coef_[0, 0], peer.intercept_[0]], atol=1e-4)


def test_calibration_repairs_what_is_too_sure_and_keeps_the_order() -> None:
    """On rows that it was not fitted on, the error falls below 0.005 from far above; the ranking stays."""
    fitted = calibration.fit(*_drawn(3))
    label, z = _drawn(4)
    raw, repaired = Calibration().of_log_odds(z), fitted.of_log_odds(z)
    assert calibration_error(label, raw) > 0.01
    assert calibration_error(label, repaired) < 0.005
    assert roc_auc(label, repaired) == pytest.approx(roc_auc(label, raw), abs=1e-6)


@pytest.mark.parametrize("label", [[], [0, 0, 0], [1, 1, 1]])
def test_nothing_to_learn_from_changes_nothing(label: list[int]) -> None:
    """Without labels of both kinds the model's log-odds are believed."""
    assert calibration.fit(np.array(label), np.zeros(len(label))) == Calibration()


def test_few_frauds_change_little_and_never_turn_risks_round() -> None:
    """Three frauds that rank last leave a positive slope."""
    z = np.linspace(-6, 2, 300)
    fitted = calibration.fit((np.arange(300) < 3).astype(int), z)
    assert fitted.slope > 0
    assert (np.diff(fitted.of_log_odds(z)) >= 0).all()


def test_wilsons_interval_is_scipys() -> None:
    """For shares of 0, a half and 1."""
    for hits, n in ((0, 7), (5, 10), (40, 40), (3, 1000)):
        peer = binomtest(hits, n).proportion_ci(0.95, method="wilson")
        np.testing.assert_allclose(np.array(wilson(hits, n, 1.959964)), [peer.low, peer.high], atol=1e-6)


def test_reliability_points_hold_every_row_once() -> None:
    """The mean of the points is the mean of the rows, and each share lies within its bounds."""
    label, z = _drawn(5, 1_000)
    p = Calibration().of_log_odds(z)
    points = reliability(label, p)
    assert points.shape == (10, 4)
    np.testing.assert_allclose(points[:, :2].mean(0), [p.mean(), label.mean()])
    assert ((points[:, 2] <= points[:, 1]) & (points[:, 1] <= points[:, 3])).all()
    assert reliability(label[:3], p[:3]).shape == (3, 4)
    assert reliability(label[:0], p[:0]).shape == (0, 4)
