"""A small shop after one night with the capability ``watch``, made once; each test gets a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ml import pipeline
from ml.adapters import postgres as adapter
from ml.adapters.lake import Lake
from ml.registry import CAPABILITIES
from ml.settings import Settings
from tests.live.install import MODULES, install, uninstall
from tests.live.watch.spec import SPEC
from tests.small_shop import add, execute, fill, shop

NIGHT = date(2025, 3, 5)
DAY = datetime(2025, 3, 5, tzinfo=UTC)


def at(hours: float) -> datetime:
    """So many hours after the night's start."""
    return DAY + timedelta(hours=hours)


@dataclass
class Shop:
    """The shop and what it reads."""

    settings: Settings
    suites: Path

    def place(self, order_id: str, when: datetime, *, items: int = 1, **columns: Any) -> None:
        """Place an order with ``items`` lines of one piece, for customer c1 unless told otherwise."""
        order = {"order_id": order_id, "customer_id": "c1", "ordered_at": when} | columns
        with adapter.transaction(self.settings.shop_url) as cursor:
            add(cursor, "order", [order])
            lines = [
                {"order_id": order_id, "line_no": n, "product_id": "p1", "quantity": 1, "unit_price": 2}
                for n in range(items)
            ]
            add(cursor, "order_item", lines)

    def add(self, table: str, **row: Any) -> None:
        """Insert a row."""
        with adapter.transaction(self.settings.shop_url) as cursor:
            add(cursor, table, [row])

    def execute(self, *statements: str) -> None:
        """Change the shop."""
        execute(self.settings.shop_url, *statements)

    def run(self, hours: float, **options: Any) -> dict[str, Any]:
        """Run the lane at so many hours after the night's start."""
        return pipeline.score_new(self.settings, "watch", as_of=at(hours), **options)

    def night(self, night: date, **options: Any) -> dict[str, Any]:
        """Run a night."""
        return pipeline.run_night(self.settings, night, capabilities=["watch"], **options)

    def seen(self, where: str = "true") -> dict[str, dict[str, Any]]:
        """What the shop sees, by order; an error if an order is there twice."""
        rows = adapter.query(self.settings.database_url, f"SELECT * FROM ml.order_watch WHERE {where}")
        found = {row["order_id"]: row for row in rows}
        assert len(found) == len(rows), "an order is there twice"
        return found

    def new(self) -> dict[str, dict[str, Any]]:
        """What the lane shows."""
        return self.seen("batch_id < 0")

    def quarantine(self) -> list[tuple[str, str, str]]:
        """Table, key and rule of each row that the lane refused."""
        rows = adapter.query(
            self.settings.database_url,
            "SELECT table_name, row_key, rule FROM ml_ops.quarantine WHERE ref LIKE '%/live/watch' ORDER BY 1, 2, 3",
        )
        return [tuple(row.values()) for row in rows]


def tables() -> dict[str, list[dict[str, Any]]]:
    """The small shop with payments and outcomes."""
    return shop() | {
        "order_outcome": [{"order_id": "o1", "kind": "ok", "known_at": "2025-02-01Z"}],
        "payment": [
            {"payment_id": f"a{n}", "order_id": f"o{n}", "method": "card", "amount": 5, "card": f"4{n}"}
            for n in range(60)
        ],
    }


@pytest.fixture(scope="session")
def _night(postgres: str, _template: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    folder = tmp_path_factory.mktemp("live")
    url = _copied(postgres, _template, "live_night")
    settings = Settings(
        home=folder / "home",
        database_url=url,
        shop_url=url,
        lake_uri=str(folder / "home" / "lake"),
        mlflow_uri=f"sqlite:///{folder / 'mlflow.db'}",
        timezone="UTC",
        hash_key="a key for tests",
        threads=1,
        memory_gb=2,
    )
    settings.home.mkdir()
    install(folder / "suites")
    fill(url, tables())
    pipeline.run_night(settings, NIGHT, capabilities=["watch"])
    uninstall()  # for the length of a test only: others may run in this process before this fixture ends
    return settings, folder / "suites"


@pytest.fixture
def watched(
    _night: tuple[Settings, Path], postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """The shop in the morning after a night."""
    settings, suites = _night
    # By monkeypatch, as tests change the spec by it too: what it puts back last must be a registry without ``watch``.
    monkeypatch.setitem(CAPABILITIES, SPEC.name, SPEC)
    for module in MODULES:
        monkeypatch.setattr(module, "SUITES", suites)
    shutil.copytree(settings.home, tmp_path / "home")
    name = f"live_{tmp_path.name.replace('-', '_')[:40]}"
    own = replace(
        settings,
        home=tmp_path / "home",
        lake_uri=str(tmp_path / "home" / "lake"),
        database_url=(url := _copied(postgres, "live_night", name)),
        shop_url=url,
    )
    # A shop is known by its database's name, and the copy has one of its own.
    execute(url, f"UPDATE ml_ops.version SET shop = '{name}'")
    lake, manifest = Lake(own.lake_uri), f"snapshot/{NIGHT}/001/manifest.json"
    lake.write_json(manifest, lake.read_json(manifest) | {"shop": name})
    yield Shop(own, suites)
    _execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


def _copied(server: str, template: str, name: str) -> str:
    _execute(server, f'CREATE DATABASE "{name}" TEMPLATE {template} STRATEGY file_copy')
    head, _, query = server.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


def _execute(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)
