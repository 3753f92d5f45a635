"""Experiments in the night: who sees which arm, its rows in the published tables, and what it did."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml.adapters.books import experiments as books
from ml.core.experiment import CANARY_START, Arm, Experiment, faults, read
from ml.core.platform import EXPERIMENT
from ml.core.spec import RULE_SET, Capability, Published
from ml.learn.experiments import arms_of, uniform
from ml.pipeline.context import Night
from ml.registry import CAPABILITIES

log = logging.getLogger("nightshift")

WHO = "customer_id"


@dataclass(frozen=True)
class Running:
    """An experiment that runs tonight, with each arm's share of tonight."""

    experiment: Experiment
    shares: Mapping[str, float]

    def assigned(self, night: Night, customers: pa.Table) -> pa.Table:
        """``customer_id`` and ``arm`` of the customers in an arm."""
        if self.experiment.population is not None:
            segment = (
                customers["segment"] if "segment" in customers.column_names else pa.nulls(len(customers), pa.string())
            )
            customers = customers.filter(pc.fill_null(pc.equal(segment, self.experiment.population), fill_value=False))
        ids = customers[WHO].to_pylist()
        arms = arms_of(uniform(night.settings.hash_key, self.experiment.name, ids), self.shares)
        table = pa.table({WHO: pa.array(ids, pa.string()), "arm": pa.array(arms, pa.string())})
        return table.filter(pc.not_equal(table["arm"], ""))


def config_rows(night: Night) -> list[dict[str, Any]]:
    """The rows of ``ml_config.experiment`` as the night read them."""
    if EXPERIMENT.name not in night.manifest.get("config", {}):
        return []
    rows: list[dict[str, Any]] = night.lake.read_parquet(night.path("snapshot", "config", EXPERIMENT.name)).to_pylist()
    return rows


def check(night: Night) -> dict[str, list[str]]:
    """What is wrong with the experiments of tonight, by name."""
    url = night.settings.database_url
    announced = {key: row["told"] for key, row in books.state(url).items()}
    return faults(config_rows(night), night.night, books.versions(url), announced, _sets(night))


def _sets(night: Night) -> dict[str, set[str]]:
    """By capability, the sets of rules that the night's snapshot has."""
    found: dict[str, set[str]] = {}
    for name, spec in CAPABILITIES.items():
        for table in spec.config:
            if RULE_SET in table.column_names and table.name in night.manifest.get("config", {}):
                rows = night.lake.read_parquet(night.path("snapshot", "config", table.name))
                known = pc.unique(rows[RULE_SET]).to_pylist() if RULE_SET in rows.column_names else []
                found.setdefault(name, set()).update(one for one in known if one is not None)
    return found


def running(night: Night, capability: Capability | None = None) -> list[Running]:
    """The experiments (of a capability) that run tonight: as they began, and without those that have a fault.

    One that was changed after its start goes on as it began.
    """
    rows, url = config_rows(night), night.settings.database_url
    if not rows:
        return []
    state = books.state(url)
    wrong = check(night)
    began = [
        dict(state[row["name"], row["arm"]]["told"]) if (row["name"], row["arm"]) in state else row for row in rows
    ]
    found = []
    for one, now in zip(read(_dated(began, rows)), read(rows), strict=True):
        stops = [words for words in wrong.get(one.name, []) if "it goes on as it began" not in words]
        for words in wrong.get(one.name, []):
            log.warning("The experiment %s %s: %s", one.name, "does not run" if stops else "runs", words)
        if stops or not now.runs(night.night) or (capability and one.capability != capability.name):
            continue
        shares = {arm.name: _share(one, arm, state) for arm in one.arms}
        found.append(Running(one, shares))
    return found


def _dated(began: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was kept as JSON with its dates as dates."""
    return [
        row | {"starts_on": now["starts_on"], "ends_on": now["ends_on"]} for row, now in zip(began, rows, strict=True)
    ]


def _share(one: Experiment, arm: Arm, state: Mapping[tuple[str, str], Mapping[str, Any]]) -> float:
    kept = state.get((one.name, arm.name))
    if kept is not None:
        return float(kept["share"])
    return arm.share / CANARY_START if one.mode == "canary" else arm.share


def customers(night: Night) -> pa.Table:
    """The customers of the snapshot, with their segment where the shop has it."""
    with night.backend() as backend:
        rows = night.lake.table(backend, night.path("snapshot", "clean", "customer"))
        names = [name for name in (WHO, "segment") if name in rows.columns]
        found: pa.Table = rows.select(*names).order_by(WHO).to_pyarrow()
        return found


Scorer = Callable[[Arm], tuple[Mapping[str, pa.Table], int | None]]
"""Gives the rows of all customers by an arm's model, by table, and its version."""


def mix(night: Night, capability: Capability, rows: Mapping[str, int], score: Scorer, version: int) -> dict[str, Any]:
    """Put each customer's arm in place of the champion's rows, in the tables whose key begins with the customer.

    Done again it gives the same: a customer's rows are those of one arm, always.

    Returns
    -------
    dict
        ``rows`` by table as they are now, ``withheld`` (customers by table that get nothing), ``arms`` (the table of
        ``ml.experiment_arm``). Empty where no experiment shows anything.
    """
    found = [one for one in running(night, capability) if one.experiment.mode != "shadow"]
    if not found:
        return {}
    everyone, shown, taken = customers(night), [], []
    for one in found:
        drawn = one.assigned(night, everyone)
        for arm in one.experiment.arms:
            drawn_ids = drawn.filter(pc.equal(drawn["arm"], arm.name))[WHO].combine_chunks()
            tables, number = ({}, version) if arm.shows == "champion" else score(arm)
            shown.append(_shown(one.experiment, arm, drawn_ids, number, night))
            if arm.shows != "champion":
                taken.append((drawn_ids, tables))
    new, withheld = dict(rows), {}
    for table in capability.publishes:
        if table.key[0] == WHO and rows.get(table.name):
            new[table.name] = _rewrite(night, capability, table, taken)
            withheld[table.name] = sum(len(who) for who, tables in taken if not tables)
    return {"rows": new, "withheld": withheld, "arms": pa.concat_tables(shown)}


def _shown(one: Experiment, arm: Arm, who: pa.Array, version: int | None, night: Night) -> pa.Table:
    n = len(who)
    words = {"experiment": one.name, WHO: who, "capability": one.capability, "arm": arm.name, "shows": arm.shows}
    columns = {k: v if k == WHO else pa.array([v] * n, pa.string()) for k, v in words.items()}
    columns["version"] = pa.array([version] * n, pa.int32())
    columns["night"] = pa.array([night.night] * n, pa.date32())
    return pa.table(columns)


def _rewrite(
    night: Night, capability: Capability, table: Published, taken: list[tuple[pa.Array, Mapping[str, pa.Table]]]
) -> int:
    """Rewrite the files of a table; gives the rows that it has now."""
    treated = pa.concat_arrays([who for who, _ in taken]) if taken else pa.array([], pa.string())
    count = 0
    for number, path in enumerate(night.lake.files(night.path("predictions", capability.name, table.name))):
        rows = night.lake.read_parquet(path)
        kept = rows.filter(pc.invert(pc.is_in(rows[WHO], treated)))
        more = (
            []
            if number
            else [_of(tables[table.name], who, rows.schema) for who, tables in taken if table.name in tables]
        )
        new = pa.concat_tables([kept, *more]).sort_by([(name, "ascending") for name in table.key])
        count += night.lake.write_batches(path, new.to_batches() or [pa.RecordBatch.from_pylist([], rows.schema)])
    return count


def _of(rows: pa.Table, who: pa.Array, schema: pa.Schema) -> pa.Table:
    return rows.select(schema.names).cast(schema).filter(pc.is_in(rows[WHO], who))


def shadows(night: Night, capability: Capability) -> Iterator[tuple[str, Arm]]:
    """The arms that are judged and not shown, each with its experiment's name."""
    for one in running(night, capability):
        if one.experiment.mode == "shadow":
            yield from ((one.experiment.name, arm) for arm in one.experiment.arms if arm.shows == "version")


def began(night: Night, capability: Capability) -> None:
    """Keep in the books how tonight's experiments began, once customers see them."""
    rows = {(row["name"], row["arm"]): row for row in config_rows(night)}
    for one in running(night, capability):
        own = [
            rows[one.experiment.name, arm.name]
            for arm in one.experiment.arms
            if (one.experiment.name, arm.name) in rows
        ]
        shares = {(one.experiment.name, arm): share for arm, share in one.shares.items()}
        books.begin(night.settings.database_url, own, shares, night.night)
