"""Airflow's own page of a task that waits for a person (Required Actions), as a browser sees it."""

from __future__ import annotations

from urllib.parse import quote

from tests.browser import Browser

CHOICE = '[data-testid="hitl-option-{choice}"]'
WORDS = "#element_words"
PARTS = ("hitl-option-", "element_", "required_actions")
"""What this module rests on, as it stands in the scripts of Airflow's page."""


def page_of(base: str, dag: str, run: str, task: str = "approve") -> str:
    """Address of the page."""
    return f"{base}/dags/{quote(dag)}/runs/{quote(run, safe='')}/tasks/{task}/required_actions"


def asked(browser: Browser, seconds: float) -> bool:
    """Whether the page asks, within so many seconds."""
    return browser.until(f"document.querySelector('{CHOICE.format(choice='Approve')}:not([disabled])')", seconds)


def answer(browser: Browser, choice: str, words: str) -> None:
    """Write why, and press ``Approve`` or ``Reject``."""
    if words:
        browser.write(WORDS, words)
    browser.click(CHOICE.format(choice=choice))
    gone = f"!document.querySelector('{CHOICE.format(choice=choice)}:not([disabled])')"
    assert browser.until(gone), f"the answer was not taken: {browser.words()[:1500]}"
