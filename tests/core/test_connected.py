"""Connected components by joins are those of a union-find."""

from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ml.core.connected import connected


def labelled(links: list[tuple[int, int]]) -> dict[int, int]:
    """Label of each row."""
    row, node = zip(*links, strict=True)
    labels = connected(ibis.memtable(pa.table({"row": pa.array(row, pa.int64()), "node": pa.array(node, pa.int64())})))
    found = labels.to_pyarrow().to_pydict()
    assert len(set(found["row"])) == len(found["row"])
    return dict(zip(found["row"], found["label"], strict=True))


def by_scipy(links: list[tuple[int, int]]) -> dict[int, int]:
    """The same by scipy, over rows and nodes as one graph."""
    row, node = np.array(links).T
    n = row.max() + 1
    size = n + node.max() + 1
    _, of = connected_components(csr_array((np.ones(len(row)), (row, node + n)), (size, size)), directed=False)
    least = {part: min(r for r in set(row.tolist()) if of[r] == part) for part in set(of[row].tolist())}
    return {r: least[of[r]] for r in set(row.tolist())}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40))
def test_labels_are_those_of_scipy(links: list[tuple[int, int]]) -> None:
    """Rows have one label exactly where they hang together, and it is the least row."""
    assert labelled(links) == by_scipy(links)


@pytest.mark.parametrize("n", [2, 100])
def test_a_long_chain_is_one(n: int) -> None:
    """Each row shares a node with the next alone."""
    assert set(labelled([(i, i + d) for i in range(n) for d in (0, 1)]).values()) == {0}
