"""What a customer will do: several candidates, and their blend, learned on the latest time that none of them had seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.customer import blend, learners
from ml.capabilities.customer.columns import HORIZONS
from ml.capabilities.customer.frame import Frame, Outcome, Past, frame, outcome, past
from ml.capabilities.customer.learners import Learner, Outlook
from ml.capabilities.customer.spec import HORIZON, Params
from ml.core import artifacts
from ml.core.capability import Features, Window
from ml.learn import buying, network
from ml.learn.buying import Buying, Worth

Floats = npt.NDArray[np.float64]
T = TypeVar("T", Past, Outcome)
FORMAT = 1
FEWEST, FEWEST_SOON = 30, 5
"""Customers who bought within the longest horizon (within a shorter one), and who did not, below which there is nothing to
learn from but the past."""
MOST_COUNTRIES = 12
PARTS = ("boosted", "linear", "forest", "history", "network")
YEAR = 365.0


class Value(NamedTuple):
    """What comes of each customer; arrays of shape (n_customers,), ``chances`` (n_customers, 3)."""

    chances: Floats
    orders: Floats
    spend: Floats
    left: Floats
    year_orders: Floats
    year_spend: Floats
    year_chance: Floats


class Learned(NamedTuple):
    """Rows to learn from: frames and outcomes of several times, one after the other; ``at`` in days, the latest largest."""

    frame: Frame
    out: Outcome
    at: Floats


class CustomerValue:
    """Chances, orders and money of what comes.

    Parameters
    ----------
    params : Params
    learning : bool
        False: logistic regression on how often and how lately they ordered, the gate's baseline.

    Attributes
    ----------
    buying_, worth_ : Buying, Worth
        The purchase model, of the past alone.
    countries_ : tuple of str
        Those that the models tell apart; empty unless the shop switched that on.
    learners_ : dict of str to Learner
        The candidates that are blended.
    blend_ : Blend
    """

    def __init__(self, params: Params, seed: int = 0, *, learning: bool = True) -> None:
        self.params, self.seed, self.learning = params, seed, learning

    def fit(self, features: Features) -> Self:
        """Learn from the windows before the features' time; forgets any earlier fit."""
        self._past(features)
        windows = [window for window in features.windows if len(window.features["customer"])]
        self.countries_ = _countries(windows) if self.learning and _origin(features) else ()
        self.learners_: dict[str, Learner] = {"history": learners.History(self.buying_, self.worth_)}
        self.blend_ = blend.Blend.equal(1)
        if not windows:
            return self
        held = windows[-1]
        early = [window for window in windows if window.as_of + HORIZON <= held.as_of]
        every, last = self._rows(windows), self._rows([held])
        if not _enough(every.out):
            return self
        if early and _enough((before := self._rows(early)).out):
            judged = last
        else:  # a young shop: every other customer instead of an earlier time
            odd = np.arange(len(every.at)) % 2 == 1
            before, judged = _take(every, np.flatnonzero(~odd)), _take(every, np.flatnonzero(odd))
        if not (_enough(before.out) and _enough(judged.out)):
            return self
        seen = self._learn(before)
        self.blend_ = blend.fit([each.outlook(judged.frame) for each in seen.values()], judged.out)
        self.learners_ = self._learn(every, tuple(seen))
        return self

    def value(self, customers: pa.Table) -> Value:
        """What comes of each row of the features' ``customer``."""
        rows = self.frame(customers)
        outlooks = self.outlooks(rows)
        chances = self.blend_.chances(outlooks)
        orders, spend = self.blend_.expected(outlooks)
        now = rows.past.repeats, rows.past.to_last, rows.past.to_now
        quarter, year = (self.buying_.expected(*now, days) for days in (float(HORIZONS[-1]), YEAR))
        ratio = np.clip(year / np.maximum(quarter, 1e-9), 1.0, YEAR / HORIZONS[-1])
        known = np.clip(self.buying_.chance(*now, float(HORIZONS[-1])), 1e-9, 1 - 1e-9)
        ahead = np.clip(self.buying_.chance(*now, YEAR), known, 1 - 1e-9)
        # As many times more often does somebody stay without an order, on the scale of -log(1 - chance).
        longer = np.clip(np.log1p(-ahead) / np.log1p(-known), 1.0, YEAR / HORIZONS[-1])
        within = 1 - (1 - chances[:, -1]) ** longer
        orders = np.maximum(orders, chances[:, -1])  # an expectation is no less than the chance of one
        return Value(
            chances,
            orders,
            spend,
            _left(self.buying_.alive(*now), known, chances[:, -1]),
            orders * ratio,
            spend * ratio,
            within,
        )

    def frame(self, customers: pa.Table) -> Frame:
        return frame(customers, self.buying_, self.worth_, self.countries_)

    def outlooks(self, rows: Frame) -> list[Outlook]:
        """Each candidate's answers."""
        return [each.outlook(rows) for each in self.learners_.values()]

    def _past(self, features: Mapping[str, pa.Table]) -> None:
        table = features["customer"].sort_by("customer_id")
        some = np.random.default_rng(self.seed).permutation(len(table))[: self.params.history_customers]
        before = past(table.take(pa.array(np.sort(some))))
        self.buying_ = buying.fit(before.repeats, before.to_last, before.to_now)
        self.worth_ = buying.fit_worth(before.repeats + 1, before.mean)

    def _rows(self, windows: list[Window]) -> Learned:
        frames, outs, at = [], [], []
        for window in windows:
            table = window.features["customer"].sort_by("customer_id")
            most = max(1, self.params.train_rows // len(windows))
            if len(table) > most:
                some = np.random.default_rng(self.seed).permutation(len(table))[:most]
                table = table.take(pa.array(np.sort(some)))
            frames.append(self.frame(table))
            outs.append(outcome(table, window.truth))
            at.append(np.full(len(table), window.as_of.timestamp() / 86_400))
        whole = Frame(np.concatenate([each.x for each in frames]), _joined([each.past for each in frames]))
        return Learned(whole, _joined(outs), np.concatenate(at))

    def _learn(self, rows: Learned, names: tuple[str, ...] = ()) -> dict[str, Learner]:
        """Fit the candidates that there are rows for, or those of ``names``, in the order of ``PARTS``."""
        params, seed = self.params, self.seed
        wanted = names or self._candidates(len(rows.at))
        sizes = (len(self.countries_),) if self.countries_ else ()
        fitted: dict[str, Learner] = {}
        if "boosted" in wanted:
            fitted["boosted"] = learners.Boosted.fit(rows.frame, rows.out, len(sizes), params, seed)
        if "linear" in wanted:
            # The baseline looks at recency and frequency alone; the columns stay where they are.
            given = rows.frame if self.learning else narrowed(rows.frame)
            fitted["linear"] = learners.Linear.fit(given, rows.out, sizes, params.strength if self.learning else 1.0)
        if "forest" in wanted:
            fitted["forest"] = learners.Woods.fit(rows.frame, rows.out, params, seed)
        if "history" in wanted:
            fitted["history"] = learners.History(self.buying_, self.worth_)
        if "network" in wanted:
            linear = fitted["linear"]
            assert isinstance(linear, learners.Linear)  # PARTS has it before
            fitted["network"] = learners.Network.fit(rows.frame, rows.out, linear.chances[-1], params, seed, rows.at)
        return fitted

    def _candidates(self, rows: int) -> tuple[str, ...]:
        if not self.learning:
            return ("linear",)
        return PARTS if rows >= self.params.network_least else PARTS[:-1]

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and the candidates' files; the same model gives the same bytes."""
        kept = {
            "format": FORMAT,
            "learning": self.learning,
            "members": self.params.members,
            "buying": list(self.buying_),
            "worth": list(self.worth_),
            "countries": list(self.countries_),
            "learners": list(self.learners_),
            "blend": {name: part.tolist() for name, part in self.blend_._asdict().items()},
        }
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")
        for each in self.learners_.values():
            each.save(folder)


RECENCY_FREQUENCY = (0, 1, 2)
"""Columns of the baseline: orders, days since the last and since the first."""


def narrowed(rows: Frame) -> Frame:
    """The frame with nothing but how often and how lately they ordered: every other column is unknown."""
    x = np.full_like(rows.x, np.nan)
    x[:, RECENCY_FREQUENCY] = rows.x[:, RECENCY_FREQUENCY]
    return Frame(x, rows.past)


def fit(features: Features, params: Params, seed: int) -> CustomerValue:
    """Fit the candidates and their blend."""
    return CustomerValue(params, seed).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> CustomerValue:
    """Fit logistic regression on how often and how lately they ordered."""
    return CustomerValue(params, seed, learning=False).fit(features)


def load(folder: Path) -> CustomerValue:
    """Read what :meth:`CustomerValue.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "customer", FORMAT) as kept:
        model = CustomerValue(Params(members=int(kept["members"])), learning=kept["learning"])
        model.buying_, model.worth_ = Buying(*kept["buying"]), Worth(*kept["worth"])
        model.countries_ = tuple(kept["countries"])
        model.blend_ = blend.Blend(**{name: np.array(part, np.float64) for name, part in kept["blend"].items()})
        model.learners_ = {name: _read(name, folder, model) for name in kept["learners"]}
    return model


def _read(name: str, folder: Path, model: CustomerValue) -> Learner:
    if name == "boosted":
        return learners.Boosted.read(folder, model.params.members)
    if name == "linear":
        return learners.Linear.read(folder)
    if name == "forest":
        return learners.Woods.read(folder)
    if name == "history":
        return learners.History(model.buying_, model.worth_)
    return learners.Network(learners.Linear.read(folder).chances[-1], network.load_layers(folder / "network.npz"))


def _left(alive: Floats, known: Floats, chance: Floats) -> Floats:
    """Chance to have left, after what the chance of an order told beyond the purchase model.

    Who buys has not left: of those who do not buy within 90 days, the share that has left is the purchase model's.
    """
    gone = np.clip((1 - alive) / np.maximum(1 - known, 1e-9), 0, 1)
    return gone * (1 - chance)


def _enough(out: Outcome) -> bool:
    counts = np.minimum(out.bought.sum(axis=0), (1 - out.bought).sum(axis=0))
    return bool(counts.min() >= FEWEST_SOON and counts[-1] >= FEWEST)


def _take(rows: Learned, at: npt.NDArray[np.int64]) -> Learned:
    return Learned(rows.frame.take(at), Outcome(*(part[at] for part in rows.out)), rows.at[at])


def _joined(parts: Sequence[T]) -> T:
    return type(parts[0])(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _origin(features: Mapping[str, pa.Table]) -> bool:
    setting = features.get("customer_setting")
    return setting is not None and any(setting["use_origin"].to_pylist())


def _countries(windows: list[Window]) -> tuple[str, ...]:
    """The most frequent countries at the latest time, by name."""
    counts = pc.value_counts(windows[-1].features["customer"]["country"].drop_null().combine_chunks())
    pairs = sorted(
        zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True), reverse=True
    )
    return tuple(sorted(name for _, name in pairs[:MOST_COUNTRIES]))
