"""Products of customers and items for given pairs, over sparse weights or dense factors; sparse matrices in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from ml.kernels.compiled import Csr, Ids, Scores, compiled, share

_STEP = 2048
Arrays = tuple[npt.NDArray[np.int64], Ids, Scores]


def row_sums(h: Csr, weights: Csr, ends: npt.NDArray[np.int64], items: Ids) -> Scores:
    """R = Σ_j h_uj w_ji where row u asks for ``items[ends[u]:ends[u + 1]]``, shape (n_pairs,)."""
    sums = np.zeros(len(items), np.float32)
    parts = _parts(h), _parts(weights)

    def work(start: int, end: int) -> None:
        _sums((start, end), *parts, ends, items, weights.shape[1], sums)

    share(work, h.shape[0], _STEP)
    return sums


def dense_sums(x: Scores, y: Scores, ends: npt.NDArray[np.int64], items: Ids) -> Scores:
    """R = x_uᵀ y_i of row u and each of ``items[ends[u]:ends[u + 1]]``, shape (n_pairs,)."""
    out = np.empty(len(items), np.float32)
    share(lambda start, end: _dense((start, end), x, y, ends, items, out), len(x), _STEP)
    return out


def save_csr(path: Path, matrix: Csr, **values: Any) -> None:
    """Write a sparse matrix with numbers beside it; the same gives the same bytes."""
    np.savez(path, shape=matrix.shape, indptr=matrix.indptr, indices=matrix.indices, data=matrix.data, **values)


def load_csr(path: Path) -> tuple[Csr, Mapping[str, npt.NDArray[Any]]]:
    """Read what :func:`save_csr` wrote; nothing in the file is executed."""
    with np.load(path, allow_pickle=False) as file:
        values = {name: file[name] for name in file.files}
    parts = tuple(values.pop(name) for name in ("data", "indices", "indptr"))
    return csr_array(parts, shape=tuple(values.pop("shape"))), values


@compiled
def _sums(
    span: tuple[int, int],
    history: Arrays,
    weights: Arrays,
    ends: npt.NDArray[np.int64],
    items: Ids,
    m: int,
    sums: Scores,
) -> None:
    """Scatter a customer's rows over a scratch of zeros, read what is asked for, and leave it zero again."""
    hp, hj, hx = history
    wp, wi, wx = weights
    r = np.zeros(m, np.float32)
    for u in range(span[0], span[1]):
        for t in range(hp[u], hp[u + 1]):
            for q in range(wp[hj[t]], wp[hj[t] + 1]):
                r[wi[q]] += hx[t] * wx[q]
        for p in range(ends[u], ends[u + 1]):
            sums[p] = r[items[p]]
        for t in range(hp[u], hp[u + 1]):
            for q in range(wp[hj[t]], wp[hj[t] + 1]):
                r[wi[q]] = 0


@compiled
def _dense(span: tuple[int, int], x: Scores, y: Scores, ends: npt.NDArray[np.int64], items: Ids, out: Scores) -> None:
    for u in range(span[0], span[1]):
        for p in range(ends[u], ends[u + 1]):
            s = 0.0
            for f in range(x.shape[1]):
                s += x[u, f] * y[items[p], f]
            out[p] = s


def _parts(matrix: Csr) -> Arrays:
    return (
        matrix.indptr.astype(np.int64, copy=False),
        matrix.indices.astype(np.int32, copy=False),
        matrix.data.astype(np.float32, copy=False),
    )
