"""Who is served: the challenger only if it beats what it must beat by more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.core.errors import NightshiftError
from ml.core.spec import Gate

Outcome = Literal["promote", "refuse", "baseline"]
Units = npt.NDArray[np.float64]

_RESAMPLES = 2000
_GROUPS = 20_000
"""More units than this are put into random groups of equal size first: time and memory stay bounded, the bounds the same."""
_DRAWS = 4_000_000


@dataclass(frozen=True)
class Difference:
    """Mean of challenger minus other over the units; it is above ``lower`` (and below ``upper``) with the gate's confidence."""

    mean: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.lower:+.4f}, {self.upper:+.4f}]"


@dataclass(frozen=True)
class Decision:
    """What to serve: ``promote`` the challenger, ``refuse`` it (the champion stays), or the ``baseline`` (there is none).

    Parameters
    ----------
    outcome : str
    reason : str
        Why, as a clause.
    differences : mapping of str to Difference
        The challenger's difference to ``"baseline"`` and, if there is one, to ``"champion"``.
    units : int
        How many units it was measured on.
    baseline : str
        Name of the baseline.
    figures : str
        Sentences with the numbers.
    fitted : bool
        False: no challenger was fitted, since it could not have been judged.
    replay : bool
        The model serves nights of the past only.
    """

    outcome: Outcome
    reason: str
    differences: Mapping[str, Difference]
    units: int
    baseline: str = "the baseline"
    figures: str = ""
    fitted: bool = True
    replay: bool = False

    @property
    def why(self) -> str:
        """The decision in words.

        Examples
        --------
        >>> Decision("baseline", "there are no orders", {}, 0, "recent popularity").why
        'Recent popularity is served: there are no orders.'
        """
        serves = "serves nights of the past only" if self.replay else "is served"
        if not self.fitted:
            head = "No challenger was fitted"
        elif self.outcome == "refuse":
            head = "The challenger is refused"
        else:
            winner = "the challenger" if self.outcome == "promote" else self.baseline
            head = f"{winner[:1].upper()}{winner[1:]} {serves}"
        return f"{head}: {self.reason}. {self.figures}".rstrip()


def decide(
    challenger: Units,
    champion: Units | None,
    baseline: Units,
    *,
    same_recipe: bool,
    gate: Gate,
    seed: int,
) -> Decision:
    """Decide by the paired bootstrap over units on events after training.

    The challenger must beat the baseline. If its recipe is not the champion's, it must beat the champion too; the same
    recipe trained anew is a refresh and need not beat its older self.

    Parameters
    ----------
    challenger, champion, baseline : ndarray of shape (n_units,)
        The gate's metric per unit; entry i is the same unit in each. Larger is better.
    same_recipe : bool
        The challenger is the champion's recipe, trained on newer data.

    Raises
    ------
    NightshiftError
        The arrays differ in length or hold something that is not a finite number.

    Notes
    -----
    The bounds are percentiles of the bootstrap distribution of the mean difference (Efron & Tibshirani 1993, ch. 13), one-sided:
    equal models pass with probability ``1 - gate.confidence``.

    Examples
    --------
    >>> from datetime import timedelta
    >>> gate = Gate("hit", "popularity", timedelta(days=28), min_units=3)
    >>> print(decide(np.array([1.0, 1.0]), None, np.array([0.0, 0.0]), same_recipe=False, gate=gate, seed=0).why)
    Popularity is served: only 2 units to measure hit on, the gate asks for 3.
    """
    others = {"baseline": baseline} | ({} if champion is None else {"champion": champion})
    _check({"challenger": challenger} | others)
    units = len(challenger)
    differences = {
        rival: difference(challenger, values, confidence=gate.confidence, seed=seed) if units else Difference(0, 0, 0)
        for rival, values in others.items()
    }
    must_beat = [rival for rival in others if rival == "baseline" or not same_recipe]
    if units < gate.min_units:
        fault = f"only {units} units to measure {gate.metric} on, the gate asks for {gate.min_units}"
    else:
        lost = [rival for rival in must_beat if not differences[rival].lower > 0]
        fault = _lost(lost, gate, served=champion is not None) if lost else ""
    outcome: Outcome = "promote" if not fault else "baseline" if champion is None else "refuse"
    reason = fault or _won(differences, gate, same_recipe=same_recipe)
    figures = _figures(differences, gate, units) if units >= gate.min_units else ""
    return Decision(outcome, reason, differences, units, gate.baseline, figures)


def stopped(decision: Decision, stops: Sequence[str], *, served: bool) -> Decision:
    """The decision after what may stop a promotion that the average allows, such as one country served much worse.

    ``served`` says whether there is a champion to stay; without one the baseline serves.
    """
    if not stops:
        return decision
    reason = "; ".join(stops)
    if decision.outcome != "promote":
        return replace(decision, figures=f"{decision.figures} Beside that: {reason}.".lstrip())
    figures = f"On average {decision.reason.replace('it beats', 'the challenger beats', 1)}. {decision.figures}"
    return replace(decision, outcome="refuse" if served else "baseline", reason=reason, figures=figures)


def difference(ours: Units, theirs: Units, *, confidence: float, seed: int) -> Difference:
    """Mean paired difference with its bootstrap bounds; in bounded memory for any number of units."""
    rng = np.random.default_rng(seed)
    values = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    mean = float(values.mean())
    if len(values) > _GROUPS:
        size = -(-len(values) // _GROUPS)
        groups = rng.permutation(len(values)) // size
        values = np.bincount(groups, values) / np.bincount(groups)
    step = max(1, _DRAWS // len(values))
    means = np.concatenate(
        [
            values[rng.integers(0, len(values), (min(step, _RESAMPLES - at), len(values)), np.int32)].mean(axis=1)
            for at in range(0, _RESAMPLES, step)
        ]
    )
    lower, upper = np.quantile(means, [1 - confidence, confidence])
    return Difference(mean, float(lower), float(upper))


def _check(arrays: Mapping[str, Units]) -> None:
    lengths = {model: np.shape(values) for model, values in arrays.items()}
    broken = {model: int((~np.isfinite(values)).sum()) for model, values in arrays.items()}
    if len(set(lengths.values())) > 1 or len(next(iter(lengths.values()))) != 1:
        raise NightshiftError(
            "The models were not measured on the same units.",
            came=", ".join(f"{model}: {shape}" for model, shape in lengths.items()),
            do="let evaluate.py give one number per unit for each model, in the same order",
        )
    if any(broken.values()):
        raise NightshiftError(
            "A metric is not a finite number.",
            came=", ".join(f"{model}: {n} of {len(arrays[model])} units" for model, n in broken.items() if n),
            do="let evaluate.py leave out units that it cannot measure, for all models alike",
        )


def _name(rival: str, gate: Gate) -> str:
    return gate.baseline if rival == "baseline" else "the champion"


def _lost(lost: Sequence[str], gate: Gate, *, served: bool) -> str:
    names = " or ".join(_name(rival, gate) for rival in lost)
    return f"it does not beat {names}" if served else "the challenger does not beat it"


def _won(differences: Mapping[str, Difference], gate: Gate, *, same_recipe: bool) -> str:
    beaten = " and ".join(_name(rival, gate) for rival in differences if not (rival == "champion" and same_recipe))
    return f"it beats {beaten}" + ("; it is the champion's recipe on newer data" if same_recipe else "")


def _figures(differences: Mapping[str, Difference], gate: Gate, units: int) -> str:
    sums = ", ".join(f"{_name(rival, gate)} {difference}" for rival, difference in differences.items())
    return f"{gate.metric} against {sums} on {units:,} units (each bound holds with {gate.confidence:.0%} confidence)."
