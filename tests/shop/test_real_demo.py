"""``./nightshift demo --shop medusa`` without Node and without Airflow: what it refuses, and the path to a connected shop."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import cli.shops
from cli import real_shops
from cli.real_shops import REAL_SHOPS, demo
from ml.adapters import postgres
from ml.core.errors import ContractError, NightshiftError, WrongUse
from ml.settings import Settings
from ml.shop.connect import disconnect

TABLES = Path(__file__).parent / "platforms"


def _never(*_: object, **__: object) -> Any:
    raise AssertionError("something was started")


@pytest.mark.parametrize("name", REAL_SHOPS)
def test_without_node_nothing_starts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in words, before a database is started or a package is fetched."""
    monkeypatch.setenv("PATH", "/no/such/folder")
    monkeypatch.setattr(cli.shops, "start_database", _never)
    with pytest.raises(NightshiftError, match=r"needs Node(.|\n)*no program node(.|\n)*\./nightshift demo"):
        cli.shops.demo(name)


def test_options_of_the_simulated_shop_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real shop is filled by its own checkout: customers and seed would be read by nobody."""
    monkeypatch.setattr(cli.shops, "start_database", _never)
    with pytest.raises(WrongUse, match=r"Medusa is filled by its own checkout(.|\n)*came: --customers, --seed"):
        cli.shops.demo("medusa", customers=500, seed=1)


def test_a_shop_elsewhere_or_of_ones_own_is_left_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a package is fetched: the shop is read from another database, or a schema shop is there that is not ours."""
    monkeypatch.setattr(demo, "install", _never)
    other = Settings(**{**settings.__dict__, "shop_url": "postgresql://elsewhere/shop"})
    with pytest.raises(WrongUse, match="NIGHTSHIFT_SHOP_URL is set"):
        demo.fill_real_shop(other, "medusa", tmp_path, replace=False)
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS shop; CREATE TABLE IF NOT EXISTS shop.own (id int)")
    with pytest.raises(ContractError, match=r"Schema shop is there already(.|\n)*own(.|\n)*--replace"):
        demo.fill_real_shop(settings, "medusa", tmp_path, replace=False)


@pytest.mark.parametrize("name", ["medusa", "evershop"])
def test_what_npm_filled_is_connected(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With npm's part replaced by the platform's tables: spread over the past, connected, the last day given; twice alike."""
    monkeypatch.setattr(demo, "install", lambda *_: None)

    def filled(_: str, folder: Path, url: str, schema: str, orders: int) -> dict[str, Any]:
        assert (folder, orders) == (tmp_path / "demo" / name, demo.ORDERS)
        columns = {
            "medusa": 'ALTER TABLE "order" ADD IF NOT EXISTS display_id integer DEFAULT 1',
            "evershop": "SELECT 1",
        }
        with postgres.transaction(url) as cursor:
            cursor.execute(f"SET LOCAL search_path = {schema}")
            cursor.execute((TABLES / f"{name}.sql").read_text(encoding="utf-8"))
            cursor.execute(columns[name])
        return {"orders": {"1": {}}}

    monkeypatch.setattr(demo, "fill", filled)
    days = [demo.fill_real_shop(settings, name, tmp_path, replace=again == 0) for again in range(2)]
    assert days[0] == days[1] < date(2026, 11, 28)
    assert postgres.query(settings.database_url, 'SELECT count(*) > 2 AS some FROM shop."order"') == [{"some": True}]
    disconnect(settings.database_url)
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute(f"DROP SCHEMA demo_{name} CASCADE")


def test_npm_that_fails_is_said(tmp_path: Path) -> None:
    """What the program said, and that a network is needed; no traceback."""
    with pytest.raises(NightshiftError, match=r"sh failed(.|\n)*no such package(.|\n)*network"):
        real_shops.run(["sh", "-c", "echo no such package >&2; exit 1"], tmp_path)
