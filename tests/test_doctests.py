"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

from ml.settings import PROJECT

MODULES = [
    ".".join(path.relative_to(PROJECT).with_suffix("").parts)
    for room in ("ml", "cli", "bench")
    for path in sorted((PROJECT / room).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def test_there_are_examples() -> None:
    """The search for examples finds those that there are."""
    assert len(MODULES) > 15


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    """Each example of a module gives what stands below it."""
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0
