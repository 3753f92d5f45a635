"""A text of many values as two numbers: the rate of frauds with it, and how often it was seen.

A value's rate is drawn to the rate of all by ``prior`` orders (Micci-Barreca, SIGKDD Explorations 2001). An order never
sees its own label, nor, by :func:`in_time`, one that was not known when it was placed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MOST_VALUES = 200_000

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]


def numbered(values: pa.ChunkedArray | pa.Array, known: pa.Array) -> Codes:
    """Position of each value in ``known``, and ``len(known)`` for one that is not in it or null."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    found: Codes = pc.fill_null(pc.index_in(whole, known), len(known)).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def rates(code: Codes, label: Labels, size: int, prior: float) -> Floats:
    """Rate of each value, shape (size + 1,); the last stands for values that were not seen.

    Examples
    --------
    >>> rates(np.array([0, 0, 1]), np.array([1, 1, 0]), 2, prior=1).round(2).tolist()
    [0.89, 0.33, 0.67]
    """
    overall = float(np.mean(label)) if len(label) else 0.0
    bad = np.bincount(code, label, size + 1)[: size + 1]
    every = np.bincount(code, minlength=size + 1)[: size + 1]
    rate = (bad + prior * overall) / (every + prior)
    rate[size] = overall
    return np.asarray(rate, np.float64)


def out_of_fold(code: Codes, label: Labels, fold: Codes, size: int, prior: float) -> Floats:
    """Rate of each row's value by the rows of the other folds, shape (n_rows,): for rows without an order of time."""
    encoded = np.empty(len(code))
    for part in np.unique(fold):
        own = fold == part
        encoded[own] = rates(code[~own], label[~own], size, prior)[code[own]]
    return encoded


def in_time(code: Codes, label: Labels, at: Codes, delay: int, size: int, prior: float) -> Floats:
    """Rate of each row's value by the rows that were placed more than ``delay`` before it, shape (n_rows,).

    Parameters
    ----------
    code : ndarray of shape (n_rows,), int64
        In ``[0, size]``; ``size`` is no value and counts for none.
    label : ndarray of shape (n_rows,)
    at : ndarray of shape (n_rows,), int64
        When each was placed, seconds.
    delay : int
        Seconds until a label is known.
    """
    order = np.lexsort((at, code))
    c, t, y = code[order], at[order], np.asarray(label, np.float64)[order]
    bad = np.concatenate([[0.0], np.cumsum(y)])
    # One key per value and time, so that a single search finds the rows of the same value that are old enough.
    origin, span = (int(at.min()) if len(at) else 0), (int(at.max() - at.min()) if len(at) else 0) + delay + 2
    key = c * span + (t - origin)
    start = np.searchsorted(key, c * span, side="left")
    end = np.maximum(np.searchsorted(key, np.maximum(key - delay, c * span), side="left"), start)
    seen = np.where(c < size, end - start, 0)
    found = np.where(c < size, bad[end] - bad[start], 0.0)
    rate = _overall(at, label, delay)[order]
    encoded = np.empty(len(code))
    encoded[order] = (found + prior * rate) / (seen + prior)
    return encoded


def _overall(at: Codes, label: Labels, delay: int) -> Floats:
    """Rate of all rows placed more than ``delay`` before each; half a bad one in fifty where there is none yet."""
    by_time = np.argsort(at, kind="stable")
    end = np.searchsorted(at[by_time], at - delay, side="left")
    bad = np.concatenate([[0.0], np.cumsum(np.asarray(label, np.float64)[by_time])])
    return np.asarray((bad[end] + 0.5) / (end + 50.0), np.float64)


class Encoder:
    """Rates of texts, or of several columns' values together, as a model knows them.

    Parameters
    ----------
    prior : float
        A value's rate is drawn to that of all by so many rows.
    columns : mapping of str to sequence of str
        The columns behind each rate, by its name.

    Attributes
    ----------
    known_ : dict of str to pyarrow.Array
        Per rate, the texts that were seen at least twice, most frequent first, at most ``MOST_VALUES``.
    rate_, seen_ : dict of str to ndarray of shape (n_known + 1,)
        Rate and number of orders of each; the last stands for all others.
    """

    def __init__(self, prior: float, columns: Mapping[str, Sequence[str]]) -> None:
        self.prior, self.columns = prior, columns

    @property
    def needs(self) -> list[str]:
        """The columns that :meth:`fit` looks at."""
        return ["at", *dict.fromkeys(column for columns in self.columns.values() for column in columns)]

    def fit(self, order: pa.Table, label: Labels, delay: int, fold: Codes | None = None) -> Floats:
        """Learn the rates of ``order`` and encode its rows by what each may see, shape (n_rows, 2 n_rates).

        Parameters
        ----------
        order : pyarrow.Table
            Rows whose label is known; columns :attr:`needs` at least.
        label : ndarray of shape (n_rows,)
        delay : int
            Seconds after which a label counts as known: a row sees those of the rows placed so long before it.
        fold : ndarray of shape (n_rows,), optional
            For orders of no time: a row sees the labels of the other folds.
        """
        self.known_, self.rate_, self.seen_ = {}, {}, {}
        at, encoded = order["at"].to_numpy(), []
        for name, columns in self.columns.items():
            texts = joined(order, columns)
            self.known_[name] = known = frequent(texts)
            code = numbered(texts, known)
            self.rate_[name] = rates(code, label, len(known), self.prior)
            self.seen_[name] = np.log1p(np.bincount(code, minlength=len(known) + 1)).astype(np.float64)
            self.seen_[name][-1] = 0.0
            if fold is None:
                seen = in_time(code, label, at, delay, len(known), self.prior)
            else:
                seen = out_of_fold(code, label, fold, len(known), self.prior)
            encoded += [seen, self.seen_[name][code]]
        return np.stack(encoded, axis=1)

    def encode(self, order: pa.Table) -> Floats:
        """Rate and log(1 + orders) of each row's values, shape (n_rows, 2 n_rates)."""
        encoded = []
        for name, columns in self.columns.items():
            code = numbered(joined(order, columns), self.known_[name])
            encoded += [self.rate_[name][code], self.seen_[name][code]]
        return np.stack(encoded, axis=1)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """What :meth:`of` makes the same encoder from: arrays without objects."""
        kept: dict[str, npt.NDArray[np.generic]] = {}
        for name in self.columns:
            texts = self.known_[name].to_pylist()
            kept[f"{name}.known"] = np.frombuffer("\x00".join(texts).encode(), np.uint8)
            kept[f"{name}.rate"], kept[f"{name}.seen"] = self.rate_[name], self.seen_[name]
        return kept

    @classmethod
    def of(
        cls, prior: float, columns: Mapping[str, Sequence[str]], state: Mapping[str, npt.NDArray[np.generic]]
    ) -> Encoder:
        """The encoder whose :meth:`state` this is."""
        encoder = cls(prior, columns)
        encoder.known_, encoder.rate_, encoder.seen_ = {}, {}, {}
        for name in columns:
            rate, seen = (np.asarray(state[f"{name}.{part}"], np.float64) for part in ("rate", "seen"))
            text = state[f"{name}.known"].tobytes().decode()
            encoder.known_[name] = pa.array(text.split("\x00") if len(rate) > 1 else [], pa.string())
            encoder.rate_[name], encoder.seen_[name] = rate, seen
        return encoder


def joined(order: pa.Table, columns: Sequence[str]) -> pa.Array:
    """The columns' values as one text per row; null where the first is null or empty."""
    texts = [order[name].combine_chunks() for name in columns]
    first = texts[0].cast(pa.string())
    parts = [pc.fill_null(text.cast(pa.string()), "") for text in texts]
    text = pc.binary_join_element_wise(*parts, "\x1f") if len(parts) > 1 else parts[0]
    return pc.if_else(pc.fill_null(pc.equal(first, ""), True), pa.scalar(None, pa.string()), text)


def frequent(texts: pa.Array) -> pa.Array:
    """The texts that stand there twice or more, most frequent first (then by themselves), at most ``MOST_VALUES``."""
    counts = pc.value_counts(texts.drop_null())
    values, n = counts.field("values"), counts.field("counts")
    often = pc.greater(n, 1)
    table = pa.table({"value": values.filter(often), "n": n.filter(often)})
    return table.sort_by([("n", "descending"), ("value", "ascending")])["value"].combine_chunks()[:MOST_VALUES]
