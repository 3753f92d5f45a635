"""What the ranker learns from at one time before the night."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates.ensemble import Learnt
from ml.kernels.compiled import Scores


class Window(NamedTuple):
    """Rows to learn from: features, whether the product was taken, and how many rows each customer has.

    ``asked``: customers that were looked at, those among them who took nothing that was proposed. ``early``: whether the
    product was taken before the last ``season`` began, from which nothing is learned that is judged on it; ``at``: when the
    window begins; ``learnt``: the candidate models that were fitted for it, of the latest window alone.
    """

    x: Scores
    taken: npt.NDArray[np.bool_]
    units: npt.NDArray[np.int64]
    asked: int
    early: npt.NDArray[np.bool_]
    at: int
    learnt: Learnt | None = None
