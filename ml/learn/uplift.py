"""What an action changes, by person, learned from a trial with a control group: the learner is chosen by what it proves.

``two``: a model of the treated and one of the control. ``single``: one model that knows who was treated. ``x``: what
each group would have done otherwise is imputed by the other's model, and the difference regressed (Künzel et al., PNAS
2019). ``robust``: the difference of the two models, corrected by what each missed of its own group over the chance to be in
it, and regressed (AIPW; Kennedy 2020). Each with a ridge regression or with boosted trees. All of it is cross-fitted: a
person's uplift comes from models that saw neither their outcome nor their group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.rows import product
from ml.learn import boosters
from ml.learn.boosters import Boosters
from ml.learn.params import BoostingParams

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

LEARNERS = ("two", "single", "x", "robust")
BASES = ("linear", "boosted")
FOLDS = 4


class Ridge(NamedTuple):
    """Least squares with a penalty, on standardised columns; a missing number counts as the mean."""

    mean: Floats
    deviation: Floats
    weights: Floats

    def predict(self, x: Matrix) -> Floats:
        """Shape (n_rows,)."""
        return np.asarray(product(_design(x, self.mean, self.deviation), self.weights))


class Trees(NamedTuple):
    """Boosted regression trees of an outcome that was scaled, and its scale."""

    grown: Boosters
    scale: float

    def predict(self, x: Matrix) -> Floats:
        """Shape (n_rows,)."""
        return self.grown.log_odds(x) * self.scale


Base = Ridge | Trees
Fit = Callable[[Matrix, Floats], Base]


class Uplift(NamedTuple):
    """A fitted learner: the difference that ``plus`` and ``minus`` predict, each a base and how the treatment stands in it.

    ``single`` asks one base twice, with and without the treatment's columns; the other learners need the difference of two
    bases at most.
    """

    learner: str
    plus: Base
    minus: Base | None

    def predict(self, x: Matrix) -> Floats:
        """Uplift of each row, shape (n_rows,)."""
        if self.learner == "single":
            return self.plus.predict(_with(x, 1.0, self.plus)) - self.plus.predict(_with(x, 0.0, self.plus))
        if self.learner == "x" and self.minus is not None:
            return 0.5 * (self.plus.predict(x) + self.minus.predict(x))
        return self.plus.predict(x) - (0.0 if self.minus is None else self.minus.predict(x))


class Line(NamedTuple):
    """Best linear prediction of the uplift from a score: ``level + slope (score - centre)`` (Chernozhukov et al. 2018).

    ``level_error`` and ``slope_error`` are standard errors; ``slope`` is 0 where no difference between people is proven.
    """

    level: float
    slope: float
    centre: float
    level_error: float
    slope_error: float

    def of(self, score: Floats) -> Floats:
        """Calibrated uplift, shape (n,)."""
        return self.level + self.slope * (score - self.centre)

    def error(self, score: Floats) -> Floats:
        """Its standard error."""
        spread = (score - self.centre) * self.slope_error if self.slope else np.zeros(len(score))
        return np.asarray(np.hypot(self.level_error, spread))

    @property
    def proven(self) -> float:
        """By how many standard errors the slope is above 0."""
        return self.slope / self.slope_error if self.slope_error > 0 else 0.0


class Choice(NamedTuple):
    """The learner that was chosen, its calibration, and what each learner proved."""

    name: str
    fitted: Uplift
    line: Line
    scores: Floats
    """Cross-fitted, of the rows that were learned from."""
    proven: dict[str, float]


def choose(
    x: Matrix,
    treated: npt.NDArray[np.bool_],
    y: Floats,
    chance: Floats,
    params: BoostingParams,
    seed: int,
    learners: tuple[str, ...] = LEARNERS,
    bases: tuple[str, ...] = BASES,
) -> Choice:
    """Cross-fit every learner and take the one whose scores order the uplift most surely.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n_columns), float32
    treated : ndarray of shape (n_rows,), bool
    y : ndarray of shape (n_rows,)
        The outcome.
    chance : ndarray of shape (n_rows,)
        With which each was treated, by lot.

    Notes
    -----
    Several learners were tried, so the slope must be proven at 5 % divided by their number (Bonferroni); else everybody gets
    the mean uplift.
    """
    from scipy.stats import norm

    fold = _folds(treated, seed)
    found: dict[str, tuple[float, Floats, Line]] = {}
    for base in bases:
        fit = _fitter(base, params, seed)
        crossed = crossfit(x, treated, y, chance, fold, fit, learners)
        for learner, scores in crossed.items():
            line = best_line(scores, treated, y, chance)
            found[f"{learner} {base}"] = line.proven, scores, line
    name = max(found, key=lambda each: found[each][0])
    proven, scores, line = found[name]
    if proven < norm.isf(0.05 / len(found)):
        line = line._replace(slope=0.0, slope_error=0.0)
    learner, base = name.split()
    fitted = fit_learner(learner, x, treated, y, chance, _fitter(base, params, seed))
    return Choice(name, fitted, line, scores, {each: value for each, (value, *_) in found.items()})


def crossfit(
    x: Matrix,
    treated: npt.NDArray[np.bool_],
    y: Floats,
    chance: Floats,
    fold: npt.NDArray[np.int64],
    fit: Fit,
    learners: tuple[str, ...] = LEARNERS,
) -> dict[str, Floats]:
    """Uplift of each row by each learner, from models that did not see its fold."""
    out = {learner: np.zeros(len(y)) for learner in learners}
    for part in range(fold.max() + 1):
        here, rest = fold == part, fold != part
        for learner in learners:
            fitted = fit_learner(learner, x[rest], treated[rest], y[rest], chance[rest], fit)
            out[learner][here] = fitted.predict(x[here])
    return out


def fit_learner(learner: str, x: Matrix, treated: npt.NDArray[np.bool_], y: Floats, chance: Floats, fit: Fit) -> Uplift:
    """Fit one learner; see the module."""
    if learner == "single":
        return Uplift(learner, _fit_single(x, treated, y, fit), None)
    ours, theirs = fit(x[treated], y[treated]), fit(x[~treated], y[~treated])
    if learner == "two":
        return Uplift(learner, ours, theirs)
    if learner == "x":
        gained, missed = y[treated] - theirs.predict(x[treated]), ours.predict(x[~treated]) - y[~treated]
        return Uplift(learner, fit(x[treated], gained), fit(x[~treated], missed))
    # Half and half, so that what corrects a model was not seen by it.
    half = np.arange(len(y)) % 2 == 0
    pseudo = np.zeros(len(y))
    for seen in (half, ~half):
        a, b = fit(x[treated & seen], y[treated & seen]), fit(x[~treated & seen], y[~treated & seen])
        rest = ~seen
        one, none = a.predict(x[rest]), b.predict(x[rest])
        t, e = treated[rest], chance[rest]
        pseudo[rest] = one - none + np.where(t, (y[rest] - one) / e, -(y[rest] - none) / (1 - e))
    return Uplift(learner, fit(x, pseudo), None)


def best_line(scores: Floats, treated: npt.NDArray[np.bool_], y: Floats, chance: Floats) -> Line:
    """Regress the outcome on being treated and on being treated with a high score, weighted by 1 / (e (1 - e))."""
    centre = float(scores.mean())
    w = treated - chance
    x = np.column_stack([np.ones(len(y)), scores - centre, w, w * (scores - centre)])
    weight = 1 / (chance * (1 - chance))
    bread = np.linalg.pinv((x * weight[:, None]).T @ x)
    at = bread @ (x.T @ (weight * y))
    rest = (y - x @ at) * weight
    meat = (x * rest[:, None] ** 2).T @ x  # errors that differ by row (White 1980)
    error = np.sqrt(np.maximum(np.diag(bread @ meat @ bread), 0))
    return Line(float(at[2]), float(max(at[3], 0.0)), centre, float(error[2]), float(error[3]))


def difference(y: Floats, treated: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Mean of the treated minus that of the control, and its standard error (Neyman 1923)."""
    a, b = y[treated], y[~treated]
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)) if min(len(a), len(b)) > 1 else np.inf
    return float(a.mean() - b.mean()), float(error)


def _folds(treated: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.int64]:
    """Parts with as many treated in each."""
    rng, fold = np.random.default_rng(seed), np.zeros(len(treated), np.int64)
    for group in (treated, ~treated):
        rows = rng.permutation(np.flatnonzero(group))
        fold[rows] = np.arange(len(rows)) % FOLDS
    return fold


def _fitter(base: str, params: BoostingParams, seed: int) -> Fit:
    def trees(x: Matrix, y: Floats) -> Base:
        scale = float(y.std()) or 1.0
        return Trees(boosters.boost(x, y / scale, 0, params, seed, objective="regression"), scale)

    return ridge if base == "linear" else trees


def ridge(x: Matrix, y: Floats, strength: float = 10.0) -> Ridge:
    """Fit :class:`Ridge`; ``strength`` counts as so many rows."""
    known = ~np.isnan(x)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0).sum(axis=0, dtype=np.float64) / n
    deviation = np.sqrt(np.where(known, (x - mean) ** 2, 0).sum(axis=0, dtype=np.float64) / n)
    deviation = np.where(deviation > 1e-9, deviation, 1.0)
    design = _design(x, mean, deviation)
    penalty = strength * np.eye(design.shape[1])
    penalty[-1, -1] = 0.0
    weights = np.linalg.solve(design.T @ design + penalty, design.T @ y)
    return Ridge(mean.astype(np.float64), deviation.astype(np.float64), weights.astype(np.float64))


def _fit_single(x: Matrix, treated: npt.NDArray[np.bool_], y: Floats, fit: Fit) -> Base:
    w = treated.astype(np.float32)[:, None]
    if fit is ridge:
        return fit(np.hstack([x, w, x * w]), y)
    return fit(np.hstack([x, w]), y)


def _with(x: Matrix, w: float, base: Base) -> Matrix:
    column = np.full((len(x), 1), w, np.float32)
    return np.hstack([x, column, x * np.float32(w)]) if isinstance(base, Ridge) else np.hstack([x, column])


def _design(x: Matrix, mean: Floats, deviation: Floats) -> Floats:
    standard = np.nan_to_num((x - mean) / deviation)
    return np.column_stack([standard, np.ones(len(x))])


def save(fitted: Uplift, folder: Path, name: str) -> dict[str, Any]:
    """Write the bases as files that begin with ``name``; give what :func:`read` needs beside them."""
    kept: dict[str, Any] = {"learner": fitted.learner}
    for part, base in (("plus", fitted.plus), ("minus", fitted.minus)):
        if isinstance(base, Ridge):
            kept[part] = {"kind": "ridge"} | {n: values.tolist() for n, values in base._asdict().items()}
        elif isinstance(base, Trees):
            base.grown.save(folder, f"{name}_{part}")
            kept[part] = {"kind": "trees", "scale": base.scale, "members": len(base.grown.boosters)}
    return kept


def read(kept: Mapping[str, Any], folder: Path, name: str) -> Uplift:
    """What :func:`save` wrote."""
    bases: list[Base | None] = []
    for part in ("plus", "minus"):
        config = kept.get(part)
        if config is None:
            bases.append(None)
        elif config["kind"] == "ridge":
            bases.append(Ridge(*(np.array(config[n], np.float64) for n in Ridge._fields)))
        else:
            bases.append(Trees(boosters.read(folder, config["members"], f"{name}_{part}"), float(config["scale"])))
    plus, minus = bases
    if plus is None:
        raise ValueError(f"{name} has no base")
    return Uplift(kept["learner"], plus, minus)
