"""A capability's rows in a Postgres of their own, seen as a night's batch is: for what is asked of the SQL functions."""

# ruff: noqa: S608 (names come from the spec)
from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import closing

import pyarrow as pa

from ml.adapters import postgres
from ml.adapters.batches import batch_table, sql_functions
from ml.adapters.lake import Lake
from ml.core.spec import Capability
from ml.pipeline.setup import migrate

BATCH = 7


def publish(url: str, spec: Capability, rows: Mapping[str, pa.Table], timezone: str = "UTC") -> None:
    """Load the rows of a capability's tables, with their keys and indexes, and make its functions."""
    migrate(url)
    with tempfile.TemporaryDirectory() as folder, closing(postgres.connect(url)) as connection:
        lake = Lake(folder)
        for table in spec.publishes:
            table_rows = rows[table.name]
            empty = pa.RecordBatch.from_pylist([], table_rows.schema)
            lake.write_batches(lake.join(table.name, "00000.parquet"), table_rows.to_batches() or [empty])
            with connection, connection.cursor() as cursor:
                cursor.execute(f'DROP VIEW IF EXISTS ml."{table.name}"')
                cursor.execute(f'DROP TABLE IF EXISTS ml_batch."{batch_table.name_of(table.name, BATCH)}"')
                batch_table.build(connection, lake, table, lake.join(table.name), BATCH)
                cursor.execute(
                    f'CREATE VIEW ml."{table.name}" AS SELECT *, {BATCH}::bigint AS batch_id, 3 AS model_version, '
                    f"'2026-01-01'::timestamptz AS as_of FROM ml_batch.\"{batch_table.name_of(table.name, BATCH)}\""
                )
    with postgres.transaction(url) as cursor:
        sql_functions.create(cursor, spec.script(), timezone)
