"""A policy that is learned: a small network sets each day's target, trained by the gradient of cost through the simulator.

Direct policy search (Madeka et al., "Deep inventory management", 2022): the simulator of :mod:`.simulator` is written once
more in TensorFlow, where holding and lost sales have a gradient. It is trained on the shop's own demand and lead times,
days out of stock left out as they are in the forecast, and scored in numpy. It begins as the base stock of the quantile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.learn import network
from ml.learn.inventory.policy import Policy, Replay, Verdict, levels, saving
from ml.learn.inventory.simulator import Rule
from ml.learn.network import Layer
from ml.learn.params import NetworkParams

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

_HIDDEN = (24, 12)
_FIXED, _COLUMNS = 5, 7
_REACH = 0.7
"""A target moves by a factor of at most e to this power, down or up."""
_TINY = 1e-3


class LearnedPolicy(NamedTuple):
    """Dense layers: what is known of a product in, how far to move median and spread out."""

    layers: list[Layer]

    def target(self, fixed: Floats, middle: Floats, upper: Floats, there: Floats, coming: Floats) -> Floats:
        """Stock and orders together should be as many, (n,).

        Parameters
        ----------
        fixed : ndarray of shape (n, 5)
            See :func:`columns`.
        there, coming : ndarray of shape (n,)
            In stock, and on its way.
        """
        unit = upper + _TINY
        state = np.clip(np.stack([there / unit, coming / unit], axis=1) - 1, -3, 3)
        out = network.forward(self.layers, np.concatenate([fixed, state], axis=1).astype(np.float32))
        a, b = np.exp(_REACH * np.tanh(out.astype(np.float64))).T
        return np.asarray(np.maximum(a * middle + b * (upper - middle), 0))

    def rule(self, replay: Replay) -> Rule:
        """The policy as the simulator asks it, day by day."""
        known = [columns(replay, day) for day in range(replay.demand.shape[1])]

        def of(day: int, there: Floats, coming: Floats) -> Floats:
            return self.target(known[day], replay.middle[:, day], replay.upper[:, day], there, coming)

        return of


def columns(replay: Replay, day: int) -> Floats:
    """What does not depend on the stock: forecast's shape and size, costs, lead time, review; shape (n, 5), about -3 to 3."""
    middle, upper = replay.middle[:, day], replay.upper[:, day]
    days = replay.lead_days + replay.review_days
    odds = np.log(np.maximum(replay.penalty, 1e-9) / np.maximum(replay.holding * replay.review_days, 1e-9))
    made = [
        middle / (upper + _TINY) - 0.5,
        np.log(upper + 0.1) / 3,
        (odds - 2) / 2,
        np.log(days) - 2,
        np.full(len(middle), np.log(replay.review_days) - 1),
    ]
    return np.asarray(np.clip(np.stack(made, axis=1), -3, 3), np.float64)


def learn(replays: Sequence[Replay], params: NetworkParams, seed: int) -> LearnedPolicy:
    """Train on all of ``replays``; the number of epochs is chosen on the newest of them.

    The loss is money: a product counts as much as it costs.
    """
    keras = network.begin(seed)
    net = network.dense(keras, _COLUMNS, _HIDDEN, 2, params, seed)
    longest = int(max(each.lead_days.max() for each in replays))
    model = course(keras, net, replays[0].review_days, longest, replays[0].demand.shape[1])
    parts = [_given(each, longest) for each in replays]
    inputs = [np.concatenate(each) for each in zip(*parts, strict=True)]
    at = np.repeat(np.arange(len(replays)), [len(each.demand) for each in replays])

    def cost(true: Any, given: Any) -> Any:  # noqa: ARG001 (Keras hands both)
        return given[:, 0]

    network.train(model, inputs, np.zeros((len(at), 1), np.float32), cost, params, seed, at=at)
    return LearnedPolicy(network.layers_of(net))


def try_out(
    replays: Sequence[Replay], classical: Policy, params: NetworkParams, seed: int
) -> tuple[LearnedPolicy | None, Verdict]:
    """Learn on all replays but the newest, judge on that beside the best classical policy; None unless it costs less.

    One that serves has seen all replays but the newest. It is not taught what placing an order costs, but is judged by it.
    """
    policy = learn(replays[:-1], params, seed)
    newest = replays[-1]
    verdict = saving(newest, policy.rule(newest), levels(newest, classical), seed)
    return (policy if verdict.serves else None), verdict


def _given(replay: Replay, longest: int) -> list[npt.NDArray[np.float32]]:
    """Inputs of :func:`course`; money as multiples of a product's usual margin."""
    days = replay.demand.shape[1]
    fixed = np.stack([columns(replay, day) for day in range(days)], axis=1)
    arrives = np.eye(longest)[replay.lead_days - 1]
    unit = float(np.mean(replay.penalty * replay.demand.sum(axis=1))) + 1e-9
    money = np.stack([replay.holding, replay.penalty], axis=1) / unit
    made = (fixed, np.stack([replay.demand, replay.middle, replay.upper], axis=2), arrives, money)
    return [each.astype(np.float32) for each in made]


def course(keras: Any, net: Any, review_days: int, longest: int, days: int) -> Any:
    """:func:`ml.learn.inventory.simulator.simulate` as a Keras model: what is given in, cost of each product out (n, 1)."""
    import tensorflow as tf

    class Course(keras.layers.Layer):  # type: ignore[misc]
        """Lost sales, day by day; the first target is in stock on the first morning."""

        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def call(self, given: Any, training: bool = False) -> Any:
            fixed, course, arrives, money = given

            def pass_day(day: Any, stock: Any, due: Any, cost: Any) -> Any:
                demand, middle, upper = (course[:, day, j] for j in range(3))
                stock += due[:, 0]
                due = tf.concat([due[:, 1:], tf.zeros_like(due[:, :1])], axis=1)
                coming = tf.reduce_sum(due, axis=1)
                unit = upper + _TINY
                state = tf.clip_by_value(tf.stack([stock / unit, coming / unit], axis=1) - 1, -3.0, 3.0)
                factor = tf.exp(
                    _REACH * tf.tanh(self.net(tf.concat([fixed[:, day], state], axis=1), training=training))
                )
                target = factor[:, 0] * middle + factor[:, 1] * (upper - middle)
                looks = tf.cast(day % review_days == 0, tf.float32)
                due += looks * tf.nn.relu(target - stock - coming)[:, None] * arrives
                sold = tf.minimum(stock, demand)
                stock -= sold
                return day + 1, stock, due, cost + stock * money[:, 0] + (demand - sold) * money[:, 1]

            begin = (0, course[:, 0, 2], tf.zeros_like(arrives), tf.zeros_like(course[:, 0, 0]))
            return tf.while_loop(lambda day, *_: day < days, pass_day, begin, maximum_iterations=days)[3][:, None]

    shapes = ((days, _FIXED), (days, 3), (longest,), (2,))
    given = [keras.Input(shape) for shape in shapes]
    return keras.Model(given, Course()(given))
