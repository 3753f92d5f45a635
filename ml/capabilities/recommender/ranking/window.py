"""What the ranker learns from at one time before the night."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import Scores


class Window(NamedTuple):
    """Rows to learn from: features, whether the product was taken, and how many rows each customer has.

    ``asked``: customers that were looked at, those among them who took nothing that was proposed.
    """

    x: Scores
    taken: npt.NDArray[np.bool_]
    units: npt.NDArray[np.int64]
    asked: int
