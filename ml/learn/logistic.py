"""Logistic regression on what the order itself says: the baseline that a model must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ml.kernels.rows import product

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]


class Logistic:
    """Numbers on a log scale, standardised, missing ones at the mean; a column per value of each text.

    Parameters
    ----------
    numbers : int
        The first so many columns of a matrix are numbers, the others positions of texts (NaN: another value).
    sizes : sequence of int
        How many values each text has.
    strength : float
        C: the smaller, the more the weights are drawn to 0.
    """

    def __init__(self, numbers: int, sizes: Sequence[int], strength: float = 1.0) -> None:
        self.numbers, self.sizes, self.strength = numbers, tuple(sizes), strength

    def fit(self, x: Matrix, y: npt.NDArray[np.integer]) -> Logistic:
        """Learn from ``x`` of shape (n_rows, n_columns) and labels of both kinds."""
        from sklearn.linear_model import LogisticRegression

        numbers = np.log1p(np.maximum(x[:, : self.numbers].astype(np.float64), 0))
        known = ~np.isnan(numbers)
        self.mean_ = np.where(known, numbers, 0).sum(0) / np.maximum(known.sum(0), 1)
        square = np.where(known, (numbers - self.mean_) ** 2, 0).sum(0) / np.maximum(known.sum(0), 1)
        self.deviation_ = np.sqrt(np.where(square > 0, square, 1))
        fitted = LogisticRegression(C=self.strength, max_iter=1000).fit(self.design(x), y)
        self.coef_ = np.append(fitted.coef_[0], fitted.intercept_)
        return self

    def contributions(self, x: Matrix) -> Floats:
        """What each column adds to the log-odds, and in the last column the log-odds of the mean order."""
        parts = self.design(x) * self.coef_[:-1]
        widths = [1] * self.numbers + [size + 1 for size in self.sizes]
        first = np.cumsum([0, *widths[:-1]])
        return np.column_stack([np.add.reduceat(parts, first, axis=1), np.full(len(x), self.coef_[-1])])

    def log_odds(self, x: Matrix) -> Floats:
        """Shape (n_rows,)."""
        return np.asarray(product(self.design(x), self.coef_[:-1]) + self.coef_[-1])

    def state(self) -> dict[str, Floats]:
        """What :meth:`take` sets."""
        return {"coef": self.coef_, "mean": self.mean_, "deviation": self.deviation_}

    def take(self, state: Mapping[str, Floats]) -> Logistic:
        """Become the model whose :meth:`state` this is."""
        self.coef_, self.mean_, self.deviation_ = state["coef"], state["mean"], state["deviation"]
        return self

    def design(self, x: Matrix) -> Floats:
        """The columns as the regression sees them: standardised, a column per value of each text; nothing is missing."""
        numbers = (np.log1p(np.maximum(x[:, : self.numbers], 0)) - self.mean_) / self.deviation_
        blocks = [np.nan_to_num(numbers)]
        for j, size in enumerate(self.sizes, self.numbers):
            code = np.nan_to_num(x[:, j], nan=size).astype(int)
            blocks.append(np.eye(size + 1)[code])
        return np.concatenate(blocks, axis=1)
