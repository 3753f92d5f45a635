"""The generated pages."""

from __future__ import annotations

from ml.contract.tables import TABLES
from ml.registry import CAPABILITIES
from ml.settings import PROJECT
from ml.shop import docs


def test_generated_pages_are_current() -> None:
    """docs/contract.md, tables.md and config.md are what the code says; `python -m ml.shop.docs` writes them."""
    assert (PROJECT / "docs" / "contract.md").read_text(encoding="utf-8") == docs.contract()
    assert (PROJECT / "docs" / "tables.md").read_text(encoding="utf-8") == docs.tables()
    assert (PROJECT / "docs" / "config.md").read_text(encoding="utf-8") == docs.config()


def test_known_says_the_order_of_precedence() -> None:
    """The time of writing comes before that of the event, and a row without either follows its parent."""
    assert docs.known(TABLES["order"]) == "`known_at`, else `ordered_at`"
    assert docs.known(TABLES["payment"]) == "`paid_at`, else when its `order` is"
    assert docs.known(TABLES["customer"]) == "`registered_at`, else always"


def test_the_readme_names_every_capability() -> None:
    """With its question, as its spec says it."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    missing = [
        spec.name
        for spec in CAPABILITIES.values()
        if f"| [{spec.title}](ml/capabilities/{spec.name}/README.md) | {spec.question} |" not in text
    ]
    assert missing == []
