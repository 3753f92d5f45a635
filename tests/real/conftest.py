"""Shops of published data: loaded as a user would, with nights in this process (those in real Airflow are the demo's)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.settings import PROJECT, Settings
from ml.shop.load import load
from tests.small_shop import execute

DATA = Path(os.environ.get("NIGHTSHIFT_TEST_DATA") or PROJECT.parent / "shared" / "data")


@dataclass(frozen=True)
class Shop:
    """A database with a shop in it."""

    settings: Settings

    def night(self, day: str, *capabilities: str, **options: Any) -> None:
        """Run every step of a night; of all capabilities by default."""
        pipeline.run_night(self.settings, date.fromisoformat(day), capabilities=capabilities or None, **options)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a SELECT."""
        return postgres.query(self.settings.database_url, sql)

    def value(self, sql: str) -> Any:
        """The one value that a SELECT gives."""
        (row,) = self.rows(sql)
        (value,) = row.values()
        return value

    def write(self, *statements: str) -> None:
        """Change the shop, as its owner may."""
        execute(self.settings.shop_url, *statements)


@pytest.fixture(scope="module")
def loaded(settings_of_module: Settings) -> Callable[[str, str], Shop]:
    """Load a source from a folder of the published data; skipped where the folder is not there."""

    def load_from(source: str, folder: str) -> Shop:
        if not (DATA / folder).is_dir():
            pytest.skip(f"the published data is not here: no folder {folder} (set NIGHTSHIFT_TEST_DATA)")
        load(settings_of_module, source, DATA / folder)
        return Shop(settings_of_module)

    return load_from
