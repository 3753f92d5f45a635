"""A screen for exact top-K: products of 8-bit codes that bound the true product x·y from above, sixteen at a time.

A vector v is rotated at random, which spreads it evenly over its factors, and rounded: v = a q + e, with q whole
numbers, a > 0 and e what the rounding left. Then for a user x = a q_x + e_x and an item y = b q_y + e_y

    x·y = ab q_x·q_y + a q_x·e_y + e_x·y  ≤  ab q_x·q_y + a |q_x| |e_y| + |e_x| |y|         (Cauchy and Schwarz)

and an item can only be among the best k of a user, whose k-th best is θ, where the right side is at least θ, that is

    q_x·q_y  ≥  θ / (ab) − |q_x| |e_y| / b − |e_x| |y| / (ab).

All terms but the first are known beforehand, so what is left to do per pair is a product of small whole numbers, four
times as fast as one of float32, and a comparison. |q| ≤ 181 for all vectors: the product is below 2^15 by Cauchy and
Schwarz again, so that it comes out right in 16 bits although partial sums may wrap round.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import Scores
from ml.kernels.topk.vectors import ITEMS

Doubles = npt.NDArray[np.float64]
LONGEST = 181  # 181² < 2^15
USER_MOST, ITEM_MOST = 64, 127  # 2 · 64 · (127 + 128) < 2^15: a pair of products does not saturate
SHIFT = 128  # items' codes are kept as q + 128, without a sign
SLACK = 1e-6  # far more than all roundings in float64 and the one of a score to float32, far less than the codes'


class Codes(NamedTuple):
    """Vectors as v = scale · codes + rest. Each field has a row per vector."""

    codes: npt.NDArray[np.int8]  # (n, n_factors)
    scale: Doubles
    length: Doubles  # |v|
    code_length: Doubles  # |codes|
    rest: Doubles  # |v − scale · codes|


def rotation(n_factors: int) -> Doubles:
    """An orthogonal matrix without a preferred direction, the same at each call."""
    q: Doubles = np.linalg.qr(np.random.default_rng(0).standard_normal((n_factors, n_factors)))[0]
    return q


def encode(vectors: Scores, turn: Doubles, most: int) -> Codes:
    """Round each of ``vectors`` (n, n_factors), rotated by ``turn``, to codes within ±``most`` and ``LONGEST``."""
    v = vectors.astype(np.float64) @ turn
    length = np.sqrt(np.einsum("if,if->i", v, v))
    # Rounding adds at most sqrt(f)/2 to the length of a code.
    target = LONGEST - np.sqrt(v.shape[1]) / 2
    scale = np.maximum(length / target, np.abs(v).max(1, initial=0) / most)
    scale[scale == 0] = 1
    codes = np.rint(v / scale[:, None])
    rest = v - scale[:, None] * codes
    return Codes(
        codes.astype(np.int8),
        scale,
        length,
        np.sqrt(np.einsum("if,if->i", codes, codes)),
        np.sqrt(np.einsum("if,if->i", rest, rest)),
    )


def pack_items(codes: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Order codes as :func:`screen` reads them: (block of 32 items, pair of factors, item, factor of the pair)."""
    n, f = codes.shape
    padded = np.zeros((-(-n // ITEMS) * ITEMS, f + f % 2), np.int16)
    padded[:n, :f] = codes
    pairs = (padded + SHIFT).astype(np.uint8).reshape(-1, ITEMS, padded.shape[1] // 2, 2)
    return np.ascontiguousarray(pairs.transpose(0, 2, 1, 3)).reshape(-1)


def pack_users(codes: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int16]]:
    """Give each pair of factors twice in a word, (n, n_pairs), and what takes the items' shift out again, (n,)."""
    n, f = codes.shape
    padded = np.zeros((n, f + f % 2), np.int8)
    padded[:, :f] = codes
    pairs = padded.view(np.int16)
    undo = (-SHIFT * padded.sum(1, dtype=np.int64)).astype(np.int16)  # modulo 2^16, as all the sums
    return np.repeat(pairs, 2, axis=1).view(np.int32), undo
