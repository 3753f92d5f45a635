"""What validation changes in a row before it judges it, so that everything behind it sees one meaning of each value.

Words become the contract's, amounts the shop's currency; a picture inside a text goes and a text that is too long is cut;
a reference to a customer that is no longer there becomes null. All of it is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.table import ORDER_MONEY, Column, Table
from ml.contract.tables import TABLES
from ml.contract.vocabulary import UNKNOWN, vocabulary

LONGEST = 100_000
"""Bytes of a text; 30 pages."""

_PICTURE = r"data:[a-zA-Z0-9.+/-]+(;[a-zA-Z0-9=_-]+)*;base64,[A-Za-z0-9+/=\s]*"
_MANY = 1_000
"""Words of a column that are counted one by one; the others together."""
_REST = "(other words)"


@dataclass(frozen=True)
class WordCount:
    """A word of a column: how many rows have it, what they are worth, and what it is taken for (None: not known)."""

    column: str
    word: str
    taken_for: str | None
    rows: int
    share: float
    money: float | None
    """Its share of the money; None where the table has none."""


@dataclass
class Mender:
    """Mends the rows of one table, batch after batch, and counts what it met."""

    table: Table
    rows: int = 0
    money: float = 0.0
    tallies: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """By column and word: rows and money."""
    currencies: Counter[str] = field(default_factory=Counter)
    """Orders without a rate of exchange, by currency."""

    def mend(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Give the batch with mended columns, and ``_unread`` (which cells hold no value of their kind) and ``_cut``."""
        columns = {name: batch.column(name) for name in batch.schema.names}
        columns["_unread"] = self._unread(columns, batch.num_rows)
        self._convert(columns)
        self.rows += batch.num_rows
        self.money += float(np.sum(self._worth(columns, batch.num_rows)))
        for column in (c for c in self.table.columns if c.words):
            columns[column.name] = self._read(column, columns, batch.num_rows)
        cut = np.zeros(batch.num_rows, dtype=bool)
        for column in cuttable(self.table):
            columns[column.name], shortened = _shortened(columns[column.name])
            cut |= shortened
        columns["_cut"] = pa.array(cut)
        for column in (c for c in self.table.columns if c.gone == "null"):
            is_lost = columns[f"_gone_{column.name}"]
            columns[column.name] = pc.if_else(is_lost, pa.scalar(None, pa.string()), columns[column.name])
        if "currency" in columns:
            self._count_currencies(columns)
        return pa.RecordBatch.from_pydict(columns)

    def add(self, other: Mender) -> None:
        """Add what another met on other rows of the same table."""
        self.rows += other.rows
        self.money += other.money
        self.currencies.update(other.currencies)
        for column, words in other.tallies.items():
            tally = self.tallies.setdefault(column, {})
            for word, (rows, money) in words.items():
                known = tally.setdefault(word if word in tally or len(tally) < _MANY else _REST, [0, 0.0])
                known[0] += rows
                known[1] += money

    def words(self) -> tuple[WordCount, ...]:
        """Every word that was met, the most frequent of a column first."""
        return tuple(
            WordCount(
                name,
                word,
                vocabulary(self.table[name].words).read(word),
                int(rows),
                rows / max(1, self.rows),
                money / self.money if self.money else None,
            )
            for name, tally in self.tallies.items()
            for word, (rows, money) in sorted(tally.items(), key=lambda item: (-item[1][0], item[0]))
        )

    def facts(self, currency: str) -> tuple[dict[str, float], dict[str, str]]:
        """What the words are in sum, for the suite's facts, and how it is told."""
        numbers: dict[str, float] = {}
        texts: dict[str, str] = {}
        for name in self.tallies:
            unknown = [w for w in self.words() if w.column == name and w.taken_for is None]
            if not vocabulary(self.table[name].words).closed:
                continue
            for fact, shares in (
                (f"unknown_{name}", [w.share for w in unknown]),
                (f"unknown_{name}_money", [w.money or 0.0 for w in unknown]),
            ):
                numbers[fact], texts[fact] = sum(shares), counted_words(unknown)
        if self.currencies:
            found = Counter({code or currency: n for code, n in self.currencies.items() if code or currency})
            if currency and currency not in found:
                found[currency] = 0
            numbers["currencies"] = len(found)
            texts["currencies"] = ", ".join(
                f"{code} in {n:,} orders" for code, n in sorted(found.items(), key=_most_first)
            )
        return numbers, texts

    def _unread(self, columns: Mapping[str, pa.Array], rows: int) -> pa.Array:
        """Name the cells that hold no value of their kind: those the extract could not cast, NaN and infinity."""
        notes: dict[int, list[str]] = {}
        for column in (c for c in self.table.columns if c.kind == "number"):
            values = columns[column.name]
            odd = pc.and_(pc.is_valid(values), pc.invert(pc.fill_null(pc.is_finite(values), fill_value=True)))
            for row in pc.indices_nonzero(odd).to_pylist():
                notes.setdefault(row, []).append(f"{column.name} is {values[row].as_py()}")
        came = columns.get("_unread", pa.nulls(rows, pa.string()))
        if not notes:
            return came
        texts = came.to_pylist()
        for row, parts in notes.items():
            texts[row] = ", ".join(filter(None, [texts[row], *parts]))
        return pa.array(texts, pa.string())

    def _convert(self, columns: dict[str, pa.Array]) -> None:
        """Convert the order's amounts to the shop's currency, where a rate is given."""
        if "_rate" not in columns:
            return
        rate = pc.fill_null(columns["_rate"], 1.0)
        for column in (c for c in self.table.columns if c.unit == ORDER_MONEY):
            columns[column.name] = pc.multiply(columns[column.name], rate)

    def _worth(self, columns: Mapping[str, pa.Array], rows: int) -> npt.NDArray[np.float64]:
        if "total" not in columns:
            return np.zeros(rows)
        came = pc.fill_null(columns["total"], 0.0).to_numpy(zero_copy_only=False)
        total: npt.NDArray[np.float64] = np.maximum(np.nan_to_num(came, nan=0.0, posinf=0.0, neginf=0.0), 0.0)
        return total

    def _read(self, column: Column, columns: Mapping[str, pa.Array], rows: int) -> pa.Array:
        coded = columns[column.name].dictionary_encode()
        words = coded.dictionary.to_pylist()
        codes = pc.fill_null(coded.indices, len(words)).to_numpy(zero_copy_only=False)
        counts = np.bincount(codes, minlength=len(words) + 1)
        money = np.bincount(codes, self._worth(columns, rows), minlength=len(words) + 1)
        tally = self.tallies.setdefault(column.name, {})
        known_words = vocabulary(column.words)
        clean: list[str | None] = []
        for word, n, worth in zip(words, counts, money, strict=False):
            blank = not word.strip() and not column.required
            clean.append(None if blank else known_words.clean(word))
            if not blank:
                known = tally.setdefault(word if word in tally or len(tally) < _MANY else _REST, [0, 0.0])
                known[0] += int(n)
                known[1] += float(worth)
        return columns[column.name] if clean == words else pa.array(clean, pa.string()).take(coded.indices)

    def _count_currencies(self, columns: Mapping[str, pa.Array]) -> None:
        currency = pc.fill_null(columns["currency"], "")
        plain = currency.filter(pc.is_null(columns["exchange_rate"]))
        self.currencies.update({v["values"]: v["counts"] for v in plain.value_counts().to_pylist()})
        self.currencies.pop(UNKNOWN, None)


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def cuttable(table: Table) -> list[Column]:
    """Texts that may be cut: no key, no reference, and no hash of a personal value."""
    return [
        c
        for c in table.columns
        if c.kind == "text" and c.name not in table.key and not (c.references or c.personal or c.words or c.whole)
    ]


def column_is_closed(table: str, column: str) -> bool:
    """Whether a word that the column's vocabulary does not know means nothing."""
    return vocabulary(TABLES[table][column].words).closed


def counted_words(words: list[WordCount]) -> str:
    """Name words with their counts and shares.

    Examples
    --------
    >>> counted_words([WordCount("status", "x1", None, 12, 0.05, 0.041)])
    "'x1' 12 (5.0 %, 4.1 % of the money)"
    """
    parts = []
    for word in words[:5]:
        money = f", {100 * word.money:.1f} % of the money" if word.money is not None else ""
        parts.append(f"{word.word[:40]!r} {word.rows:,} ({100 * word.share:.1f} %{money})")
    return ", ".join(parts) + (f" and {len(words) - 5:,} more words" if len(words) > 5 else "")


def _shortened(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[Any]]:
    """Take pictures out of texts and cut what is too long; tell which were changed."""
    pictured = pc.fill_null(pc.match_substring(texts, ";base64,"), fill_value=False)
    long = pc.fill_null(pc.greater(pc.binary_length(texts), LONGEST), fill_value=False)
    changed = pc.or_(pictured, long)
    rows = changed.to_numpy(zero_copy_only=False)
    if not rows.any():
        return texts, rows
    mended = pc.replace_substring_regex(texts.filter(changed), _PICTURE, "").to_pylist()
    short = [text.encode()[:LONGEST].decode(errors="ignore") for text in mended]
    return pc.replace_with_mask(texts, changed, pa.array(short, pa.string())), rows
