"""The browser of the nights' tests on a page as Airflow's is, and what that page still has of what they press."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import airflow_page
from tests.browser import Browser
from tests.console_axe import mirror

PAGE = b"""<!doctype html><title>t</title><div id="root">loading</div><script>
setTimeout(() => {
  document.getElementById("root").innerHTML = '<input id="element_words"><button data-testid="hitl-option-Approve">Approve</button>' +
    '<button data-testid="hitl-option-Reject">Reject</button><pre id="told"></pre>';
  let typed = "";
  document.getElementById("element_words").addEventListener("input", (event) => { typed = event.target.value; });
  for (const button of document.querySelectorAll("button")) button.addEventListener("click", (event) => {
    document.getElementById("told").textContent = button.textContent + ": " + typed + (event.isTrusted ? "" : " by script");
    for (const each of document.querySelectorAll("button")) each.disabled = true;
  });
}, 300);
</script>"""


def test_a_question_is_answered_by_mouse_and_keys(tmp_path: Path) -> None:
    """The browser waits for a page that draws itself, types, presses as a person does, and sees that it was taken."""
    if not shutil.which("chromium"):
        pytest.skip("there is no chromium here")
    with mirror(lambda _: (200, "text/html", PAGE)) as base, Browser(tmp_path / "profile") as browser:
        browser.open(airflow_page.page_of(base, "train_risk", "manual__2026-11-28T00:00:00+00:00"))
        assert airflow_page.asked(browser, 20)
        airflow_page.answer(browser, "Reject", "figures looked odd, für mich")
        assert browser.tell("document.getElementById('told').textContent") == "Reject: figures looked odd, für mich"
        assert (
            browser.tell("location.pathname")
            == "/dags/train_risk/runs/manual__2026-11-28T00%3A00%3A00%2B00%3A00/tasks/approve/required_actions"
        )
        assert not airflow_page.asked(browser, 0.2)


def test_airflows_page_still_has_what_is_pressed() -> None:
    """An upgrade of Airflow that names the buttons or the field otherwise is seen here, not after a night."""
    import airflow

    scripts = (Path(airflow.__file__).parent / "ui" / "dist" / "assets").glob("index-*.js")
    text = "".join(path.read_text("utf-8", "ignore") for path in scripts)
    assert [part for part in airflow_page.PARTS if part not in text] == []
