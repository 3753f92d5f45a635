"""Exports and tables that nobody thought of: read as another reader says, or refused by name. The full counts: bench."""

from __future__ import annotations

from pathlib import Path

from bench import _shop_trial, _trial
from bench._exports import Export, exports
from bench._shop_tables import ShopTable, shops
from ml.settings import Settings


def test_fuzzed_exports_are_loaded_as_a_plain_reader_says_or_refused_by_name(
    settings: Settings, tmp_path: Path
) -> None:
    """60 of the 1,000 of ``./nightshift bench exports``."""

    def one(export: Export) -> None:
        _trial.trial(settings, export, tmp_path / "export")

    _trial.fuzzed(one, exports(), 60)


def test_fuzzed_tables_are_read_as_they_mean_or_refused_by_name(settings: Settings) -> None:
    """30 of the 500 of ``./nightshift bench shop_tables``."""
    _shop_trial.setup(settings)

    def one(shop: list[ShopTable]) -> None:
        _shop_trial.trial(settings, shop)

    _trial.fuzzed(one, shops(), 3)
