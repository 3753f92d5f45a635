"""Words of every capability in other languages: what a page or a table shows has a message."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from ml.adapters.quality.suite import Suite
from ml.core import console
from ml.core.figures import Figure
from ml.core.platform import PLATFORM
from ml.core.spec import Capability, ConfigTable
from ml.learn import drift
from ml.learn.experiments import Effect
from ml.pipeline.drift import _drifted, input_alerts
from ml.pipeline.effects import verdict
from ml.pipeline.truth import Due, worse
from ml.registry import CAPABILITIES
from ml.settings import PROJECT
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
    meanings = {each.meaning for table in (*spec.publishes, *spec.config) for each in (table, *table.columns)}
    checks = {words for table in spec.config for words in table.checks}
    more = console.of(spec)
    probes = [probe for each in more.probes.values() for probe in each]
    own = {panel.title for panel in more.panels} | {probe.words for probe in probes}
    own |= {figure for probe in probes if isinstance(probe, console.Estimate) for figure in probe.figures}
    own |= {action.words for each in more.actions.values() for action in each}
    specs = {spec.title, spec.question, *spec.headlines, *tables, *columns, *units, *meanings, *checks} - {""}
    return {*specs, *own, *more.later.values()}


def labels(table: ConfigTable) -> set[str]:
    """What a form of ``ml_config`` shows."""
    columns = {text for c in table.columns for text in (c.name.replace("_", " "), c.unit, c.meaning) if text}
    return {look.title(table.name), table.meaning, *table.checks, *columns}


@pytest.mark.parametrize("name", CAPABILITIES)
def test_what_the_pages_show_of_a_capability_has_a_message(name: str) -> None:
    """Title, question, headlines, tables, columns, units, meanings, checks, panels: in every language that there is."""
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

    texts = {
        _worded(name, value, usual)
        for name in columns.NUMBERS
        for value, usual in ((1.0, 0.25), (7.0, None), (None, 1.0))
        if name not in ("hour", "weekday")
    }
    texts |= {_worded(name, "x", None, {"x": 0.5}, 0.1) for name in columns.CATEGORIES}
    texts |= {_clock("weekday", 86_400 * day, None, "UTC") for day in range(7)} | {_clock("hour", 86_400, 14.9, "UTC")}
    texts |= {
        worded(what, value, 0.01)
        for _, what in columns.ENCODED.values()
        for worded, value in ((_rate, 0.5), (_seen, 0.7), (_seen, 0.0))
    }
    put = reasons("ml.capabilities.risk", "zh")
    assert put is not None
    assert {lack for text in texts for lack in put.lacking(text)} == set()
    english = {text: re.findall(r"[a-z]{3,}", put(text)) for text in texts}
    assert {text: words for text, words in english.items() if words} == {}


def test_the_words_of_recommendations_have_messages() -> None:
    """Every template that the staff may change begins with words that can be said."""
    from ml.capabilities.recommender.templates import TEMPLATES

    known = messages.read(messages.folder("ml.capabilities.recommender") / "zh.po", "zh").reasons
    assert set(TEMPLATES.values()) <= set(known)


def test_every_rule_of_the_shops_tables_has_a_message() -> None:
    """The page Data names a rule that was broken: each is said in every language that there is."""
    suites = [Suite.load(path) for path in sorted((PROJECT / "expectations" / "shop").glob("*.json"))]
    names = {rule.name for suite in suites for rule in (*suite.rows, *suite.facts)}
    assert len(names) > 100
    for language in set(languages()) - {messages.ENGLISH}:
        words = Words(language)
        assert {name for name in names if words.sentence(name) == name} == set()


def test_what_the_monitor_says_has_a_message() -> None:
    """Alerts of inputs, of figures that drift, of promises not kept, of experiments, and verdicts: in words and advice."""
    name, days = "order", "rows, last 7 days"
    found = [
        drift.Finding("order.total", what, 0.0, 5.0, float("nan"), 9.5, 1e-8, True, 100.0)
        for what in ("rows", days, "share of 'card', beside the night before", "share with a new form", "level")
    ]
    alerts = input_alerts(found)
    spec = CAPABILITIES["risk"]
    alerts += _drifted(spec, "feature", [Figure("feature", name, 0.5, units=1000, version=3)])
    alerts += _drifted(spec, "prediction", [Figure("prediction", name, 0.5, units=1000, version=3)])
    verdict_ = {"promised": {"mean": 0.5, "low": 0.45, "high": 0.55, "error": 0.01}}
    due = Due({"verdict": verdict_, "night": "2026-11-01"}, timedelta(days=28), promised=True)
    metric = spec.gate.metric
    figure = Figure("truth", metric, 0.1, low=0.05, high=0.15, units=5000, version=2)
    for figures in ([figure], [figure, replace(figure, name=f"baseline: {metric}")], [replace(figure, units=0)]):
        alerts += worse(spec, due, figures)
    assert len(alerts) == len(found) + 5
    texts = {text for alert in alerts for text in (alert.words, alert.advice)}
    effect = Effect(1.0, 0.5, 1.5, 0.2, 5.0, 4.0)
    for one in (effect, replace(effect, low=-0.5), replace(effect, effect=-1.0, low=-2.0, high=-0.5)):
        texts.add(verdict(one, "money per customer", 0.5))
    texts |= {verdict(effect, "money per customer", 1e-9), verdict(replace(effect, low=float("nan")), "x", 0.5)}
    for language in set(languages()) - {messages.ENGLISH}:
        words = Words(language)
        assert {text for text in texts if words.sentence(text) == text} == set()
    assert Words("zh").sentence(alerts[1].words).startswith("shop.order.total：行数，最近 7 天停止了：0")


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
