"""Words of every capability in other languages: what a page or a table shows has a message."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from ml.core import console
from ml.core.platform import PLATFORM
from ml.core.spec import Capability, ConfigTable
from ml.registry import CAPABILITIES
from ml.text import messages
from ml.text.messages import reasons
from nightshift_airflow.console import look
from nightshift_airflow.console.words import FOLDER, Words, catalogue, languages
from tests.contract.cases import Case

CUSTOMERS_WORDS = {"review_sentiment"}
"""Tables whose reasons are a customer's own words."""


def test_reasons_have_a_message(case: Case) -> None:
    """Each part of each reason that the sample's rows have is said in every language that there is."""
    for language in set(languages()) - {messages.ENGLISH}:
        put = reasons(case.capability.package, language)
        assert put is not None, f"no {language}.po with reasons"
        for name, table in case.rows.items():
            if "reason" in table.column_names and name not in CUSTOMERS_WORDS:
                texts = {text for text in table["reason"].to_pylist() if text}
                lacking = {lack for text in texts for lack in put.lacking(text)}
                assert lacking == set(), (name, language)
                assert all(put(text) != text for text in texts), name


def shown(spec: Capability) -> set[str]:
    """What the pages show of a capability, from its spec."""
    tables = {look.title(table.name) for table in (*spec.publishes, *spec.config)}
    columns = {c.name.replace("_", " ") for table in (*spec.publishes, *spec.config) for c in table.columns}
    units = {c.unit for table in (*spec.publishes, *spec.config) for c in table.columns if c.unit}
    more = console.of(spec)
    own = {panel.title for panel in more.panels} | {probe.words for each in more.probes.values() for probe in each}
    return {spec.title, spec.question, *spec.headlines, *tables, *columns, *units, *own, *more.later.values()}


def labels(table: ConfigTable) -> set[str]:
    """What a form of ``ml_config`` shows beside its meanings."""
    columns = {c.name.replace("_", " ") for c in table.columns} | {c.unit for c in table.columns if c.unit}
    return {look.title(table.name), *columns}


@pytest.mark.parametrize("name", CAPABILITIES)
def test_what_the_pages_show_of_a_capability_has_a_message(name: str) -> None:
    """Title, question, headlines, tables, column labels, units, panels: in every language that there is."""
    for language in set(languages()) - {messages.ENGLISH}:
        assert {text for text in shown(CAPABILITIES[name]) if text not in catalogue(language)} == set()


def test_what_belongs_to_no_capability_has_a_message() -> None:
    """The forms of approvals, experiments and the language itself."""
    for language in set(languages()) - {messages.ENGLISH}:
        assert {text for table in PLATFORM for text in labels(table) if text not in catalogue(language)} == set()


def test_every_fact_of_order_risk_has_a_message() -> None:
    """Not only those that a sample has: each column that a model may name, usual or not, known or not."""
    from ml.capabilities.risk import columns
    from ml.capabilities.risk.reasons import _clock, _rate, _seen, _worded

    told = {
        _worded(name, value, usual)
        for name in columns.NUMBERS
        for value, usual in ((1.0, 0.25), (7.0, None), (None, 1.0))
        if name not in ("hour", "weekday")
    }
    told |= {_worded(name, "x", None, {"x": 0.5}, 0.1) for name in columns.CATEGORIES}
    told |= {_clock("weekday", 86_400 * day, None, "UTC") for day in range(7)} | {_clock("hour", 86_400, 14.9, "UTC")}
    told |= {
        said(what, value, 0.01)
        for _, what in columns.ENCODED.values()
        for said, value in ((_rate, 0.5), (_seen, 0.7), (_seen, 0.0))
    }
    put = reasons("ml.capabilities.risk", "zh")
    assert put is not None
    assert {lack for text in told for lack in put.lacking(text)} == set()
    english = {text: re.findall(r"[a-z]{3,}", put(text)) for text in told}
    assert {text: words for text, words in english.items() if words} == {}


def test_the_words_of_recommendations_have_messages() -> None:
    """Every template that the staff may change begins with words that can be said."""
    from ml.capabilities.recommender.templates import TEMPLATES

    known = messages.read(messages.folder("ml.capabilities.recommender") / "zh.po", "zh").reasons
    assert set(TEMPLATES.values()) <= set(known)


def test_names_of_messages_are_filled() -> None:
    """A translation of a reason names what its English template names, nothing twice, nothing else."""
    folders = [FOLDER, messages.SHARED, *(messages.folder(spec.package) for spec in CAPABILITIES.values())]
    for folder in folders:
        for english, put in messages.read(folder / "zh.po", "zh").reasons.items():
            assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", put)), english


def test_what_has_no_message_stays_english() -> None:
    """A capability without a catalogue, a text without a message, no text at all: as published."""
    chinese = Words("zh")
    assert chinese.reason("nobody", "5 orders") == "5 orders"
    assert chinese.reason("risk", "a new kind of reason") == "a new kind of reason"
    assert chinese.reason("risk", "a new kind; nothing unusual") == "a new kind；没有异常"
    assert chinese.reason("risk", None) == ""
    assert reasons("ml.kernels", "zh") is None
    rows = pa.RecordBatch.from_pydict({"reason": ["nothing unusual", None, "x"]})
    (put,) = messages.translated([rows], "ml.capabilities.risk", "zh")
    assert put["reason"].to_pylist() == ["没有异常", None, "x"]
    assert next(messages.translated([rows], "ml.capabilities.risk", "en")) is rows
