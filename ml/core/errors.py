"""The errors that a shop's engineer reads: what is wrong, what came, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NightshiftError(Exception):
    """An error whose text helps.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    came : str, optional
        What was given or found (values, counts, names).
    do : str, optional
        What the reader can do about it.

    Examples
    --------
    >>> print(NightshiftError("No shop.", came="schema shop has 0 tables", do="run ./nightshift shop load"))
    No shop.
      came: schema shop has 0 tables
      do:   run ./nightshift shop load
    """

    exit_code = 1

    def __init__(self, what: str, *, came: str = "", do: str = "") -> None:
        self.what, self.came, self.do = what, came, do
        lines = [what]
        if came:
            lines.append("  came: " + came.replace("\n", "\n        "))
        if do:
            lines.append("  do:   " + do.replace("\n", "\n        "))
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.came, self.do))


def _rebuild(kind: type[NightshiftError], what: str, came: str, do: str) -> NightshiftError:
    return kind(what, came=came, do=do)


class WrongUse(NightshiftError):
    """What was asked for does not exist or cannot be: a name, a date, an option."""

    exit_code = 2


def unknown(what: str, name: str, known: Iterable[str]) -> WrongUse:
    """Make the error of a name that is not known: it names the nearest one.

    Examples
    --------
    >>> print(unknown("capability", "recomender", ["recommender", "risk"]))
    There is no capability 'recomender'.
      came: 'recomender'; the nearest is recommender
      do:   choose one of recommender, risk
    """
    names = list(known)
    near = difflib.get_close_matches(name.lower(), names, 1, 0.6)
    return WrongUse(
        f"There is no {what} {name!r}.",
        came=repr(name) + (f"; the nearest is {near[0]}" if near else ""),
        do=f"choose one of {', '.join(names)}" if names else "there is none yet",
    )


class ContractError(NightshiftError):
    """The shop's tables do not fit the contract (a table or column is missing or has another type)."""

    exit_code = 3


class DataRefused(NightshiftError):
    """Too much of the input or of a batch is broken: the night stops, yesterday's tables stay."""

    exit_code = 4


class Busy(NightshiftError):
    """Somebody else is doing the same thing right now."""

    exit_code = 5


class StorageError(NightshiftError):
    """A disk or object store refused (full, read-only, gone)."""

    exit_code = 6


class ArtifactError(NightshiftError):
    """A model file is missing or is not the one that was registered (its sha256 differs)."""

    exit_code = 7


class DamagedFile(NightshiftError):
    """A file of the lake is missing or is not as it was written (its sha256 differs)."""

    exit_code = 8


class Unreachable(NightshiftError):
    """A server does not answer, ended the connection or has none left: some time later it may."""

    exit_code = 9


MENDS_BY_ITSELF = (Busy, StorageError, Unreachable)
"""Faults that may be gone at the next try; every other :class:`NightshiftError` needs a person (:mod:`ml.core.outages`)."""
