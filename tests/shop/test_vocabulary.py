"""What shops write is read as the contract's words, and what is not known is never guessed."""

from __future__ import annotations

from collections import defaultdict

import pytest

from ml.contract.tables import TABLES
from ml.contract.vocabulary import UNKNOWN, key, statuses, vocabularies, vocabulary


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("canceled", "cancelled"),
        ("Cancelled", "cancelled"),
        (" CANCELED ", "cancelled"),
        ("wc-cancelled", "cancelled"),
        ("wc-checkout-draft", "draft"),
        ("void", "cancelled"),
        ("voided", "cancelled"),
        ("failed", "cancelled"),
        ("wc-failed", "cancelled"),
        ("trash", "cancelled"),
        ("expired", "cancelled"),
        ("refunded", "refunded"),
        ("wc-refunded", "refunded"),
        ("draft", "draft"),
        ("pending", "pending"),
        ("on-hold", "pending"),
        ("On Hold", "pending"),
        ("ON_HOLD", "pending"),
        ("holded", "pending"),
        ("pending_payment", "pending"),
        ("PaymentPending", "pending"),
        ("wc-processing", "paid"),
        ("complete", "delivered"),
        ("completed", "delivered"),
        ("PARTIALLY_FULFILLED", "shipped"),
        ("UNFULFILLED", "placed"),
        ("sale", "placed"),
        ("Payment accepted", "paid"),
        ("in_progress", "paid"),
        ("Storniert", "cancelled"),
        ("Rückerstattet", "refunded"),
        ("Échouée", "cancelled"),
        ("cancelado", "cancelled"),
        ("Concluído", "delivered"),
        ("pendiente de pago", "pending"),
        ("Wysłane", "shipped"),
        ("returned", "returned"),
    ],
)
def test_spellings_of_a_status(written: str, word: str) -> None:
    """The words of the common platforms and languages, in any case and with any mark between letters."""
    assert vocabulary("order.status").read(written) == word


@pytest.mark.parametrize("written", ["frobnicated", "", "80", "closed", "sent", "archived", "unknown"])
def test_what_is_not_known_or_says_two_things_is_unknown(written: str) -> None:
    """A word of no meaning, and one that two platforms use for opposite things, is no purchase and nothing else."""
    assert vocabulary("order.status").read(written) is None
    assert vocabulary("order.status").clean(written) == UNKNOWN


def test_every_spelling_means_one_word() -> None:
    """No spelling stands under two words, and each word is spelled by its own name."""
    for each in vocabularies().values():
        found = defaultdict(set)
        for word in each.words.values():
            for text in (word.name, *word.spellings):
                found[key(text)].add(word.name)
        assert {text: words for text, words in found.items() if len(words) > 1} == {}
        assert [each.read(word) for word in each.words] == list(each.words)


def test_what_counts_as_bought() -> None:
    """Drafts, what is not paid, called off or refunded is no purchase; what came back was bought."""
    assert statuses(purchase=True) == ("placed", "paid", "shipped", "delivered", "partly_returned", "returned")
    assert statuses(open=True) == ("pending", "placed", "paid")


def test_an_open_vocabulary_keeps_other_words() -> None:
    """Methods of payment that are not known stay apart from each other; known ones fall together."""
    method = vocabulary("payment.method")
    assert [method.clean(text) for text in ("Credit Card", "credit_card", "Kreditkarte", " Afterpay ")] == [
        "card",
        "card",
        "card",
        "afterpay",
    ]


def test_columns_name_vocabularies_that_exist() -> None:
    """Every column of words has its vocabulary."""
    named = {column.words for table in TABLES.values() for column in table.columns if column.words}
    assert named == set(vocabularies()) - {"boolean"}
