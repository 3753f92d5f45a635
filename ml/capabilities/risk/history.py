"""The numbers that an order's past gives it: from the log of all orders to one row of counts per order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk.columns import DISTINCT, ENTITIES, FRAUD_WINDOWS, LINKS, OWN, PLURALS, WINDOWS
from ml.contract.identities import COMMON_CUSTOMERS, COMMON_SHARE
from ml.kernels import windows
from ml.kernels.components import components
from ml.kernels.known_frauds import frauds
from ml.kernels.threads import side_by_side
from ml.kernels.windows import Codes, Longs

SPANS = np.array(list(WINDOWS.values()), np.int64)
RECENT = np.array(list(FRAUD_WINDOWS.values()), np.int64)
UNITS = 1 << 20
"""``value`` in the log is log(1 + total) in whole multiples of 1 / UNITS: integers have the same sum in any order."""
NEVER = np.iinfo(np.int64).max
LISTED = {"card": "card_listed"}
"""What :func:`shared` lists of a kind, where it is more than the features may know."""
USUAL = ("customer", "category")
COMPONENT = "component"
TRACED = ("device", "card", "address", "ip", "email")


@dataclass(frozen=True)
class Log:
    """Orders as arrays of shape (n_orders,), in any order.

    ``by_at`` and ``by_since`` are their rows in the order of these times, ``fraud_row`` those that turned out to be frauds
    (``fraud_step`` 1) or, later, none (-1), in the order of ``fraud_at``. ``code`` numbers each entity from 0 (-1: none),
    ``size`` says how many there are.
    """

    order_no: Codes
    at: Longs
    since: Longs
    by_at: Codes
    by_since: Codes
    fraud_row: Codes
    fraud_at: Longs
    fraud_step: Codes
    value: Longs
    code: dict[str, Codes]
    size: dict[str, int]

    @property
    def news(self) -> tuple[Codes, Longs, Codes]:
        return self.fraud_row, self.fraud_at, self.fraud_step


def history(rows: Log) -> pa.Table:
    """Count, for each order, what was known of its customer, device, card, address, IP and e-mail when it was placed.

    Returns
    -------
    pyarrow.Table
        ``order_no``, the columns :data:`columns.COUNTED`, ``own_…``, ``strange``, ``customer_value``, ``category_value`` and ``component_…``,
        row by row. Of an entity that the order does not have everything is null.
    """
    # One entity per thread: beside the kernels each has its share of sorting and copying.
    parts = side_by_side(
        [
            *(partial(_entity, rows, name) for name in ENTITIES),
            *(partial(_usual, rows, name) for name in USUAL),
            partial(_familiar, rows),
            partial(_components, rows),
        ]
    )
    columns = {"order_no": pa.array(rows.order_no)}
    for part in parts:
        columns |= part
    return pa.table(columns)


def history_by(rows: Log, key: str) -> pa.Table:
    """The columns of :func:`history` for which the orders that share ``key`` are enough, an entity or :data:`COMPONENT`."""
    made = {"order_no": pa.array(rows.order_no)}
    if key == COMPONENT:
        return pa.table(made | _components(rows))
    made |= _entity(rows, key)
    if key in USUAL:
        made |= _usual(rows, key)
    return pa.table(made | _familiar(rows) if key == "customer" else made)


def shared(rows: Log, kinds: Sequence[str] = LINKS) -> pa.Table:
    """List the devices, cards and addresses that several customers used, or a fraud that is known by now.

    Returns
    -------
    pyarrow.Table
        ``order_no`` (of the last order with it, which names it), ``kind``, ``orders``, ``customers`` (guests are none) and
        ``frauds``.
    """
    in_order = np.argsort(rows.order_no)
    return pa.concat_tables(side_by_side([partial(_shared, rows, kind, in_order) for kind in kinds]))


def _shared(rows: Log, kind: str, in_order: npt.NDArray[np.intp]) -> pa.Table:
    name = LISTED.get(kind, kind)
    code, n = rows.code[name], rows.size[name]
    named = in_order[code[in_order] >= 0]
    last = np.zeros(n, np.int64)
    last[code[named]] = named  # of equal codes the last one stays
    pair, _ = windows.codes(_pairs(code, rows.code["customer"], rows.size["customer"]))
    # Numbers are given in the order of coming: where a new largest one comes, a pair is seen for the first time.
    first = np.flatnonzero(np.diff(np.maximum.accumulate(pair), prepend=-1) > 0)
    bad = code[rows.fraud_row]
    orders, customers = (np.bincount(of[of >= 0], minlength=n) for of in (code, code[first]))
    frauds = np.bincount(bad[bad >= 0], rows.fraud_step[bad >= 0], minlength=n).astype(np.int64)
    kept = np.flatnonzero((customers > 1) | (frauds > 0))
    return pa.table(
        {
            "order_no": pa.array(rows.order_no[last[kept]]),
            "kind": pa.repeat(kind, len(kept)),
            "orders": orders[kept],
            "customers": customers[kept],
            "frauds": frauds[kept],
        }
    )


def _pairs(code: Codes, other: Codes, n: int) -> Longs:
    """A key for each pair of codes; 0, none, where one of them is -1."""
    return np.where((code < 0) | (other < 0), 0, code.astype(np.int64) * n + other + 1)


def coded(log: pa.Table, *, common: bool = True) -> Log:
    """Number the entities of a log.

    Parameters
    ----------
    log : pyarrow.Table
        One row per order in any order: ``order_no``, ``at`` (when it was placed, seconds since 1970), ``since`` (when it
        became known, not before ``at``), ``fraud_at`` (when it became known to be a fraud; null: is not), ``won_at`` (when
        it became known, after that, to be none; null: still is), ``value``, ``category`` and a column per entity: whole
        numbers or texts, equal for what is shared, null where there is none; ``card_listed`` is the card whenever it was
        paid.
    common : bool
        False: what most customers share is taken out already.

    Notes
    -----
    A value that most customers share is no entity: it is the device of a proxy, or stands for "unknown".
    """
    order_no, at, since, value = (log[name].to_numpy() for name in ("order_no", "at", "since", "value"))
    fraud_row, fraud_at, fraud_step = _news(log, since)
    names = tuple(dict.fromkeys((*ENTITIES, "category", *LISTED.values())))
    found = side_by_side([partial(_codes, log[name]) for name in names])
    code = {name: part for name, (part, _) in zip(names, found, strict=True)}
    size = {name: n for name, (_, n) in zip(names, found, strict=True)}
    for name in (*TRACED, *LISTED.values()) if common else ():
        code[name] = _without_common(code[name], size[name], code["customer"])
    return Log(order_no, at, since, _by(at), _by(since), fraud_row, fraud_at, fraud_step, value, code, size)


def _news(log: pa.Table, since: Longs) -> tuple[Codes, Longs, Codes]:
    """Rows that became known as frauds (1) or, after that, as none (-1), in the order of that time."""
    bad, won = (pc.fill_null(log[name].cast(pa.int64()), NEVER).to_numpy() for name in ("fraud_at", "won_at"))
    bad = np.maximum(bad, since)  # nobody knows of a fraud before the order
    won = np.maximum(won, since)
    rows = [np.flatnonzero(time < NEVER).astype(np.int32) for time in (bad, won)]
    row, time = np.concatenate(rows), np.concatenate([bad[rows[0]], won[rows[1]]])
    step = np.repeat(np.array([1, -1], np.int32), [len(part) for part in rows])
    order = np.argsort(time, kind="stable")
    return row[order], time[order], step[order]


def _without_common(code: Codes, n: int, customer: Codes) -> Codes:
    """Take out the codes that most customers have, each guest being one; see :mod:`ml.contract.identities`."""
    people = len(np.unique(customer[customer >= 0])) + int((customer < 0).sum())
    least = max(COMMON_CUSTOMERS, int(COMMON_SHARE * people) + 1)
    known = code >= 0
    common = [
        value
        for value in np.flatnonzero(np.bincount(code[known], minlength=n) >= least)
        if len(np.unique(holders := customer[code == value])) + max(0, int((holders < 0).sum()) - 1) >= least
    ]
    return np.where(np.isin(code, common), np.int32(-1), code).astype(np.int32) if common else code


def _codes(column: pa.ChunkedArray) -> tuple[Codes, int]:
    return windows.codes(_keys(column))


def _keys(column: pa.ChunkedArray) -> Longs:
    """Whole numbers that are equal where the values are; 0: none."""
    if not pa.types.is_integer(column.type):
        column = pc.add(column.combine_chunks().dictionary_encode().indices.cast(pa.int64()), 1)
    keys: Longs = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    return keys


def _by(time: Longs) -> Codes:
    """Rows in the order of ``time``."""
    return np.argsort(time, kind="stable").astype(np.int32)


def _entity(rows: Log, entity: str) -> dict[str, pa.Array]:
    code, n = rows.code[entity], rows.size[entity]
    none = code < 0
    groups = windows.group(code, n, rows.by_at, rows.by_since)
    every, seen = windows.orders(groups, rows.at, rows.since, np.concatenate([SPANS, RECENT]))
    placed, lately = every[:, : len(SPANS)], every[:, len(SPANS) :]
    columns = _windows(f"{entity}_orders", placed, none)
    for other in DISTINCT.get(entity, ()):
        counts = windows.different(groups, rows.code[other], rows.at, rows.since, SPANS)
        columns |= _windows(f"{entity}_{PLURALS[other]}", counts, none)
    known = frauds(code, n, rows.at, rows.by_at, rows.news, RECENT)
    columns |= _recent_frauds(entity, known[:, 1:], lately, none)
    new = seen[:, 0] == 0
    return columns | {
        f"{entity}_orders": pa.array(seen[:, 0].astype(np.int32), mask=none),
        f"{entity}_frauds": pa.array(known[:, 0].copy(), mask=none),
        f"{entity}_days": _real((rows.at - seen[:, 1]) / 86_400, new),
        f"{entity}_hours": _real((rows.at - seen[:, 2]) / 3_600, new),
    }


def _recent_frauds(
    entity: str, bad: npt.NDArray[np.int32], orders: windows.Counts, none: npt.NDArray[np.bool_]
) -> dict[str, pa.Array]:
    """Frauds that became known in each window, and their share of its orders (null where there is neither)."""
    columns = {}
    for i, w in enumerate(FRAUD_WINDOWS):
        found, of = bad[:, i], np.maximum(bad[:, i], orders[:, i])
        columns[f"{entity}_frauds_{w}"] = pa.array(np.minimum(found, windows.MOST).astype(np.int16), mask=none)
        columns[f"{entity}_fraud_share_{w}"] = _real(found / np.maximum(of, 1), none | (of == 0))
    return columns


def _usual(rows: Log, entity: str) -> dict[str, pa.Array]:
    """The order's value against the mean of the entity's earlier orders, as the log of their ratio."""
    groups = windows.group(rows.code[entity], rows.size[entity], rows.by_at, rows.by_since)
    usual = windows.mean_before(groups, rows.value, rows.at, rows.since)
    return {f"{entity}_value": _real((rows.value - usual) / UNITS, np.isnan(usual))}


def _familiar(rows: Log) -> dict[str, pa.Array]:
    """How often the customer used each of the order's traces before, and how many of them are new to the customer."""
    columns, strange = {}, np.zeros(len(rows.at), np.float64)
    guest = rows.code["customer"] < 0
    for name in OWN:
        none = guest | (rows.code[name] < 0)
        code, n = windows.codes(_pairs(rows.code["customer"], rows.code[name], rows.size[name]))
        groups = windows.group(code, n, rows.by_at, rows.by_since)
        _, seen = windows.orders(groups, rows.at, rows.since, SPANS[:1])
        columns[f"own_{name}_orders"] = pa.array(seen[:, 0].astype(np.int32), mask=none)
        strange += ~none & (seen[:, 0] == 0)
    return columns | {"strange": _real(strange, guest)}


def _windows(name: str, counts: windows.Counts, none: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
    return {f"{name}_{w}": pa.array(counts[:, i].copy(), mask=none) for i, w in enumerate(WINDOWS)}


def _components(rows: Log) -> dict[str, pa.Array]:
    first = np.cumsum([0, *(rows.size[name] for name in LINKS)])
    links = np.stack([np.where(rows.code[n] < 0, -1, rows.code[n] + first[i]) for i, n in enumerate(LINKS)], axis=1)
    found = components(
        links.astype(np.int32),
        int(first[-1]),
        rows.at,
        rows.since,
        rows.by_at,
        rows.by_since,
        rows.news,
    )
    none = (links < 0).all(axis=1)
    names = ("component_orders", "component_entities", "component_frauds")
    return {name: pa.array(found[:, i].copy(), mask=none) for i, name in enumerate(names)}


def _real(values: npt.NDArray[np.float64], none: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.array(values.astype(np.float32), mask=none)
