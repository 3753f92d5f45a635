"""Orders that hang together: connected components over devices, cards and addresses, as known when each order was placed.

Components only grow with time, so one pass in the order of time with a union-find (Tarjan, JACM 1975; path halving,
union by size) answers for every order what its component was just before it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled

Longs = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


def components(
    links: Codes,
    n_entities: int,
    at: Longs,
    since: Longs,
    by_at: Codes,
    by_since: Codes,
    news: tuple[Codes, Longs, Codes],
) -> Codes:
    """What each order would join when it is placed: the components of its entities, taken together.

    Parameters
    ----------
    links : ndarray of shape (n_orders, n_links), int32
        The entities of each order, numbered from 0 over all kinds; -1: none.
    n_entities : int
    at, since : ndarray of shape (n_orders,), int64
        When an order asks, and from when on it links its entities; ``since >= at``. Only what was strictly before
        counts.
    by_at, by_since : ndarray of shape (n_orders,), int32
        Orders in the order of ``at`` and of ``since``.
    news : tuple of ndarray of shape (n_news,): rows, when, and 1 or -1
        Orders that turned out to be frauds (1) or, after that, none (-1), and when that became known, in the order of
        that time; not before their ``since``.

    Returns
    -------
    ndarray of shape (n_orders, 3), int32
        Earlier orders, earlier entities and known frauds.

    Examples
    --------
    Two orders share entity 0, the second and third share entity 1; the first was a fraud, known at time 5.

    >>> links, t, rows = np.array([[0, -1], [0, 1], [1, 2]], np.int32), np.array([1, 3, 9]), np.arange(3, dtype=np.int32)
    >>> components(links, 3, t, t, rows, rows, (rows[:1], np.array([5]), rows[1:2])).tolist()
    [[0, 0, 0], [1, 1, 0], [2, 2, 1]]
    """
    return _components(  # type: ignore[no-any-return]
        np.ascontiguousarray(links, np.int32), n_entities, at, since, by_at, by_since, news
    )


def components_reference(links: Codes, at: Longs, since: Longs, news: tuple[Codes, Longs, Codes]) -> Codes:
    """:func:`components` in the obvious way: for each order, grow the set of what it reaches among the rows before it."""
    out = np.zeros((len(links), 3), np.int32)
    for i in range(len(links)):
        earlier = [{e for e in links[j] if e >= 0} if since[j] < at[i] else set() for j in range(len(links))]
        reached = {e for e in links[i] if e >= 0} & set().union(*earlier)
        rows: set[int] = set()
        while more := {j for j, entities in enumerate(earlier) if entities & reached} - rows:
            rows |= more
            reached = reached.union(*(earlier[j] for j in more))
        steps = zip(*news, strict=True)
        out[i] = len(rows), len(reached), sum(int(step) for j, t, step in steps if t < at[i] and int(j) in rows)
    return out


@compiled
def _find(parent: Codes, e: int) -> int:
    while parent[e] != e:
        parent[e] = parent[parent[e]]
        e = parent[e]
    return e


@compiled
def _add(parent: Codes, sums: Codes, entities: Codes) -> None:
    """Join the entities of an order and count the order. A component's sums stand at its root."""
    root = -1
    for e in entities:
        if e < 0:
            continue
        if sums[e, 1] == 0:  # not seen before: a component of its own
            sums[e, 1] = 1
        other = _find(parent, e)
        if root < 0:
            root = other
        elif other != root:
            if sums[other, 1] > sums[root, 1]:
                root, other = other, root
            parent[other] = root
            for s in range(3):
                sums[root, s] += sums[other, s]
    if root >= 0:
        sums[root, 0] += 1


@compiled
def _look(parent: Codes, sums: Codes, entities: Codes, out: Codes) -> None:
    """Add up the sums of the different components of an order's entities."""
    for i in range(len(entities)):
        if entities[i] < 0:
            continue
        root = _find(parent, entities[i])
        again = False
        for j in range(i):
            again |= entities[j] >= 0 and _find(parent, entities[j]) == root
        if not again:
            for s in range(3):
                out[s] += sums[root, s]


@compiled
def _components(
    links: Codes,
    n_entities: int,
    at: Longs,
    since: Longs,
    by_at: Codes,
    by_since: Codes,
    news: tuple[Codes, Longs, Codes],
) -> Codes:
    fraud_row, fraud_at, fraud_step = news
    parent, sums = np.arange(n_entities).astype(np.int32), np.zeros((n_entities, 3), np.int32)
    out = np.zeros((len(links), 3), np.int32)
    added = known = 0
    for row in by_at:
        t = at[row]
        while added < len(by_since) and since[by_since[added]] < t:
            _add(parent, sums, links[by_since[added]])
            added += 1
        while known < len(fraud_row) and fraud_at[known] < t:
            for e in links[fraud_row[known]]:
                if e >= 0:
                    sums[_find(parent, e), 2] += fraud_step[known]
                    break
            known += 1
        _look(parent, sums, links[row], out[row])
    return out
