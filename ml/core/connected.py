"""Which rows hang together by what they share, as joins that every engine can do."""

from __future__ import annotations

import ibis

from ml.core.once import once


def connected(links: ibis.Table) -> ibis.Table:
    """Label each row with the least row that it hangs together with, over any number of shared nodes.

    Parameters
    ----------
    links : ibis.Table
        ``row`` (int64) and ``node``: the row has the node. A row without a node is left out.

    Returns
    -------
    ibis.Table
        ``row`` and ``label``, one row per row, computed.

    Notes
    -----
    The least label goes from rows to nodes and back, then each row takes its label's own label (pointer jumping), until nothing
    changes: about log n rounds, where walking alone would take as many as the longest chain is long (Kang et al., PEGASUS,
    ICDM 2009; Kiveris et al., SoCC 2014).

    Examples
    --------
    >>> found = connected(ibis.memtable({"row": [1, 2, 2, 3, 9], "node": ["a", "a", "b", "b", "c"]}))
    >>> sorted(found.to_pyarrow().to_pydict()["label"])
    [1, 1, 1, 9]
    """
    links = once(links.select("row", "node").distinct())
    labels = once(links.select("row", label="row").distinct())
    total = _sum(labels)
    while True:
        labels = once(_jumped(_lowered(links, labels), labels))
        before, total = total, _sum(labels)
        if total == before:
            return labels


def _lowered(links: ibis.Table, labels: ibis.Table) -> ibis.Table:
    """Each row's label becomes the least of all that share a node with it."""
    of_nodes = links.inner_join(labels, "row").group_by("node").aggregate(label=ibis._["label"].min())
    return links.inner_join(of_nodes, "node").group_by("row").aggregate(label=ibis._["label"].min())


def _jumped(lowered: ibis.Table, labels: ibis.Table) -> ibis.Table:
    """Take the label that the labelling row had; it is not above."""
    above = labels.select(label="row", further="label")
    rows = lowered.inner_join(above, "label")
    return rows.select("row", label=ibis.least(rows["label"], rows["further"]))


def _sum(labels: ibis.Table) -> int:
    return int(labels.aggregate(total=labels["label"].sum().fill_null(0)).to_pyarrow()["total"][0].as_py())
