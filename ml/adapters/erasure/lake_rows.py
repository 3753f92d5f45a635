"""Take the customers' rows out of the lake's files, so that a kill at any moment leaves what the next run can finish."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml.adapters.erasure.needles import Needles, strike_json
from ml.adapters.erasure.ownership import Owners, Ownership, count, needed
from ml.adapters.erasure.quotes import Quotes
from ml.adapters.erasure.traces import Traces, columns_of, files, folders, row_groups, snapshots
from ml.adapters.lake import Lake
from ml.adapters.shop import extract, reader, select
from ml.contract.tables import TABLES

STAGED = ("erasure", "staged")
Removed = dict[str, dict[str, int]]
"""By place, rows by owner."""


@dataclass
class LakeErasure:
    """One run over the lake.

    Attributes
    ----------
    removed : dict
        By place (``snapshot``, ``quarantine``, ``predictions``, …), rows by owner.
    """

    lake: Lake
    ownership: Ownership
    traces: Traces
    needles: Needles
    quotes: Quotes
    known: bool = True
    """Some snapshot has, or had, a row of theirs: only then can features have been made of them."""
    removed: Removed = field(default_factory=dict)

    def run(self) -> None:
        """Take the rows out of every folder."""
        self.finish()
        self._shop_tables()
        for ref in snapshots(self.lake):
            self._quarantine(ref)
        self._predictions()
        self._derived()
        self._live()
        self._documents()

    def finish(self) -> None:
        """Put in place what a run before this one had written and not put in place."""
        for name in self.lake.names(*STAGED):
            if name.endswith(".json"):
                self._put(self.lake.join(*STAGED, name.removesuffix(".json")))
            elif not self.lake.exists(*STAGED, f"{name}.json"):
                self.lake.remove(*STAGED, name)

    def _shop_tables(self) -> None:
        """Write each table of a snapshot anew without the rows, and its entry in the manifest."""
        for folder in folders(self.lake):
            for name in self.lake.names(folder):
                if name not in TABLES:
                    continue
                found: Counter[str] = Counter()
                for path in files(self.lake, folder, name):
                    for part in row_groups(self.lake, path, needed(TABLES[name].column_names)):
                        found.update(count(self.ownership.owners(columns_of(part))))
                if found:
                    self._rewrite(self.lake.join(folder, name), name)
                    self._note("snapshots", dict(found))

    def _rewrite(self, folder: str, name: str) -> None:
        parts = (part for path in files(self.lake, folder) for part in row_groups(self.lake, path))
        raw = any(select.UNREAD in part.column_names for part in islice(parts, 1))
        schema = (reader.raw_schema if raw else reader.schema)(TABLES[name])
        staged = self.lake.join(*STAGED, f"{folder.removeprefix(self.lake.uri).strip('/').replace('/', '~')}")
        nulls: Counter[str] = Counter()

        def kept() -> Iterator[pa.RecordBatch]:
            for path in files(self.lake, folder):
                for part in row_groups(self.lake, path):
                    rest = part.filter(pc.is_null(self.ownership.owners(columns_of(part))))
                    nulls.update({column: rest[column].null_count for column in rest.column_names})
                    yield from rest.select(schema.names).to_batches()

        rows, sha256 = self.lake.write_stream(staged, schema, kept())
        entry = {
            "folder": folder,
            "table": name,
            "rows": rows,
            "sha256": sha256,
            "bytes": self.lake.usage(staged),
            "nulls": {c: nulls[c] for c in TABLES[name].column_names},
        }
        self.lake.write_json(f"{staged}.json", entry)
        self._put(staged)

    def _put(self, staged: str) -> None:
        """Let the staged files take the place of the old ones, then tell the manifest; each step may be done again."""
        entry = self.lake.read_json(f"{staged}.json")
        if self.lake.names(staged):
            self.lake.move(staged, entry["folder"])
        snapshot, kind, _ = entry["folder"].rsplit("/", 2)
        manifest = self.lake.join(snapshot, "manifest.json")
        if kind == "raw" and self.lake.exists(manifest):
            content = self.lake.read_json(manifest)
            facts = {name: entry[name] for name in ("rows", "sha256", "bytes", "nulls")}
            content["tables"][entry["table"]] |= facts
            content["sha256"] = extract.fingerprint(content)
            self.lake.write_json(manifest, content)
        self.lake.remove(f"{staged}.json")

    def _quarantine(self, ref: str) -> None:
        folder = self.lake.join("snapshot", ref, "quarantine")
        for path in files(self.lake, folder):
            table = self.lake.read_parquet(path)
            owners = row_owners(table, self.ownership, self.traces.hashes)
            if found := count(owners):
                rest = table.filter(pc.is_null(owners))
                self.lake.write_batches(path, rest.combine_chunks().to_batches() or [_empty(table.schema)])
                self._note("quarantine", found)

    def _predictions(self) -> None:
        for night in self.lake.names("predictions"):
            for number in self.lake.names("predictions", night):
                for name in self.lake.names("predictions", night, number):
                    self._capability(self.lake.join("predictions", night, number, name))

    def _capability(self, folder: str) -> None:
        """Write a capability's predictions anew."""
        for table in self.lake.names(folder):
            for path in files(self.lake, folder, table):
                parts = (part for part in row_groups(self.lake, path))
                if table in self.quotes.columns or any(count(self._owners(part)) for part in parts):
                    self._shard(table, path)
        for name in self.lake.names(folder):
            if name.endswith(".json"):
                self._account(folder, name)

    def _shard(self, table: str, path: str) -> None:
        part = self.lake.read_parquet(path)
        owners = self._owners(part)
        blanked, quoted = self.quotes.blank(table, part)
        if (found := count(owners)) or quoted:
            rest = blanked.filter(pc.is_null(owners)).combine_chunks()
            self.lake.write_batches(path, rest.to_batches() or [_empty(part.schema)])
            self._note("predictions", found)
            self._note("quotes", quoted)

    def _account(self, folder: str, name: str) -> None:
        """Let a shard's account (``00000.json``), or that of all shards, tell how many rows of it are gone."""
        account = self.lake.read_json(folder, name)
        erased = account.get("erased", {})
        for table, rows in account["rows"].items():
            shard = f"{name.removesuffix('.json')}.parquet" if "shard" in account else ""
            paths = [path for path in files(self.lake, folder, table) if path.endswith(shard)]
            present = sum(self._rows(path) for path in paths)
            if present < rows:
                account["rows"] = account["rows"] | {table: present}
                account["erased"] = erased = erased | {table: erased.get(table, 0) + rows - present}
                self.lake.write_json(self.lake.join(folder, name), account)

    def _rows(self, path: str) -> int:
        with self.lake.open(path) as file, pq.ParquetFile(file) as parquet:
            return int(parquet.metadata.num_rows)

    def _owners(self, part: pa.Table) -> pa.Array:
        return self.ownership.owners(columns_of(part), self.traces.hashes)

    def _derived(self) -> None:
        """Remove what is made anew when it is asked for: features, and what a killed writer left."""
        for night in self.lake.names("features") if self.known else ():
            for number in self.lake.names("features", night):
                for name in self.lake.names("features", night, number):
                    self._remove("features", self.lake.join("features", night, number, name))
        for ref in snapshots(self.lake):
            if not self.lake.exists("snapshot", ref, "manifest.json"):
                self._remove("snapshots", self.lake.join("snapshot", ref))
        for path in self.lake.walk():
            folder, _, name = path.rpartition("/")
            # Nobody works on the lake now: what is hidden, or what DuckDB spilled, is of a process that ended.
            if name.startswith(".") or folder.startswith(self.lake.join("tmp", "duckdb-")):
                self.lake.remove(path)

    def _live(self) -> None:
        """Remove the runs between nights, which read the shop again, and the keys that they found nothing to say of."""
        known = {key: owner for owners in self.traces.ids.values() for key, owner in owners.items()}
        for name in self.lake.names("live"):
            for run in self.lake.names("live", name):
                if run.isdigit():
                    self.lake.remove("live", name, run)
            path = self.lake.join("live", name, "unscored.parquet")
            table = self.lake.read_parquet(path) if self.lake.exists(path) else None
            if table is not None and pc.any(is_erased := pc.is_in(table["key"], pa.array(known, pa.string()))).as_py():
                rest = table.filter(pc.invert(is_erased)).combine_chunks()
                self.lake.write_batches(path, rest.to_batches() or [_empty(table.schema)])

    def _remove(self, place: str, folder: str) -> None:
        """Remove a folder; counted as one for each customer: nobody looks which of them it held."""
        self.lake.remove(folder)
        self._note(f"folders of {place}", dict.fromkeys(self.ownership.customers, 1))

    def _documents(self) -> None:
        """Strike the customers out of the reports beside the snapshots, and out of the Data Docs."""
        for ref in snapshots(self.lake):
            for name in ("validated.json", "rejected.json"):
                if self.lake.exists("snapshot", ref, name):
                    document, owners = strike_json(
                        self.lake.read_json("snapshot", ref, name), self.needles, self.traces
                    )
                    if owners:
                        self.lake.write_json(self.lake.join("snapshot", ref, name), document)
                        self._note("reports", dict(Counter(owners)))
        for path in self.lake.walk("docs"):
            with self.lake.open(path) as file:
                content = file.read()
            struck, owners = self.needles.strike_bytes(content)
            if owners:
                with self.lake.open(path, "wb") as file:
                    file.write(struck)
                self._note("Data Docs", dict(Counter(owners)))

    def _note(self, place: str, found: dict[str, int]) -> None:
        known = self.removed.setdefault(place, {})
        for owner, rows in found.items():
            known[owner] = known.get(owner, 0) + rows


def row_owners(table: pa.Table, ownership: Ownership, hashes: Owners) -> pa.Array:
    """Owners of the lines of a quarantine, whose ``row`` is the refused row as JSON."""
    return rows_owners(table["row"].to_pylist(), ownership, hashes)


def rows_owners(rows: list[Any], ownership: Ownership, hashes: Owners) -> pa.Array:
    """Owners of rows given as JSON or dictionaries."""
    records = [json.loads(row) if isinstance(row, str) else row or {} for row in rows]
    names = dict.fromkeys(name for row in records for name in row)
    columns = {name: pa.array([_text(row.get(name)) for row in records], pa.string()) for name in names}
    return ownership.owners(columns, hashes) if columns else pa.nulls(len(records), pa.string())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema)
