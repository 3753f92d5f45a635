"""The candidates: each learns chances, orders and money of the next 90 days from the same rows, in its own way.

``boosted``: LightGBM, binary for each chance, Poisson for orders, Tweedie for money. ``linear``: logistic regressions on a
log scale, and money in two parts (the chance times a log-normal regression among those who bought). ``forest``: a random
forest of all answers at once. ``history``: BG/NBD and Gamma-Gamma, which learn from the past alone. ``network``: one
network with a head per answer and a zero-inflated log-normal for money (Wang, Liu & Miao 2019), so that what it learns of
customers is shared between the answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ml.capabilities.customer.columns import HORIZONS
from ml.capabilities.customer.frame import Frame, Outcome
from ml.capabilities.customer.spec import Params
from ml.kernels.rows import product
from ml.learn import boosters, forest, network
from ml.learn.buying import Buying, Worth
from ml.learn.logistic import Logistic

Floats = npt.NDArray[np.float64]
_ROUNDED = 1e-4
_MOST = 12.0
"""Logarithms of expected money beyond what the training saw are cut: nobody is expected to spend a million times as much."""


class Outlook(NamedTuple):
    """Log-odds of an order within each horizon, shape (n, 3); expected orders and money, shape (n,)."""

    log_odds: Floats
    orders: Floats
    spend: Floats


class Learner(Protocol):
    """A fitted candidate."""

    def outlook(self, frame: Frame) -> Outlook: ...

    def save(self, folder: Path) -> None: ...


class Boosted:
    """See the module."""

    def __init__(self, chances: list[boosters.Boosters], orders: boosters.Boosters, spend: boosters.Boosters) -> None:
        self.chances, self.orders, self.spend = chances, orders, spend

    @classmethod
    def fit(cls, frame: Frame, out: Outcome, texts: int, params: Params, seed: int) -> Boosted:
        chances = [boosters.boost(frame.x, y.astype(np.int8), texts, params, seed) for y in out.bought.T]
        spend = out.spend if out.spend.any() else np.full(len(out.spend), _ROUNDED)  # LightGBM refuses a sum of 0
        fitted = [
            boosters.boost(frame.x, y, texts, params, seed, objective=objective)
            for y, objective in ((out.orders, "poisson"), (spend, "tweedie"))
        ]
        return cls(chances, fitted[0], fitted[1])

    def outlook(self, frame: Frame) -> Outlook:
        chances = np.stack([each.log_odds(frame.x) for each in self.chances], axis=1)
        return Outlook(chances, _mean(self.orders.log_odds(frame.x)), _mean(self.spend.log_odds(frame.x)))

    def save(self, folder: Path) -> None:
        for name, each in self._named():
            each.save(folder, name)

    def _named(self) -> list[tuple[str, boosters.Boosters]]:
        return [
            *zip((f"chance{h}" for h in HORIZONS), self.chances, strict=True),
            ("orders", self.orders),
            ("spend", self.spend),
        ]

    @classmethod
    def read(cls, folder: Path, members: int) -> Boosted:
        names = [*(f"chance{h}" for h in HORIZONS), "orders", "spend"]
        *chances, orders, spend = [boosters.read(folder, members, name) for name in names]
        return cls(chances, orders, spend)


class Linear:
    """See the module; ``value`` holds the weights of log orders and of log money among those who bought, and its deviation."""

    def __init__(self, chances: list[Logistic], value: Floats, deviation: float) -> None:
        self.chances, self.value, self.deviation = chances, value, deviation

    @classmethod
    def fit(cls, frame: Frame, out: Outcome, sizes: tuple[int, ...], strength: float) -> Linear:
        numbers = frame.x.shape[1] - len(sizes)
        chances = [Logistic(numbers, sizes, strength).fit(frame.x, y.astype(np.int8)) for y in out.bought.T]
        buyers = out.bought[:, -1] > 0
        design = _beside_one(chances[-1].design(frame.x[buyers]))
        answers = np.stack([np.log(np.maximum(out.orders[buyers], 1)), np.log1p(out.spend[buyers])], axis=1)
        ridge = 5.0 * np.eye(design.shape[1])
        ridge[-1, -1] = 0.0
        value = np.linalg.solve(design.T @ design + ridge, design.T @ answers)
        rest = answers - design @ value
        # The mean of exp(rest) puts the scale right where the rest is no normal one (Duan's smearing, JASA 1983).
        value[-1] += np.log(np.exp(np.clip(rest, -_MOST, _MOST)).mean(axis=0))
        return cls(chances, value, float(rest[:, 1].std()))

    def outlook(self, frame: Frame) -> Outlook:
        odds = np.stack([each.log_odds(frame.x) for each in self.chances], axis=1)
        value = _mean(product(_beside_one(self.chances[-1].design(frame.x)), self.value))
        chance = 1 / (1 + np.exp(-odds[:, -1]))
        return Outlook(odds, chance * value[:, 0], chance * np.maximum(value[:, 1] - 1, 0))

    def save(self, folder: Path) -> None:
        state: dict[str, Any] = {
            f"{name}{i}": a for i, each in enumerate(self.chances) for name, a in each.state().items()
        }
        sizes = np.array(self.chances[0].sizes, np.int64)
        np.savez(
            folder / "linear.npz",
            value=self.value,
            deviation=self.deviation,
            numbers=self.chances[0].numbers,
            sizes=sizes,
            **state,
        )

    @classmethod
    def read(cls, folder: Path) -> Linear:
        with np.load(folder / "linear.npz", allow_pickle=False) as kept:
            sizes = tuple(int(size) for size in kept["sizes"])
            chances = [
                Logistic(int(kept["numbers"]), sizes).take({n: kept[f"{n}{i}"] for n in ("coef", "mean", "deviation")})
                for i in range(len(HORIZONS))
            ]
            return cls(chances, kept["value"], float(kept["deviation"]))


class Woods:
    """See the module."""

    def __init__(self, grown: forest.Forest) -> None:
        self.grown = grown

    @classmethod
    def fit(cls, frame: Frame, out: Outcome, params: Params, seed: int) -> Woods:
        answers = np.column_stack([out.bought, out.orders, np.log1p(out.spend), out.spend])
        return cls(forest.grow(frame.x, answers, params.forest_trees, seed))

    def outlook(self, frame: Frame) -> Outlook:
        predicted = self.grown.predict(frame.x)
        return Outlook(
            _logit(predicted[:, : len(HORIZONS)]), np.maximum(predicted[:, 3], 0), np.maximum(predicted[:, 5], 0)
        )

    def save(self, folder: Path) -> None:
        self.grown.save(folder)

    @classmethod
    def read(cls, folder: Path) -> Woods:
        return cls(forest.read(folder))


class History:
    """See the module."""

    def __init__(self, buying: Buying, worth: Worth) -> None:
        self.buying, self.worth = buying, worth

    def outlook(self, frame: Frame) -> Outlook:
        before = frame.past
        now = before.repeats, before.to_last, before.to_now
        chance = np.stack([self.buying.chance(*now, float(days)) for days in HORIZONS], axis=1)
        orders = self.buying.expected(*now, float(HORIZONS[-1]))
        return Outlook(_logit(chance), orders, orders * self.worth.mean(before.repeats + 1, before.mean))

    def save(self, folder: Path) -> None:
        """Its parameters stand in the model's own file."""


class Network:
    """See the module; ``scale`` standardises what it is given."""

    def __init__(self, scale: Logistic, layers: list[network.Layer]) -> None:
        self.scale, self.layers = scale, layers

    @classmethod
    def fit(cls, frame: Frame, out: Outcome, scale: Logistic, params: Params, seed: int, at: Any) -> Network:
        keras = network.begin(seed)
        x = scale.design(frame.x).astype(np.float32)
        y = np.column_stack([out.bought, out.orders, out.spend]).astype(np.float32)
        model = network.dense(keras, x.shape[1], tuple(params.hidden), 6, params, seed)
        network.train(model, x, y, _loss, params, seed, at=at)
        return cls(scale, network.layers_of(model))

    def outlook(self, frame: Frame) -> Outlook:
        outputs = network.forward(self.layers, self.scale.design(frame.x).astype(np.float32)).astype(np.float64)
        odds, chance = outputs[:, :3], 1 / (1 + np.exp(-outputs[:, 2]))
        deviation = np.minimum(np.logaddexp(0, outputs[:, 4]) + 0.05, 2.0)
        return Outlook(odds, _mean(outputs[:, 5]), chance * _mean(outputs[:, 3] + deviation**2 / 2))

    def save(self, folder: Path) -> None:
        network.save_layers(self.layers, folder / "network.npz")


def _loss(y: Any, outputs: Any) -> Any:
    """Of each row: log loss of the chances, minus the log-normal likelihood of the money of buyers, Poisson of the orders."""
    from keras import ops

    bought, orders, spend = y[:, :3], y[:, 3], y[:, 4]
    odds, middle, rate = outputs[:, :3], outputs[:, 3], ops.clip(outputs[:, 5], -_MOST, _MOST)
    deviation = ops.softplus(outputs[:, 4]) + 0.05
    chance = ops.sum(ops.softplus(odds) - bought * odds, axis=1)
    paid = ops.cast(spend > 0, "float32")
    rest = (ops.log(ops.maximum(spend, 0.01)) - middle) / deviation
    return chance + paid * (0.5 * rest**2 + ops.log(deviation)) + 0.3 * (ops.exp(rate) - orders * rate)


def _mean(log: Floats) -> Floats:
    return np.exp(np.clip(log, -_MOST, _MOST))


def _logit(chance: Floats) -> Floats:
    p = np.clip(chance, _ROUNDED, 1 - _ROUNDED)
    return np.log(p / (1 - p))


def _beside_one(design: Floats) -> Floats:
    return np.column_stack([design, np.ones(len(design))])
