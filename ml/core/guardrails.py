"""What a challenger must hold beside its gate's metric, however good it is on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ml.core.spec import Guardrail


@dataclass(frozen=True)
class Held:
    """A guardrail and what became of it.

    Parameters
    ----------
    figure : str
        The figure that was looked at; of several that fit, the worst.
    value, limit : float or None
        None: the challenger has no such figure, or there is no champion to hold it against.
    words : str
        What was held or broken, with the numbers.
    """

    figure: str
    value: float | None
    limit: float | None
    held: bool
    words: str


def held(
    rails: Sequence[Guardrail], challenger: Mapping[str, float], champion: Mapping[str, float] | None = None
) -> list[Held]:
    """Look at each bound of each guardrail.

    A figure that the challenger does not have breaks its guardrail: a bound that nobody measured protects nobody.

    Examples
    --------
    >>> [one.words for one in held([Guardrail("recall *", at_least=0.5)], {"recall a": 0.7, "recall b": 0.4})]
    ['recall b 0.4 is below 0.5']
    """
    return [one for rail in rails for one in _of(rail, challenger, champion)]


def _of(rail: Guardrail, ours: Mapping[str, float], theirs: Mapping[str, float] | None) -> list[Held]:
    fits = sorted(name for name in ours if fnmatchcase(name, rail.figure))
    if not fits:
        if rail.drop is not None and theirs is None and rail.at_least is None and rail.at_most is None:
            return [Held(rail.figure, None, None, held=True, words=f"{rail.figure}: there is no champion yet")]
        return [Held(rail.figure, None, None, held=False, words=f"{rail.figure} was not measured")]
    found = []
    why = f" ({rail.why})" if rail.why else ""
    if rail.at_least is not None:
        name = min(fits, key=lambda n: ours[n])
        found.append(_bound(name, ours[name], rail.at_least, "below", ours[name] >= rail.at_least, why))
    if rail.at_most is not None:
        name = max(fits, key=lambda n: ours[n])
        found.append(_bound(name, ours[name], rail.at_most, "above", ours[name] <= rail.at_most, why))
    if rail.drop is not None and theirs is not None and (both := [n for n in fits if n in theirs]):
        name = min(both, key=lambda n: ours[n] - theirs[n])
        limit = theirs[name] - rail.drop
        found.append(
            _bound(name, ours[name], limit, "below", ours[name] >= limit, f", the champion's less {rail.drop:g}{why}")
        )
    return found


def _bound(name: str, value: float, limit: float, side: str, ok: bool, why: str) -> Held:
    other = {"below": "at least", "above": "at most"}[side]
    words = f"{name} {value:.4g} is {other if ok else side} {limit:.4g}{why}"
    return Held(name, value, limit, held=ok, words=words)
