"""The model, its reasons and its slices, on the sample."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.risk import reasons
from ml.capabilities.risk.columns import ENCODED, NUMBERS, UNUSUAL
from ml.capabilities.risk.evaluate import evaluate
from ml.capabilities.risk.model import RiskModel, fit, fit_baseline, load
from ml.capabilities.risk.reasons import Usual
from ml.capabilities.risk.slices import masks
from ml.capabilities.risk.spec import SPEC
from ml.core.errors import ArtifactError
from ml.core.gate import Decision, stopped
from ml.learn import slices
from ml.learn.metrics.binary import roc_auc
from tests.contract.cases import SEED, Case

CASE = Case(SPEC)
PARAMS = replace(SPEC.params, trees=60)


@cache
def _model() -> RiskModel:
    return fit(CASE.known, PARAMS, SEED)


def _log_odds(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("boosted", [True, False])
def test_contributions_add_up_to_the_log_odds(boosted: bool, members: int) -> None:
    """What each column adds, and the rest, are exactly the calibrated probability."""
    model = RiskModel(replace(PARAMS, members=members), SEED, boosted=boosted).fit(CASE.known)
    parts = model.contributions(CASE.truth)
    assert parts.shape == (len(CASE.truth), len(model.columns_) + 1)
    np.testing.assert_allclose(parts.sum(axis=1), _log_odds(model.predict(CASE.truth)), atol=1e-5)


def test_only_the_youngest_orders_are_learned_from() -> None:
    """With a limit the trees are those of the youngest labelled rows; rates of entities still know all of them."""
    labelled = int(pc.sum(pc.and_(CASE.known["order"]["settled"], pc.is_valid(CASE.known["order"]["label"]))).as_py())
    few, every = (RiskModel(replace(PARAMS, train_orders=n), SEED).fit(CASE.known) for n in (labelled // 2, labelled))
    assert (few.good_, few.bad_) == (every.good_, every.bad_)
    for ours, theirs in zip(few.inputs_.encoder.state().values(), every.inputs_.encoder.state().values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.allclose(few.predict(CASE.truth), every.predict(CASE.truth))
    np.testing.assert_array_equal(every.predict(CASE.truth), _model().predict(CASE.truth))


def test_shuffled_labels_give_chance() -> None:
    """With labels dealt anew the model ranks the later orders no better than by lot."""
    order = CASE.known["order"]
    known = np.flatnonzero(pc.is_valid(order["label"]).to_numpy())
    label = order["label"].to_numpy().copy()
    found = []
    for seed in range(3):
        label[known] = np.random.default_rng(seed).permutation(label[known])
        dealt = pa.array(label, pa.int8(), from_pandas=True)
        at = order.schema.get_field_index("label")
        model = fit({**CASE.known, "order": order.set_column(at, "label", dealt)}, PARAMS, SEED)
        found.append(roc_auc(CASE.truth["label"].to_numpy(), model.predict(CASE.truth)))
    assert abs(np.mean(found) - 0.5) < 0.12
    assert roc_auc(CASE.truth["label"].to_numpy(), _model().predict(CASE.truth)) > 0.8


def test_heavier_frauds_keep_the_probabilities_true() -> None:
    """A weight on the frauds moves the boosters' log-odds; the calibration takes it out again."""
    heavy = fit(CASE.known, replace(PARAMS, fraud_weight=8.0), SEED)
    mean = [model.predict(CASE.truth).mean() for model in (_model(), heavy)]
    assert mean[1] == pytest.approx(mean[0], abs=0.05)
    raw = 1 / (1 + np.exp(-heavy.core_.log_odds(heavy.matrix(CASE.truth))))
    assert raw.mean() > mean[1]


def test_a_model_is_files_of_text_and_arrays(tmp_path: Path) -> None:
    """Nothing in them is an object that loading would run; a file cut short is an error that says what to do."""
    _model().save(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".npz", ".txt"]
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)
    np.testing.assert_array_equal(load(tmp_path).predict(CASE.truth), _model().predict(CASE.truth))
    (tmp_path / "booster_0.txt").write_text("tree", encoding="utf-8")
    with pytest.raises(ArtifactError, match="cannot be read"):
        load(tmp_path)


def test_encoded_rates_in_training_hold_no_later_label() -> None:
    """Turning the labels of the later half leaves what the rows of the earlier half see, and so does their own."""
    order = CASE.known["order"].sort_by("order_no")
    rows = order.filter(pc.and_(order["settled"], pc.is_valid(order["label"])))
    label = rows["label"].to_numpy().astype(np.int8)
    half = len(label) // 2
    turned = np.concatenate([label[:half], 1 - label[half:]])
    encoder = _model().inputs_.encoder
    ours, other = (type(encoder)(20.0, encoder.columns).fit(rows, y, 45 * 86_400)[:half] for y in (label, turned))
    np.testing.assert_array_equal(ours, other)
    assert ours.shape == (half, 2 * len(ENCODED))


def _words(**columns: list[Any]) -> list[str]:
    order = pa.table({n: pa.array(v) for n, v in columns.items()})
    contributions = np.tile(np.arange(len(columns), 0, -1.0), (len(order), 1))
    return reasons.words(
        order, contributions, Usual(tuple(columns), {"device_orders_1h": 1.0, "total": 80.0})
    ).to_pylist()


def test_reasons_by_hand() -> None:
    """The value in words, what is usual, in the order of what it added; what is not known is said."""
    assert _words(
        device_orders_1h=[5, None], countries_differ=[1.0, 0.0], payment=["card", ""], total=[350.0, 1e12]
    ) == [
        "5 orders from this device in 1 hour (usual 1); shipping and billing country differ; payment method: card",
        "orders from this device in 1 hour unknown; not shipping and billing country differ; payment method: unknown",
    ]


def test_reasons_name_only_what_raises_the_risk() -> None:
    """Of contributions below zero none is told, and never more than three."""
    names = tuple(NUMBERS)[:5]
    order = pa.table({name: [1.0, 1.0] for name in names})
    texts = reasons.words(order, np.array([[-1.0] * 5, [0.3, 0.2, -0.5, 0.4, 0.1]]), Usual(names, {}))
    assert texts[0].as_py() == reasons.NOTHING
    assert [part.split(" 1")[0].split("1 ")[-1] for part in texts[1].as_py().split("; ")] == [
        NUMBERS[names[3]],
        NUMBERS[names[0]],
        NUMBERS[names[1]],
    ]


def test_times_are_told_on_the_shops_clock() -> None:
    """The hour and the day are those of the shop's time zone; a log ratio is told as the ratio."""
    order = pa.table({"hour": [23.65], "weekday": [2.0], "customer_value": [1.0986], "at": [1_767_224_340]})
    contributions = np.array([[3.0, 2.0, 1.0]])
    texts = reasons.words(
        order, contributions, Usual(order.column_names[:3], {"hour": 14.9}, "Europe/Paris")
    ).to_pylist()
    assert texts == ["ordered at 00:39 (usual 15:54); ordered on a Thursday; order value 3 times the customer's usual"]


def test_without_labels_only_more_than_usual_is_told() -> None:
    """A shop that knows no frauds is told what exceeds the usual, and never that somebody has bought for years."""
    assert not [name for name in UNUSUAL if name.endswith(("_orders", "orders_90d"))]
    rows = CASE.tables["order_outcome"].slice(0, 0)
    known = CASE.build({**CASE.tables, "order_outcome": rows}, CASE.as_of)
    texts = CASE.score(CASE.fit(known), known)["order_risk"]["reason"].to_pylist()
    facts = [part for reason in texts for part in reason.split("; ") if "(usual " in part]
    assert facts
    for part in facts:
        value, usual = (float(number.replace(",", "")) for number in re.findall(r"(?:^|usual )([\d.,]+)", part))
        assert value > usual, part


def _orders(n: int) -> pa.Table:
    return pa.table(
        {
            "shipping_country": ["DE", "FR"] * (n // 2),
            "payment": ["card"] * n,
            "customer_orders": pa.array([None, 1] * (n // 2), pa.int32()),
        }
    )


def test_a_country_held_far_more_often_is_flagged() -> None:
    """Where all the false alarms fall on one of two countries it is flagged; where they are even none is."""
    rng = np.random.default_rng(2)
    label, p = (rng.random(4000) < 0.02).astype(int), rng.random(4000)
    even = {one.name: one.flagged for one in slices.slices(masks(_orders(4000)), label, p)}
    assert not any(even.values())
    assert set(even) == {"country/DE", "country/FR", "payment/card", "customer/new", "customer/old"}
    odd = {
        one.name: one.flagged
        for one in slices.slices(masks(_orders(4000)), label, np.where(np.arange(4000) % 2, p, p / 2))
    }
    assert odd["country/FR"]
    assert not odd["country/DE"]


def test_a_slice_that_a_model_fails_stops_its_promotion() -> None:
    """Better on average and worse for every second order: named, and the gate's promote becomes a refusal."""
    gap = np.where(np.arange(4000) % 2, -0.1, 0.5) + np.random.default_rng(3).normal(0, 0.2, 4000)
    label = np.arange(4000) % 20 < 2
    found = slices.worse(masks(_orders(4000)), label, gap, np.zeros(4000))
    assert [text.split(":")[0] for text in found] == ["country/FR", "customer/old"]
    passed = Decision("promote", "it beats logistic regression", {}, 4000)
    assert stopped(passed, found, served=True).outcome == "refuse"
    assert stopped(passed, found, served=False).outcome == "baseline"
    assert "country/FR" in stopped(passed, found, served=True).why
    assert stopped(passed, [], served=True) is passed
    assert not slices.worse(masks(_orders(4000)), label, np.abs(gap), np.zeros(4000))
    assert not slices.worse(masks(_orders(4000)), np.zeros(4000), gap, np.zeros(4000)), (
        "a slice without frauds says nothing"
    )


def test_evaluation_tells_the_money() -> None:
    """The saving is the sum over the orders, no more than the frauds cost; allowing all saves nothing."""
    models = {"challenger": _model(), SPEC.gate.baseline: fit_baseline(CASE.known, PARAMS, SEED)}
    evaluation = evaluate(models, CASE.known, CASE.truth, PARAMS)["challenger"]
    assert 0 < evaluation.metrics["saving_share"] <= 1
    assert evaluation.metrics["reviews_per_day"] <= 2 * PARAMS.reviews_per_day
    assert evaluation.reliability.shape == (10, 4)
    assert evaluation.stops == ()


def test_the_anomaly_score_is_the_rank_of_what_its_columns_add_up_to() -> None:
    """The kernel's sums are those of the contributions; nulls add nothing, and more of everything is more unusual."""
    anomaly, order = _model().anomaly_, CASE.truth
    parts, score = anomaly.contributions(order), anomaly.score(order)
    assert (parts >= 0).all()
    at = np.argsort(parts.sum(axis=1), kind="stable")
    assert (np.diff(score[at]) >= 0).all()
    for j, name in enumerate(UNUSUAL):
        assert not parts[pc.is_null(order[name]).to_numpy(), j].any()
    known = roc_auc(order["label"].to_numpy(), score)
    assert known > 0.6
