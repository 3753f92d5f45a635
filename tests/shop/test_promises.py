"""docs/promises.md names tests that exist, for each promise of the README."""

from __future__ import annotations

import ast
import re

from ml.settings import PROJECT

PAGE = (PROJECT / "docs" / "promises.md").read_text(encoding="utf-8")


def _tests(path: str) -> set[str]:
    """The test functions of a file."""
    tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_that_is_named_exists() -> None:
    """A promise is not held by a test that was renamed or deleted."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 30
    assert [f"{path}::{name}" for path, name in named if name not in _tests(path)] == []


def test_every_row_names_a_test_and_its_trials() -> None:
    """A row that promises without a test would be a claim."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what", "| ---"))]
    assert [row for row in rows if not re.fullmatch(r"\| .+ \| `tests/[\w/]+\.py::\w+` \| .+ \|", row)] == []


def test_every_promise_of_the_readme_is_there() -> None:
    """The headings are the README's promises, word for word and in their order."""
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    promises = re.findall(
        r"^(\d+\. )\*\*(.+?)\*\*", readme.partition("## Promises")[2].partition("\n## ")[0], re.MULTILINE
    )
    assert promises
    headings = re.findall(r"^## (\d+\. )(.+)$", PAGE, re.MULTILINE)
    assert headings == [(number, words.rstrip(".")) for number, words in promises]
