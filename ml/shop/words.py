"""What a check says of the shop's words: each with its count, its share of the money and what it is taken for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ml.adapters.quality import Verdict
from ml.contract.tables import TABLES
from ml.contract.vocabulary import Vocabulary, vocabulary
from ml.shop.report import Fact, WordCheck

MANY = 12
"""Words of a column that are shown."""


def words(verdicts: Iterable[Verdict]) -> tuple[WordCheck, ...]:
    """Give the words of each column, the most frequent first; those that are not known always."""
    found = []
    for verdict in verdicts:
        for column in dict.fromkeys(word.column for word in verdict.words):
            known_words = vocabulary(TABLES[verdict.table][column].words)
            counted = [word for word in verdict.words if word.column == column]
            shown = [
                word for n, word in enumerate(counted) if n < MANY or (word.taken_for is None and known_words.closed)
            ]
            found += [
                WordCheck(
                    f"{verdict.table}.{column}",
                    w.word,
                    w.rows,
                    w.share,
                    w.money,
                    _meaning(known_words, w.word, w.taken_for),
                    known=w.taken_for is not None or not known_words.closed,
                )
                for w in shown
            ]
    return tuple(found)


def _meaning(known_words: Vocabulary, word: str, taken_for: str | None) -> str:
    if taken_for is None and not known_words.closed:
        return "itself"
    if taken_for is None:
        near = known_words.near(word)
        return "NOT KNOWN" + (f"; do you mean {near}?" if near else "")
    entry = known_words.words[taken_for]
    if known_words.name != "order.status":
        return taken_for
    return f"{taken_for}: {entry.means}{'' if entry.purchase else ', no purchase'}"


def purchases(verdicts: Iterable[Verdict]) -> Iterator[Fact]:
    """Count the orders that are a purchase by their status."""
    for verdict in verdicts:
        if verdict.table == "order":
            known = vocabulary("order.status").words
            status = [word for word in verdict.words if word.column == "status"]
            none = sum(w.rows for w in status if w.taken_for is None or not known[w.taken_for].purchase)
            yield Fact("orders that are purchases", verdict.rows - none, verdict.rows)


def advice(found: Sequence[WordCheck], facts: Iterable[Fact]) -> Iterator[str]:
    """Say what to do about words that are not known, orders that are not paid and lines that are there twice."""
    columns = dict.fromkeys(word.column for word in found if not word.known)
    for column in columns:
        unknown = [word for word in found if word.column == column and not word.known]
        named = ", ".join(f"{word.word!r} ({word.counted()})" for word in unknown[:5])
        more = f" and {len(unknown) - 5:,} more" if len(unknown) > 5 else ""
        does = "Such orders count as no purchase" if column == "order.status" else "Such rows are refused"
        yield (
            f"{column} holds words that are not known: {named}{more}. {does}. Give each one of the contract's in the view: "
            f"CASE … WHEN {unknown[0].word!r} THEN '…' (docs/contract.md, Words)."
        )
    waiting = sum(word.share for word in found if word.column == "order.status" and "no sale yet" in word.means)
    if waiting > 0.5:
        yield (
            f"{waiting:.1%} of the orders are no sale yet by their status. If your shop leaves sold orders in such a state "
            "(Medusa does, in pending), say 'placed' for it in the view."
        )
    for fact in facts:
        if fact.what == "orders whose lines are there twice" and fact.n >= max(1, 0.01 * fact.of):
            yield (
                f"The lines of {fact.n:,} of {fact.of:,} orders add up to twice their total or more, or each is there again: "
                "an edited order's versions, or a join that multiplies. Keep the lines of the current version in the view "
                '(Medusa: JOIN … ON item.version = "order".version).'
            )
