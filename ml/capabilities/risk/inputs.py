"""The matrix that a model of order risk learns from: numbers, learned rates of ids, and texts as positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk.columns import CATEGORIES, NUMBERS, RATES, RAW, RECENT_FRAUDS
from ml.capabilities.risk.spec import Params
from ml.core.units import DAY_S
from ml.learn.encoding import Encoder

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int8]

TEXTS = tuple(name for name in CATEGORIES if name != "item")
MOST_VALUES, FEWEST_ROWS = 40, 10
"""A text becomes a category if so many orders have it; the rest is one category, missing."""


@dataclass
class Inputs:
    """Which columns a model has, and what it needs to make them.

    Parameters
    ----------
    numbers : tuple of str
    encoder : Encoder or None
        None: no rates of ids.
    values : mapping of str to list of str
        Of each text its frequent values, most frequent first.
    """

    numbers: tuple[str, ...]
    encoder: Encoder | None
    values: dict[str, list[str]]

    @classmethod
    def of(cls, params: Params, values: dict[str, list[str]], *, boosted: bool) -> Inputs:
        """The columns of ``params``: without the rates, or without the frauds known lately, where it says so."""
        if not boosted:
            return cls(tuple(RAW), None, values)
        left_out = RECENT_FRAUDS if params.recent_frauds == "no" else ()
        numbers = tuple(name for name in NUMBERS if name not in left_out)
        return cls(numbers, None if params.rates == "none" else Encoder(params.prior_orders, RATES), values)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""
        rates = () if self.encoder is None else tuple(column for name in RATES for column in (name, f"{name}_seen"))
        return (*self.numbers, *rates, *TEXTS)

    def learn(
        self, order: pa.Table, y: Labels, params: Params, fold: npt.NDArray[np.int64] | None = None
    ) -> Floats | None:
        """Learn the rates; what each row of ``order`` may see of them, for :meth:`matrix`."""
        if self.encoder is None:
            return None
        days = params.early_days if params.rates == "early" else params.settle_days
        return self.encoder.fit(order.select(self.encoder.needs), y, days * DAY_S, fold)

    def matrix(self, order: pa.Table, encoded: Floats | None = None) -> Matrix:
        """Numbers, rates, and texts as the number of their value; NaN for what is not known."""
        x = np.empty((len(order), len(self.columns)), np.float32)
        for j, name in enumerate(self.numbers):
            x[:, j] = order[name].cast(pa.float32()).to_numpy()
        if self.encoder is not None:
            x[:, len(self.numbers) : -len(TEXTS)] = self.encoder.encode(order) if encoded is None else encoded
        for j, name in enumerate(TEXTS, x.shape[1] - len(TEXTS)):
            code = pc.index_in(order[name].combine_chunks(), pa.array(self.values[name], pa.string()))
            x[:, j] = code.cast(pa.float32()).to_numpy(zero_copy_only=False)
        return x


def frequent_values(texts: pa.ChunkedArray) -> list[str]:
    """The frequent values of a text column, most frequent first."""
    counts = [(row["counts"], row["values"]) for row in pc.value_counts(texts.combine_chunks()).to_pylist()]
    kept = sorted((-n, value) for n, value in counts if value and n >= FEWEST_ROWS)
    return [value for _, value in kept[:MOST_VALUES]]


def value_rates(texts: pa.ChunkedArray, values: list[str], y: Labels, prior: float) -> list[float]:
    """Share of frauds of each of ``values``, drawn to that of all by ``prior`` orders."""
    code = pc.fill_null(pc.index_in(texts.combine_chunks(), pa.array(values, pa.string())), len(values)).to_numpy(
        zero_copy_only=False
    )
    bad, every = np.bincount(code, y, len(values) + 1), np.bincount(code, minlength=len(values) + 1)
    overall = float(y.mean()) if len(y) else 0.0
    return [float(rate) for rate in ((bad + prior * overall) / (every + prior))[: len(values)]]
