"""A person's answer, as Airflow hands it to the operator: approve, refuse, or the deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from nightshift_airflow import approve, assets, tasks

ASKED = {"status": "asked", "version": 7, "hours": 6.0, "otherwise": True, "report": "# Order risk"}


class Events(dict):
    """Airflow's outlet events: what was added to each alias."""

    def __missing__(self, alias: Any) -> Any:
        self[alias] = SimpleNamespace(added=[])
        self[alias].add = lambda asset, extra: self[alias].added.append((asset.name, extra))
        return self[alias]


def context(trained: dict[str, Any] | None) -> dict[str, Any]:
    """A task's context after ``train`` handed this on."""
    ti = SimpleNamespace(id="a task", xcom_pull=lambda **_: trained)
    return {"ti": ti, "task_instance": ti, "outlet_events": Events()}


@pytest.fixture
def operator(bag: Any) -> Any:
    """The task ``approve`` of a training."""
    return bag.dags["train_risk"].get_task("approve")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was written down."""
    kept: list[dict[str, Any]] = []

    def answer(name: str, version: int, **reply: Any) -> dict[str, Any]:
        kept.append({"name": name, "version": version} | reply)
        return {"why": "as said"}

    monkeypatch.setattr(tasks, "answer", answer)
    return kept


def event(choice: str, who: dict[str, str] | None, words: str = "") -> dict[str, Any]:
    """An answer as Airflow gives it."""
    return {
        "chosen_options": [choice],
        "params_input": {"words": words},
        "responded_at": datetime(2026, 1, 1, tzinfo=UTC),
        "responded_by_user": who,
    }


def test_nobody_is_asked_where_nobody_wants_to_be(operator: Any) -> None:
    """A training that promoted or refused by itself skips the question."""
    with pytest.raises(AirflowSkipException):
        operator.execute(context({"status": "promote", "version": 7}))
    with pytest.raises(AirflowSkipException):
        operator.execute(context(None))


def test_the_question_has_the_report_a_deadline_and_a_default(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person sees is the model card; how long it waits, and what then, is what the shop's staff wrote."""
    questions: list[Any] = []
    monkeypatch.setattr(approve.ApprovalOperator, "execute", lambda self, _: questions.append(self))
    operator.execute(context(ASKED))
    (question,) = questions
    assert question.subject == "Shall version 7 of risk serve?"
    assert (question.body, question.response_timeout, question.defaults) == (
        "# Order risk",
        timedelta(hours=6),
        ["Approve"],
    )
    operator.execute(context(ASKED | {"otherwise": False}))
    assert questions[-1].defaults == ["Reject"]
    assert set(question.serialized_params) == {"words"}


@pytest.mark.parametrize(
    ("choice", "who", "approved", "person"),
    [
        ("Approve", {"id": "3", "name": "Ada"}, True, "Ada"),
        ("Reject", {"id": "3", "name": "Ada"}, False, "Ada"),
        ("Reject", None, False, approve.DEADLINE),
    ],
)
def test_the_answer_is_kept(
    operator: Any, answers: list[dict[str, Any]], choice: str, who: Any, *, approved: bool, person: str
) -> None:
    """Choice, name and words are written down; an approval is an event of the model, a refusal none."""
    task_context = context(ASKED)
    answer = operator.execute_complete(task_context, event(choice, who, "checked"))
    assert answers == [{"name": "risk", "version": 7, "approved": approved, "person": person, "words": "checked"}]
    assert answer == {"approved": approved, "person": person, "why": "as said"}
    events = [asset for alias in task_context["outlet_events"].values() for asset in alias.added]
    assert events == ([(assets.model("risk").name, {"version": 7, "why": "as said"})] if approved else [])
