"""The k best items for each of many users, exactly: compiled kernels, each beside its slow, obvious reference.

Ties are broken by the smaller item number. A user with fewer than k candidates gets a list that ends in -1
(score -inf for the dense kernel, 0 for the sparse one).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]
Csr = Any  # scipy.sparse.csr_array, which has no types


def top_k_dense(
    users: Scores, items: Scores, k: int, exclude: Csr | None = None, *, threads: int = 1
) -> tuple[Ids, Scores]:
    """Rank items by the product of dense factors. Returns ids (n, k), scores (n, k)."""
    raise NotImplementedError


def top_k_sparse(
    history: Csr, similar: Csr, k: int, exclude: Csr | None = None, *, threads: int = 1
) -> tuple[Ids, Scores, Ids]:
    """Rank items by history @ similar. Returns ids (n, k), scores (n, k), source (n, k)."""
    raise NotImplementedError
