"""Series: sums and columns know nothing of later periods, methods are as in their papers, intervals hold what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from ml.learn.metrics.series import bias, coverage, naive_scale, pinball, wape
from ml.learn.params import NetworkParams
from ml.learn.series import forecaster, network, training
from ml.learn.series.columns import Past
from ml.learn.series.combination import Weights, weigh
from ml.learn.series.conformal import shifts
from ml.learn.series.forecaster import Forecaster
from ml.learn.series.panel import Grouping, Panel, Sums, actual
from ml.learn.series.params import SeriesParams
from ml.learn.series.quantiles import around
from ml.learn.series.simple import METHODS
from ml.learn.trees import Trees

DAYS = tuple((day, 1) for day in range(7))
FEW = SeriesParams(trees=20, rows=4_000, origins=6)


def panel(seed: int = 3, n: int = 20, t: int = 150) -> Panel:
    """Poisson sales with weekdays."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(1, 9, n)[:, None] * np.tile([0.5, 0.5, 1, 1, 1, 1.5, 1.5], -(-t // 7))[:t]
    pieces = rng.poisson(rate).astype(np.float32)
    group = Grouping(np.zeros(n, np.int64), pieces.mean(axis=0, keepdims=True))
    return Panel(pieces, 19_000, np.full(n, pieces.mean(), np.float32), (group,))


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    """A forecaster of it."""
    return Forecaster((*DAYS, (0, 7)), FEW, 7).fit(panel())


def test_sums_are_those_of_a_loop() -> None:
    """Any stretch, also beyond the ends, with values that are not known."""
    values = np.array([[1.0, np.nan, 3.0, 4.0], [np.nan, np.nan, np.nan, 2.0]])
    sums = Sums(values)
    for start in range(-2, 5):
        for end in range(start, 6):
            part = values[:, max(start, 0) : max(end, 0)]
            assert sums.total(start, end).tolist() == np.nansum(part, axis=1).tolist()
            assert sums.count(start, end).tolist() == (~np.isnan(part)).sum(axis=1).tolist()


def test_columns_know_nothing_of_what_comes_after_the_origin() -> None:
    """What is sold from the origin on may be anything."""
    told = panel()
    later = told.pieces.copy()
    later[:, 100:] = 1e6
    groups = (told.groupings[0]._replace(mean=later.mean(axis=0, keepdims=True)),)
    other = told._replace(pieces=later, groupings=groups)
    for made, changed in zip(Past(told).seen(100, DAYS), Past(other).seen(100, DAYS), strict=True):
        np.testing.assert_array_equal(made, changed)
    for method in METHODS.values():
        a, b = (method(past, 100, DAYS, past.seen(100, DAYS)) for past in (Past(told), Past(other)))
        np.testing.assert_array_equal(a, b)


def test_a_truth_is_the_mean_of_its_span() -> None:
    """Beyond the end, and where under half of the days are known, it is not known."""
    told = panel()._replace(pieces=np.array([[1, 2, 3, 4, 5], [1, np.nan, np.nan, np.nan, 5]], np.float32))
    made = actual(told, 1, ((0, 1), (0, 3), (2, 3)))
    np.testing.assert_array_equal(made, [[2, 3, np.nan], [np.nan, np.nan, np.nan]])


def test_croston_on_a_regular_series_is_size_over_interval() -> None:
    """Six pieces every third day are two a day, with the correction of Syntetos and Boylan."""
    pieces = np.tile(np.array([0, 0, 6], np.float32), 40)[None]
    past = Past(Panel(pieces, 0, np.ones(1, np.float32)))
    seen = past.seen(120, DAYS[:1])
    assert METHODS["Croston"](past, 120, DAYS[:1], seen)[0, 0] == pytest.approx(2 * 0.95)
    assert METHODS["TSB"](past, 120, DAYS[:1], seen)[0, 0] == pytest.approx(2, rel=0.2)


def test_days_without_stock_are_no_zeros() -> None:
    """A series that was sold out on every second day is forecast like its days with stock."""
    told = panel()
    pieces = told.pieces.copy()
    pieces[0] = 8
    pieces[0, ::2] = np.nan
    past = Past(told._replace(pieces=pieces))
    seen = past.seen(150, DAYS)
    for name, method in METHODS.items():
        assert method(past, 150, DAYS, seen)[0].mean() == pytest.approx(8, rel=0.15), name


def test_shifts_give_the_stated_coverage() -> None:
    """Quantiles that are all too low are moved up until a share ``level`` of new values lies below."""
    rng = np.random.default_rng(5)
    levels = (0.1, 0.5, 0.9)
    where = rng.integers(0, 2, 4_000)
    y = rng.gamma(2, 1, 8_000) * np.tile(1 + where, 2)
    wrong = np.tile([0.0, 0.3, 0.6], (4_000, 1))
    learned = shifts(y[:4_000], wrong, levels, where, 2)
    moved = learned.moved(wrong, where)
    for side in (0, 1):
        below = (y[4_000:, None] <= moved)[where == side].mean(axis=0)
        np.testing.assert_allclose(below, levels, atol=0.03)


def test_weights_prefer_the_method_that_was_right() -> None:
    """Series by series: the first method is right for one half, the second for the other."""
    rng = np.random.default_rng(1)
    truth = rng.poisson(20, (2, 40, 7)).astype(float)
    level = np.full(40, 20.0)
    right = np.arange(40) < 20
    means = np.stack([np.where(right, 20.0, 40.0), np.where(right, 40.0, 20.0)])[:, :, None].repeat(7, axis=2)
    weights = weigh([(y, means, level) for y in truth])
    assert (weights.series[right, 0] > 0.6).all()
    assert (weights.series[~right, 1] > 0.6).all()
    np.testing.assert_allclose(weights.series.sum(axis=1), 1)


def test_a_forecast_is_in_order_and_of_the_right_size(fitted: Forecaster) -> None:
    """Quantiles rise, none is below 0, the total is met within a tenth and the interval holds about what it says."""
    told = panel(t=157)
    cut = told._replace(pieces=told.pieces[:, :150], groupings=panel().groupings)
    made, truth = fitted.predict(Past(cut), 150), actual(told, 150, fitted.spans)
    assert (np.diff(made.quantiles, axis=2) >= 0).all()
    assert made.quantiles.min() >= 0
    assert abs(bias(truth, made.mean)) < 0.1
    assert 0.6 < coverage(truth, made.quantiles[:, :, 1], made.quantiles[:, :, 5]) <= 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_quantiles_hold_their_mean_between_them(seed: int) -> None:
    """Whatever the shifts made of them: they rise, and but for single periods of rare demand the mean is inside."""
    rng = np.random.default_rng(seed)
    mean = rng.gamma(0.5, 2, (40, 2)) * (rng.random((40, 2)) < 0.9)
    quantiles = np.sort(rng.gamma(0.5, 2, (40, 2, 5)) * (rng.random((40, 2, 5)) < 0.6), axis=2)
    levels = (0.05, 0.1, 0.5, 0.9, 0.95)
    made = around(mean, quantiles, levels, np.array([False, True]))
    assert (np.diff(made, axis=2) >= 0).all()
    rare = quantiles[:, :, 2] < mean / 4
    inside = (made[:, :, 0] <= mean) & (mean <= made[:, :, -1])
    assert inside[:, 1].all()
    assert inside[~rare].all()
    assert ((made[:, :, 1] <= mean) & (mean <= made[:, :, 3]))[~rare].all()
    np.testing.assert_array_equal(made[rare & [True, False]], quantiles[rare & [True, False]])


def test_a_saved_forecaster_forecasts_the_same(fitted: Forecaster, tmp_path: Path) -> None:
    """Files hold everything."""
    fitted.save(tmp_path)
    past = Past(panel())
    for made, again in zip(fitted.predict(past, 150), Forecaster.load(tmp_path).predict(past, 150), strict=True):
        np.testing.assert_array_equal(made, again)


def test_a_network_sees_what_windows_hide() -> None:
    """What sells depends on a peak exactly three days ago: after training the forecast is low then, and high else."""
    rng = np.random.default_rng(9)
    peaks = rng.random((80, 140)) < 0.12
    pieces = (rng.poisson(np.where(np.roll(peaks, 3, axis=1), 2, 20)) + 60 * peaks).astype(np.float32)
    past, spans = Past(Panel(pieces, 19_000, np.full(80, 20, np.float32))), ((0, 1), (1, 1))
    given = NetworkParams(epochs=6, patience=6, batch=64, rate=0.01, dropout=0.0, seconds=300.0, held_share=0.0)
    net = network.learn(past, range(60, 138, 3), spans, 140, (0.1, 0.5, 0.9), given, 10_000, 7)
    assert net is not None
    mean, quantiles = net.predict(past, 139, past.seen(139, spans), spans, 3)
    assert (np.diff(quantiles, axis=2) >= 0).all()
    after = peaks[:, 136]
    assert quantiles[after, 0, 1].mean() < 0.6 * quantiles[~after, 0, 1].mean()
    assert mean[after, 0].mean() < 0.8 * mean[~after, 0].mean()


def test_a_network_counts_by_its_past_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that errs is dropped; one that knows what comes counts, and is read back as it was."""
    told, with_it = panel(n=40), replace(FEW, network_seconds=1.0, network_series=10)
    width = network.columns(Past(told), 100, DAYS, Past(told).seen(100, DAYS), DAYS).shape[1]

    def made(bias: float) -> network.SpanNetwork:
        layer = (np.zeros((width, 7 * 4), np.float32), np.full(7 * 4, bias, np.float32))
        return network.SpanNetwork([layer], np.zeros(width, np.float32), np.ones(width, np.float32), DAYS)

    monkeypatch.setattr(training, "learn", lambda *_: made(9.0))
    assert Forecaster(DAYS, with_it, 7).fit(told).network_ is None
    monkeypatch.setattr(training, "learn", lambda *_: made(-0.5))
    monkeypatch.setattr(forecaster, "grow", lambda *_: [trees_of(3.0)] * (1 + len(with_it.grown)))
    fitted = Forecaster(DAYS, with_it, 7).fit(told)
    assert fitted.network_ is not None
    assert fitted.quantile_weights_.usual[1] > 0.5
    fitted.save(tmp_path)
    past = Past(told)
    for one, again in zip(fitted.predict(past, 150), Forecaster.load(tmp_path).predict(past, 150), strict=True):
        np.testing.assert_array_equal(one, again)


def test_intervals_of_rare_demand_include_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products with mostly empty days: a network's quantiles lie above 0, those of the forecast must not (car parts)."""
    rng = np.random.default_rng(6)
    rare = panel(n=60)._replace(pieces=rng.poisson(0.06, (60, 150)).astype(np.float32))
    width = network.columns(Past(rare), 100, DAYS, Past(rare).seen(100, DAYS), DAYS).shape[1]
    layer = (rng.normal(0, 0.2, (width, 7 * 4)).astype(np.float32), np.zeros(7 * 4, np.float32))
    net = network.SpanNetwork([layer], np.zeros(width, np.float32), np.ones(width, np.float32), DAYS)
    monkeypatch.setattr(training, "learn", lambda *_: net)
    monkeypatch.setattr(forecaster, "weigh", lambda tests, *_: halves(len(tests[0][0]), len(tests[0][1])))
    fitted = Forecaster(DAYS, replace(FEW, network_seconds=1.0, network_series=10), 7).fit(rare)
    assert fitted.network_ is not None
    assert (network.SpanNetwork.predict(net, Past(rare), 150, Past(rare).seen(150, DAYS), DAYS, 3)[1] > 0).all()
    low = fitted.predict(Past(rare), 150).quantiles[:, :, [fitted.params.levels.index(q) for q in (0.05, 0.1, 0.5)]]
    assert (low == 0).mean() > 0.99


def halves(n_series: int, n_methods: int) -> Weights:
    """The first method and the last count alike."""
    usual = np.zeros(n_methods)
    usual[[0, -1]] = 0.5
    return Weights(np.tile(usual, (n_series, 1)), usual)


def trees_of(value: float) -> Trees:
    """A tree that always says ``value``."""
    whole, off = np.array([0], np.int32), np.zeros(1, bool)
    leaf = np.array([-1], np.int32)
    return Trees(whole, leaf, leaf, leaf, np.zeros(1), np.array([value]), off, off)


def test_metrics_are_those_of_their_definition() -> None:
    """Pinball beside scikit-learn, the others by hand."""
    rng = np.random.default_rng(2)
    y, f = rng.poisson(4, 50).astype(float), rng.uniform(0, 8, 50)
    assert pinball(y, f, 0.9).mean() == pytest.approx(mean_pinball_loss(y, f, alpha=0.9))
    assert wape(np.array([1.0, 3.0]), np.array([2.0, 2.0])) == 0.5
    assert bias(np.array([1.0, 3.0, np.nan]), np.array([2.0, 4.0, 9.0])) == 0.5
    assert naive_scale(np.array([[0.0, 0, 2, 4, 3]])).tolist() == [1.5]
