"""Units that share something."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml.learn.links import CROWD, linked


def test_links_are_those_of_the_obvious_way() -> None:
    """Every other that shares a value, of at most so many, by its first kind; what a crowd shares links nobody."""
    rng = np.random.default_rng(3)
    n = 120
    ids = pa.array([f"o{i}" for i in range(n)])
    device = [f"d{k}" if k < 25 else None for k in rng.integers(0, 40, n)]
    card = [f"c{k}" for k in rng.integers(0, 30, n)]
    crowd = ["everybody"] * (CROWD + 1) + [None] * (n - CROWD - 1)
    found = linked(ids, {"device": pa.array(device), "card": pa.array(card), "address": pa.array(crowd)}, most=200)
    expected = {
        (f"o{i}", f"o{j}"): "device" if device[i] is not None and device[i] == device[j] else "card"
        for i in range(n)
        for j in range(n)
        if i != j and ((device[i] is not None and device[i] == device[j]) or card[i] == card[j])
    }
    assert {(row["id"], row["other"]): row["kind"] for row in found.to_pylist()} == expected
    few = linked(ids, {"card": pa.array(card)}, most=2).to_pylist()
    assert max(row["rank"] for row in few) == 2
    assert linked(ids[:0], {"card": pa.array(card[:0])}).num_rows == 0
