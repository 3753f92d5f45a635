"""Columns that quote what customers wrote: a row that is about a product keeps its figures and loses the quote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from ml.adapters.erasure.traces import Traces
from ml.core.spec import Published

WHAT = "product_id"


def folded(text: str) -> str:
    """Letters and digits alone: a quote is cut, cleaned and shortened."""
    return "".join(character for character in text.casefold() if character.isalnum())


@dataclass(frozen=True)
class Quotes:
    """Which columns of which table quote, and the texts that they may quote.

    Parameters
    ----------
    columns : dict of str to tuple of str
        By published table, the columns that quote.
    texts : dict of str to list
        By product, ``(owner, folded text)``; under the empty text those of all products.
    """

    columns: dict[str, tuple[str, ...]]
    texts: dict[str, list[tuple[str, str]]]

    @classmethod
    def of(cls, tables: Iterable[Published], traces: Traces) -> Quotes:
        """Take the columns from the specs."""
        texts: dict[str, list[tuple[str, str]]] = {"": []}
        for owner, product, text in traces.said:
            for place in dict.fromkeys((product, "")):
                texts.setdefault(place, []).append((owner, folded(text)))
        quoting = {t.name: tuple(c.name for c in t.columns if c.quotes) for t in tables}
        return cls({name: columns for name, columns in quoting.items() if columns}, texts)

    @property
    def products(self) -> list[str]:
        """The products of which something was said; empty text: the whole shop."""
        return list(self.texts)

    def owner(self, product: str | None, quote: str | None) -> str | None:
        """Whose words they are, if they are one of the customers'."""
        words = folded(quote or "")
        found = (owner for owner, text in self.texts.get(product or "", ()) if words and words in text)
        return next(found, None)

    def blank(self, table: str, rows: pa.Table) -> tuple[pa.Table, dict[str, int]]:
        """Give the rows of a published table with empty texts for the customers' quotes, and how many by owner."""
        blanked: Counter[str] = Counter()
        products = rows[WHAT].to_pylist() if WHAT in rows.column_names else [None] * len(rows)
        touched = [number for number, product in enumerate(products) if (product or "") in self.texts]
        for name in self.columns.get(table, ()) if touched else ():
            values = rows[name].to_pylist()
            for number in touched:
                if owner := self.owner(products[number], values[number]):
                    values[number] = ""
                    blanked[owner] += 1
            place = rows.column_names.index(name)
            rows = rows.set_column(place, rows.schema.field(name), pa.array(values, rows.schema.field(name).type))
        return rows, dict(blanked)
