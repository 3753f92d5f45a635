"""The counts of :mod:`history` where the orders lie on executors: those that share an entity, or hang together, on one of them."""

from __future__ import annotations

from functools import partial

import ibis
import pyarrow as pa

from ml.capabilities.risk import history
from ml.capabilities.risk.columns import ENTITIES, LINKS
from ml.contract.identities import COMMON_CUSTOMERS, COMMON_SHARE
from ml.core.connected import connected
from ml.core.once import in_groups, once


def counted(log: ibis.Table) -> tuple[ibis.Table, ibis.Table]:
    """What :func:`history.history` and :func:`history.shared` give, for a log as :func:`history.coded` takes it."""
    log = once(_without_common(log))
    made = log.select("order_no")
    for key in ENTITIES:
        made = _joined(made, _apart(log, key, partial(history_of, key)))
    made = _joined(made, _apart(_labelled(log), history.COMPONENT, partial(history_of, history.COMPONENT)))
    used = [_apart(log, history.LISTED.get(kind, kind), partial(shared_of, kind)) for kind in LINKS]
    return once(made), once(ibis.union(*used))


def history_of(key: str, rows: pa.Table) -> pa.Table:
    """The counts by ``key`` of the orders of some of its values."""
    return history.history_by(_coded(rows), key)


def shared_of(kind: str, rows: pa.Table) -> pa.Table:
    """What several customers used, or a fraud, of some values of a kind."""
    return history.shared(_coded(rows), (kind,))


def _coded(rows: pa.Table) -> history.Log:
    there = [name for name in rows.column_names if name != history.COMPONENT]
    return history.coded(rows.select(there), common=False)


def _apart(rows: ibis.Table, key: str, function: partial[pa.Table]) -> ibis.Table:
    kinds = function(rows.schema().to_pyarrow().empty_table()).schema
    return in_groups(rows, key, function, kinds)


def _joined(made: ibis.Table, more: ibis.Table) -> ibis.Table:
    return made.inner_join(more, "order_no")


def _labelled(log: ibis.Table) -> ibis.Table:
    """The log with the least order that each hangs together with; one that shares nothing is alone."""
    links = ibis.union(
        *(
            log.filter(log[kind].notnull()).select(
                row=log["order_no"].cast("int64"), node=ibis.literal(f"{kind}:") + log[kind].cast("string")
            )
            for kind in LINKS
        )
    )
    labels = connected(links).select("label", order_no=ibis._["row"].cast("int32"))
    rows = log.left_join(labels, "order_no")
    alone = rows["order_no"].cast("int64")
    return rows.select(*log.columns, **{history.COMPONENT: ibis.coalesce(rows["label"], alone)})


def _without_common(log: ibis.Table) -> ibis.Table:
    """Take out what most customers share, as :func:`history.coded` does; each guest is a customer."""
    log = once(log)
    people = log.aggregate(n=log["customer"].nunique() + log["customer"].isnull().sum()).execute()["n"][0]
    least = max(COMMON_CUSTOMERS, int(COMMON_SHARE * int(people or 0)) + 1)
    rows = log
    for name in (*history.TRACED, *history.LISTED.values()):
        of = log.filter(log[name].notnull()).group_by(name)
        users = of.aggregate(users=ibis._["customer"].nunique() + ibis._["customer"].isnull().sum())
        common = users.filter(users["users"] >= least).select(taken=name)
        both = rows.left_join(common, rows[name] == common["taken"])
        kept = ibis.ifelse(both["taken"].isnull(), both[name], ibis.null(log[name].type()))
        rows = both.select(**{column: kept if column == name else both[column] for column in log.columns})
    return rows
