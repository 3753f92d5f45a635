"""The ML Test Score counts tests that there are, and only what passed."""

from __future__ import annotations

import ast
from collections import Counter

from ml.settings import PROJECT
from tests.ml_test_score import ITEMS, SECTIONS, TESTS, page


def test_there_are_seven_of_each_section() -> None:
    """28 tests, each with at least one test here."""
    assert Counter(item.section for item in ITEMS) == dict.fromkeys(range(4), 7)
    assert all(item.tests for item in ITEMS)


def test_every_test_exists_and_asserts_something() -> None:
    """Each that is named is a function with an assert, or that expects an error."""
    for test in TESTS:
        file, _, name = test.partition("::")
        tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
        (found,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
        asserts = [n for n in ast.walk(found) if isinstance(n, ast.Assert)]
        raises = [n for n in ast.walk(found) if isinstance(n, ast.Attribute) and n.attr in ("raises", "fail")]
        assert asserts or raises, test


def test_only_what_passed_counts() -> None:
    """A failed, skipped or missing test is 0, and the score is the least section."""
    good = {test: ["passed"] for test in TESTS}
    assert "**Score: 7** (7, 7, 7, 7)." in page(good)
    first = ITEMS[0].tests[0]
    for broken in (
        good | {first: ["passed", "failed"]},
        good | {first: ["skipped"]},
        {t: o for t, o in good.items() if t != first},
    ):
        assert "**Score: 6** (6, 7, 7, 7)." in page(broken)
        assert f"## {SECTIONS[0]}: 6 of 7" in page(broken)


def test_the_page_names_every_test() -> None:
    """docs/ml-test-score.md is of the tests that are named here."""
    text = (PROJECT / "docs" / "ml-test-score.md").read_text(encoding="utf-8")
    for item in ITEMS:
        assert item.words in text
        assert all(f"](../{test.partition('::')[0]})" in text for test in item.tests)
