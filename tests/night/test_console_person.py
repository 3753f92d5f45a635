"""A person approves and refuses in Airflow's own page, in headless Chromium; of a third question the deadline passes."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest

from tests import airflow_page
from tests.browser import Browser
from tests.night.conftest import Stack
from tests.night.test_console import Visitor, admin, need_chromium

__all__ = ["admin"]
pytestmark = pytest.mark.night

QUICK = """
SELECT p.capability FROM (SELECT DISTINCT ON (capability) * FROM ml_ops.promotion ORDER BY capability, id DESC) AS p
JOIN (SELECT capability, max(seconds) AS seconds FROM ml_ops.step WHERE step = 'train' GROUP BY 1) AS s USING (capability)
WHERE p.decision = 'promote' ORDER BY s.seconds LIMIT 3
"""
"""Capabilities whose models won by themselves, those that learn fastest."""
LAST = "SELECT decision || '|' || coalesce(person, '') || '|' || why AS told FROM ml_ops.promotion WHERE capability = '{name}' ORDER BY id DESC LIMIT 1"
DEADLINE_S = 20


def test_a_person_answers_in_airflows_own_page(stack: Stack, admin: Visitor, tmp_path: Path) -> None:
    """Approve and refuse with words, which are kept with the name; without an answer the default is taken."""
    need_chromium()
    names = [row["capability"] for row in stack.rows(QUICK)]
    assert len(names) == 3
    chosen = ", ".join(f"'{name}'" for name in names)
    # The night after: a snapshot holds what ml_config said when it was taken.
    night = str(stack.value("SELECT (max(night) + 1)::text AS n FROM ml_ops.night"))
    # Where nobody serves a challenger stands against the baseline alone, and wins as it did in the night.
    stack.write(
        f"CREATE TABLE ml_ops.promotion_kept AS SELECT * FROM ml_ops.promotion WHERE capability IN ({chosen});"
        f"DELETE FROM ml_ops.promotion WHERE capability IN ({chosen});"
        + "".join(
            f"INSERT INTO ml_config.approval (capability, wanted, hours, otherwise) VALUES ('{name}', true, {hours}, 'refuse') "
            "ON CONFLICT (capability) DO UPDATE SET wanted = true, hours = excluded.hours, otherwise = 'refuse';"
            for name, hours in zip(names, (1, 1, DEADLINE_S / 3600), strict=True)
        )
    )
    try:
        runs = {name: f"asked-{uuid.uuid4().hex[:8]}" for name in names}
        for name, run in runs.items():
            body = {"dag_run_id": run, "logical_date": None, "conf": {"night": night, "force": True, "thorough": False}}
            admin._open(f"/api/v2/dags/train_{name}/dagRuns", json.dumps(body))
        token = dict(admin.opener.addheaders)["Cookie"].partition("=")[2]
        with Browser(tmp_path / "profile") as browser:
            browser.cookie(admin.base, "_token", token)
            for name, choice in zip(names, ("Approve", "Reject"), strict=False):
                _ask(browser, airflow_page.page_of(admin.base, f"train_{name}", runs[name]))
                assert f"of {name} serve?" in browser.words()
                airflow_page.answer(browser, choice, f"looked at {name}")
        approved, refused, late = (_decided(stack, name) for name in names)
        assert approved[0] == "manual"
        assert approved[2] == f"approved by admin: looked at {names[0]}"
        assert refused[0] == "refuse"
        assert refused[2] == f"refused by admin: looked at {names[1]}"
        assert late[0] == "refuse"
        assert "nobody, the deadline passed" in late[2]
    finally:
        stack.write(
            f"DELETE FROM ml_config.approval WHERE capability IN ({chosen});"
            f"DELETE FROM ml_ops.promotion WHERE capability IN ({chosen});"
            "INSERT INTO ml_ops.promotion OVERRIDING SYSTEM VALUE SELECT * FROM ml_ops.promotion_kept;"
            "DROP TABLE ml_ops.promotion_kept"
        )


def _ask(browser: Browser, address: str, seconds: float = 600) -> None:
    """Open the page until it asks: the training before it takes its time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        browser.open(address)
        if airflow_page.asked(browser, 8):
            return
    raise AssertionError(f"the page does not ask: {browser.words()[:1500]}")


def _decided(stack: Stack, name: str, seconds: float = 600) -> list[str]:
    """The last decision of a capability, its person and its words, once it no longer waits."""
    end, told = time.monotonic() + seconds, ["waiting"]
    while time.monotonic() < end and told[0] == "waiting":
        found = stack.rows(LAST.format(name=name))
        told = str(found[0]["told"]).split("|", 2) if found else ["waiting"]
    return told
