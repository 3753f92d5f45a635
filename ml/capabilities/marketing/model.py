"""What each action changes, by customer, as far as a trial with a control group can tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.marketing.config import CONTROL
from ml.capabilities.marketing.features import NUMBERS
from ml.capabilities.marketing.spec import Params
from ml.core import artifacts
from ml.core.capability import Features
from ml.learn import uplift
from ml.learn.uplift import Line, Ridge, Uplift

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
FORMAT = 1
Z80 = 1.2816
"""Half the width of an interval that four of five fall into, in standard errors."""
MOST_VALUE = 100.0
"""A customer's value of an order is cut at so many times the shop's: one wholesale order is not everybody's next."""


class Trial(NamedTuple):
    """Messages of one arm, and the control of the same campaigns."""

    x: Matrix
    treated: npt.NDArray[np.bool_]
    chance: Floats
    visited: Floats
    ordered: Floats
    campaign: npt.NDArray[np.int64]


class Arm(NamedTuple):
    """What one arm was found to change.

    Parameters
    ----------
    name : str
        Of the learner.
    fitted : Uplift
    line : Line
        Its calibration on what it had not seen.
    without : Ridge
        Chance of the outcome when nothing is sent.
    ordering : Ridge
        Orders when nothing is sent.
    per_visit, per_visit_error : float
        Orders more of who comes than of who does not (1 where the outcome is the order itself).
    """

    name: str
    fitted: Uplift
    line: Line
    without: Ridge
    ordering: Ridge
    per_visit: float
    per_visit_error: float

    @property
    def usual(self) -> float:
        """Orders of the mean customer when nothing is sent."""
        return float(self.ordering.weights[-1])


class Effect(NamedTuple):
    """Of an action, for each customer: uplift of visits (NaN: not looked at) and orders, its error, and orders without it."""

    visits: Floats
    orders: Floats
    error: Floats
    anyway: Floats


class Marketing:
    """Uplift by arm.

    Parameters
    ----------
    params : Params
    learning : bool
        False: everybody gets the mean uplift of the arm; the gate's baseline.

    Attributes
    ----------
    outcome_ : str
        ``visited``, or ``ordered`` where the shop knows no visits.
    arms_ : dict of str to Arm
    lacking_ : dict of str to str
        Arm -> why nothing was learned of it, in words.
    value_ : float
        Mean value of an order.
    """

    def __init__(self, params: Params, seed: int = 0, *, learning: bool = True) -> None:
        self.params, self.seed, self.learning = params, seed, learning

    def fit(self, features: Features) -> Self:
        """Learn from the campaigns whose effect is known; forgets any earlier fit."""
        mail = features["mail"].sort_by(
            [("sent", "ascending"), ("campaign_id", "ascending"), ("customer_id", "ascending")]
        )
        self.outcome_ = outcome_of(mail)
        self.arms_: dict[str, Arm] = {}
        self.lacking_: dict[str, str] = {}
        people = features["customer"]
        orders = float(pc.sum(people["orders"].cast(pa.float64())).as_py() or 0.0)
        self.value_ = float(pc.sum(people["spend"].cast(pa.float64())).as_py() or 0.0) / max(orders, 1.0)
        for arm in sorted(set(pc.unique(mail["arm"]).to_pylist()) - {CONTROL}):
            trial = trial_of(mail, arm, self.params.train_rows)
            few = min(int(trial.treated.sum()), int((~trial.treated).sum()))
            if few < self.params.fewest:
                self.lacking_[arm] = _too_few(few, int((~trial.treated).sum()), self.params.fewest)
                continue
            self.arms_[arm] = self._learn(trial)
        return self

    def effect(self, arm: str, customers: pa.Table) -> Effect:
        """What ``arm`` changes for rows with the columns ``NUMBERS``."""
        found, x = self.arms_[arm], matrix(customers)
        scores = found.fitted.predict(x)
        change, error = found.line.of(scores), found.line.error(scores)
        base = np.clip(found.without.predict(x), 0, 1)
        change = np.clip(change, -base, 1 - base)
        spread = np.hypot(found.per_visit * error, change * found.per_visit_error)
        visits = change if self.outcome_ == "visited" else np.full(len(x), np.nan)
        return Effect(visits, found.per_visit * change, spread, np.maximum(found.ordering.predict(x), 0))

    def order_value(self, customers: pa.Table) -> Floats:
        """Expected value of an order: the customer's mean drawn to the shop's."""
        orders, spend = (np.nan_to_num(customers[n].cast(pa.float64()).to_numpy()) for n in ("orders", "spend"))
        prior = self.params.prior_orders
        mean = (prior * self.value_ + spend) / (prior + orders)
        return np.asarray(np.clip(mean, 0, MOST_VALUE * max(self.value_, 0.01)))

    def _learn(self, trial: Trial) -> Arm:
        y = trial.visited if self.outcome_ == "visited" else trial.ordered
        if self.learning:
            choice = uplift.choose(trial.x, trial.treated, y, trial.chance, self.params, self.seed)
            name, fitted, line = choice.name, choice.fitted, choice.line
        else:
            plain = uplift.ridge(trial.x[:, :0], np.zeros(len(y)))
            name, fitted = "the same for all", Uplift("robust", _nothing(trial.x.shape[1]), None)
            line = uplift.best_line(plain.predict(trial.x[:, :0]), trial.treated, y, trial.chance)
            line = line._replace(slope=0.0, slope_error=0.0)
        control = ~trial.treated
        per, error = (1.0, 0.0) if self.outcome_ == "ordered" else _per_visit(trial)
        return Arm(
            name,
            fitted,
            line,
            uplift.ridge(trial.x[control], y[control]),
            uplift.ridge(trial.x[control], trial.ordered[control]),
            per,
            error,
        )

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and the trees; the same model gives the same bytes."""
        arms = []
        for number, (name, arm) in enumerate(self.arms_.items()):
            arms.append(
                {
                    "arm": name,
                    "name": arm.name,
                    "fitted": uplift.save(arm.fitted, folder, f"arm{number}"),
                    "line": list(arm.line),
                    "without": [part.tolist() for part in arm.without],
                    "ordering": [part.tolist() for part in arm.ordering],
                    "per_visit": arm.per_visit,
                    "per_visit_error": arm.per_visit_error,
                }
            )
        kept = {
            "format": FORMAT,
            "learning": self.learning,
            "outcome": self.outcome_,
            "value": self.value_,
            "prior": self.params.prior_orders,
            "arms": arms,
            "lacking": self.lacking_,
        }
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")


def matrix(rows: pa.Table) -> Matrix:
    """Columns ``NUMBERS`` on a log scale, shape (n_rows, n_columns); NaN where nothing is known."""
    columns = [rows[name].cast(pa.float64()).to_numpy() for name in NUMBERS]
    counts = np.stack(columns, axis=1).astype(np.float32) if len(rows) else np.zeros((0, len(NUMBERS)), np.float32)
    return np.asarray(np.log1p(np.maximum(counts, 0)), np.float32)


def trial_of(mail: pa.Table, arm: str, most: int) -> Trial:
    """The youngest messages of ``arm``, and the control of the campaigns that sent them."""
    sent = pc.equal(mail["arm"], arm)
    campaigns = pc.unique(mail.filter(sent)["campaign_id"])
    both = mail.filter(pc.and_(pc.is_in(mail["campaign_id"], campaigns), pc.or_(sent, pc.equal(mail["arm"], CONTROL))))
    both = both.slice(max(0, len(both) - most))
    treated = pc.equal(both["arm"], arm).to_numpy(zero_copy_only=False).astype(bool)
    campaign = pc.index_in(both["campaign_id"], campaigns).to_numpy(zero_copy_only=False).astype(np.int64)
    share = np.bincount(campaign, treated) / np.maximum(np.bincount(campaign), 1) if len(campaign) else np.zeros(0)
    usable = (share > 0) & (share < 1)  # a campaign without a control group tells nothing
    kept = usable[campaign] if len(campaign) else np.zeros(0, bool)
    both = both.filter(pa.array(kept))
    return Trial(
        matrix(both),
        treated[kept],
        share[campaign[kept]] if len(campaign) else np.zeros(0),
        _column(both, "visited"),
        _column(both, "ordered"),
        campaign[kept],
    )


def outcome_of(mail: pa.Table) -> str:
    """What campaigns are judged by: visits, or orders where no visit is known."""
    return "visited" if (pc.sum(mail["visited"]).as_py() or 0) > 0 else "ordered"


def fit(features: Features, params: Params, seed: int) -> Marketing:
    """Fit the learners and choose one by arm."""
    return Marketing(params, seed).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> Marketing:
    """Fit one uplift by arm, the same for all."""
    return Marketing(params, seed, learning=False).fit(features)


def load(folder: Path) -> Marketing:
    """Read what :meth:`Marketing.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "marketing", FORMAT) as kept:
        model = Marketing(Params(prior_orders=kept["prior"]), learning=kept["learning"])
        model.outcome_, model.value_, model.lacking_ = kept["outcome"], kept["value"], kept["lacking"]
        model.arms_ = {saved["arm"]: _arm(saved, folder, number) for number, saved in enumerate(kept["arms"])}
    return model


def _arm(saved: Mapping[str, Any], folder: Path, number: int) -> Arm:
    def base(name: str) -> Ridge:
        return Ridge(*(np.array(part, np.float64) for part in saved[name]))

    return Arm(
        saved["name"],
        uplift.read(saved["fitted"], folder, f"arm{number}"),
        Line(*saved["line"]),
        base("without"),
        base("ordering"),
        saved["per_visit"],
        saved["per_visit_error"],
    )


def _per_visit(trial: Trial) -> tuple[float, float]:
    """Orders more of who came than of who did not, at least 0, and its standard error."""
    came = trial.visited > 0
    if min(came.sum(), (~came).sum()) < 2:
        return 0.0, 0.0
    change, error = uplift.difference(trial.ordered, came)
    return max(change, 0.0), error


def _nothing(width: int) -> Ridge:
    return Ridge(np.zeros(width), np.ones(width), np.zeros(width + 1))


def _too_few(few: int, control: int, fewest: int) -> str:
    if control == 0:
        return "no control group, so nobody knows what it changes"
    return f"only {few} customers in it or in its control group, {fewest} are needed"


def _column(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows[name].cast(pa.float64()).to_numpy(), np.float64)
