"""What people are told when something goes wrong."""

from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ml.core.errors import DataRefused
from nightshift_airflow import alerts

TI = SimpleNamespace(
    task_id="recommender.publish", dag_id="night", run_id="r1", map_index=-1, try_number=2, log_url="http://ui/log"
)
REFUSED = DataRefused("ml.recommendation is not published.", came="coverage 0.2 < 0.5", do="read the suite")


@pytest.fixture
def webhook():
    """A web server that keeps what is posted to it."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}/secret-token", posted=posted)
        server.shutdown()


def wrapped():
    """The fault as a task raises it."""
    error = AirflowFailException(str(REFUSED))
    error.__cause__ = REFUSED
    return error


@pytest.mark.parametrize("error", [REFUSED, wrapped()])
def test_failure_text_is_all_that_a_person_needs(error):
    """Which task of which run, the fault's own words, what to do, and where the log is."""
    assert alerts.failure_text({"ti": TI, "exception": error}) == (
        "Nightshift: task recommender.publish of night failed (run r1, try 2).\n"
        "ml.recommendation is not published.\n"
        "  came: coverage 0.2 < 0.5\n"
        "  do:   read the suite\n"
        "  log:  http://ui/log"
    )


@pytest.mark.parametrize(
    ("error", "says"), [(ValueError("boom"), "ValueError: boom"), (None, "killed, out of memory"), ("gone", "gone")]
)
def test_an_unforeseen_error_also_says_what_to_do(error, says):
    """A bug, a killed process and an error that Airflow hands on as text each get an instruction."""
    text = alerts.failure_text({"ti": TI, "exception": error})
    assert says in text
    assert "clear the task" in text


def test_failure_text_names_the_shard():
    """A mapped task says which shard."""
    assert "shard 4" in alerts.failure_text({"ti": SimpleNamespace(**(vars(TI) | {"map_index": 4}))})


def test_the_alert_is_logged_and_posted(webhook, monkeypatch, caplog):
    """The text is in the task's log and, as JSON, at the address that the environment names."""
    monkeypatch.setenv(alerts.WEBHOOK, webhook.url)
    with caplog.at_level(logging.INFO, "nightshift.alert"):
        alerts.on_failure({"ti": TI, "exception": REFUSED})
    text = alerts.failure_text({"ti": TI, "exception": REFUSED})
    assert webhook.posted == [
        {"text": text, "kind": "failure", "dag": "night", "run": "r1", "task": "recommender.publish"}
    ]
    assert text in caplog.text


@pytest.mark.parametrize("tell", [alerts.on_failure, alerts.on_retry])
def test_a_failed_tasks_log_ends_with_what_came_and_what_to_do(tell, caplog):
    """Outside the group that Airflow folds, after the traceback; so does that of one that is tried again."""
    with caplog.at_level(logging.INFO, "nightshift.alert"):
        tell({"ti": TI, "exception": wrapped()})
    group, text = [record.getMessage() for record in caplog.records]
    assert group == "::endgroup::"
    assert alerts.failure_text({"ti": TI, "exception": REFUSED}) in text


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/secret-token", "file:///etc/secret-token"])
def test_an_alert_that_cannot_be_sent_hides_nothing(url, monkeypatch, caplog):
    """The failure stays the one that is seen; the address, which may hold a token, is not logged."""
    monkeypatch.setenv(alerts.WEBHOOK, url)
    with caplog.at_level(logging.INFO, "nightshift.alert"):
        alerts.on_failure({"ti": TI, "exception": REFUSED})
    assert "coverage 0.2" in caplog.text
    assert "secret-token" not in caplog.text


@pytest.mark.parametrize(("state", "alerted"), [("running", 1), ("queued", 1), ("failed", 0), ("success", 0)])
def test_a_late_night_is_told_once(state, alerted, webhook, monkeypatch):
    """A run that still goes on at its deadline raises an alert; one that is done has told of itself."""
    monkeypatch.setenv(alerts.WEBHOOK, webhook.url)
    run = {"dag_id": "night", "dag_run_id": "r1", "state": state}
    alerts.on_deadline({"dag_run": run, "deadline": {"deadline_time": "06:00"}})
    assert len(webhook.posted) == alerted
    assert all("night is late (run r1)" in alert["text"] for alert in webhook.posted)
