"""Units that share something with each other: a device, a card, an address."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CROWD = 50
"""What more units than this share is a crowd's, not a link."""


def linked(ids: pa.Array, values: Mapping[str, pa.Array], most: int = 8) -> pa.Table:
    """The others that share a value with each unit, the kinds in their order, at most ``most`` each.

    Parameters
    ----------
    ids : pyarrow.Array of shape (n,)
        Names of the units; of the others of one kind the nearest rows come first.
    values : mapping of str to pyarrow.Array of shape (n,)
        By kind what each unit has; null: nothing.

    Returns
    -------
    pyarrow.Table
        ``id``, ``rank`` (from 1), ``other`` and ``kind``; each pair once, by its first kind.

    Examples
    --------
    >>> linked(pa.array(["a", "b", "c"]), {"card": pa.array(["x", "x", None])}).to_pylist()
    [{'id': 'a', 'rank': 1, 'other': 'b', 'kind': 'card'}, {'id': 'b', 'rank': 1, 'other': 'a', 'kind': 'card'}]
    """
    seen: dict[int, dict[int, str]] = {}
    for kind, column in values.items():
        code = pc.fill_null(column.dictionary_encode().indices, -1).to_numpy(zero_copy_only=False)
        order = np.argsort(code, kind="stable")
        ends = np.flatnonzero(np.diff(code[order])) + 1
        for group in np.split(order, ends):
            if not 1 < len(group) <= CROWD or code[group[0]] < 0:
                continue
            for place, unit in enumerate(group.tolist()):
                near = sorted(range(len(group)), key=lambda other, place=place: abs(other - place))  # type: ignore[misc]
                beside = seen.setdefault(unit, {})
                for other in near[1:]:
                    if len(beside) < most:
                        beside.setdefault(int(group[other]), kind)
    found = [(unit, rank, *link) for unit in sorted(seen) for rank, link in enumerate(seen[unit].items(), 1)]
    units, ranks, others, kinds = (list(column) for column in zip(*found, strict=True)) if found else ([],) * 4
    return pa.table(
        {
            "id": ids.take(pa.array(units, pa.int64())),
            "rank": pa.array(ranks, pa.int64()),
            "other": ids.take(pa.array(others, pa.int64())),
            "kind": pa.array(kinds, pa.string()),
        }
    )
