"""Products of rows with a matrix whose sums do not depend on which rows stand beside: BLAS adds in another order by shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled, share

_BLOCK = 4096


def product(x: npt.NDArray[Any], w: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``x @ w`` for x of shape (n_rows, m) and w of shape (m,) or (m, k), in float64.

    Examples
    --------
    >>> product(np.array([[1.0, 2.0]]), np.array([3.0, 4.0])).tolist()
    [11.0]
    """
    wide = np.ascontiguousarray(w.reshape(len(w), -1), np.float64)
    rows = np.ascontiguousarray(x, np.float64)
    out = np.zeros((len(rows), wide.shape[1]))
    share(lambda start, end: _product(rows[start:end], wide, out[start:end]), len(rows), _BLOCK)
    return out[:, 0] if w.ndim == 1 else out


@compiled
def _product(x: Any, w: Any, out: Any) -> None:
    for r in range(len(x)):
        for j in range(w.shape[0]):
            for k in range(w.shape[1]):
                out[r, k] += x[r, j] * w[j, k]
