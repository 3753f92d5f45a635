"""How unusual a row is among others, without any label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.kernels.compiled import compiled

Floats = npt.NDArray[np.float64]

GRID, TOTALS = 256, 4096
ROWS = 200_000


_SURPRISE = -np.log(np.maximum(GRID - np.arange(GRID + 1), 0.5) / GRID)
"""-log P(X >= x) by how many of the quantiles are below x."""


class Anomaly:
    """Tail probabilities, added up: O = Σ_j -log P(X_j >= x_j), each estimated from the rows themselves.

    The right-tailed ECOD (Li et al., IEEE TKDE 2022): nothing to tune, nothing drawn by lot, and the sum says by itself
    which column was unusual. A null adds nothing.

    Parameters
    ----------
    columns : sequence of str
        Those in which a large value is unusual.

    Attributes
    ----------
    grid_ : ndarray of shape (n_columns, GRID), float32
        Quantiles of each column, NaN where it was never known.
    total_ : ndarray of shape (TOTALS,), float64
        Quantiles of O: a score is the share of orders that are less unusual.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)

    def fit(self, order: pa.Table) -> Anomaly:
        """Learn from at most ``ROWS`` orders, evenly taken over time."""
        rows = order.take(
            pa.array(np.unique(np.linspace(0, max(0, len(order) - 1), min(len(order), ROWS)).astype(int)))
        )
        x = _matrix(rows, self.columns)
        at = np.linspace(0, 1, GRID)
        self.grid_ = np.full((len(self.columns), GRID), np.nan, np.float32)
        for j in range(len(self.columns)):
            known = x[~np.isnan(x[:, j]), j]
            if len(known):
                self.grid_[j] = np.quantile(known, at, method="lower")
        self.total_ = np.zeros(TOTALS)
        if len(x):
            self.total_ = np.quantile(_sums(x, self.grid_, _SURPRISE), np.linspace(0, 1, TOTALS))
        return self

    def contributions(self, order: pa.Table) -> Floats:
        """-log P(X_j >= x_j), shape (n_rows, n_columns)."""
        return self._parts(_matrix(order, self.columns))

    def surprising(self, order: pa.Table) -> Floats:
        """:meth:`contributions` where a value is above what is usual, else 0: what there is to say of an order."""
        x = _matrix(order, self.columns)
        return np.where(x > self.grid_[:, GRID // 2], self._parts(x), 0.0)

    def score(self, order: pa.Table) -> Floats:
        """Share of the shop's orders that are less unusual, 0 to 1."""
        found = np.searchsorted(self.total_, _sums(_matrix(order, self.columns), self.grid_, _SURPRISE), side="left")
        return np.asarray(found / TOTALS, np.float64)

    def state(self) -> dict[str, npt.NDArray[np.floating]]:
        return {"anomaly_grid": self.grid_, "anomaly_total": self.total_}

    @classmethod
    def of(cls, columns: Sequence[str], state: Mapping[str, npt.NDArray[np.floating]]) -> Anomaly:
        anomaly = cls(columns)
        if len(state["anomaly_grid"]) != len(anomaly.columns):
            raise ValueError(
                f"an anomaly score of {len(state['anomaly_grid'])} columns, where {len(anomaly.columns)} are counted"
            )
        anomaly.grid_, anomaly.total_ = (
            np.asarray(state["anomaly_grid"], np.float32),
            np.asarray(state["anomaly_total"]),
        )
        return anomaly

    def _parts(self, x: npt.NDArray[np.float32]) -> Floats:
        """What :func:`_sums` adds up, column by column."""
        out = np.zeros(x.shape)
        for j in range(x.shape[1]):
            known = ~np.isnan(x[:, j])
            if not np.isnan(self.grid_[j, 0]) and known.any():
                below = np.searchsorted(self.grid_[j], x[known, j], side="left")
                out[known, j] = _SURPRISE[below]
        return out


def _matrix(order: pa.Table, columns: Sequence[str]) -> npt.NDArray[np.float32]:
    values = [order[name].cast(pa.float32()).to_numpy() for name in columns]
    return np.stack(values, axis=1) if len(order) else np.empty((0, len(columns)), np.float32)


@compiled
def _sums(x: npt.NDArray[np.float32], grid: npt.NDArray[np.float32], surprise: Floats) -> Floats:
    out = np.zeros(len(x))
    for i in range(len(x)):
        for j in range(x.shape[1]):
            v = x[i, j]
            if np.isnan(v) or np.isnan(grid[j, 0]):
                continue
            low, high = 0, grid.shape[1]
            if v <= grid[j, 0]:  # most counts are the lowest there is
                high = 0
            while low < high:
                middle = (low + high) // 2
                if grid[j, middle] < v:
                    low = middle + 1
                else:
                    high = middle
            out[i] += surprise[low]
    return out
