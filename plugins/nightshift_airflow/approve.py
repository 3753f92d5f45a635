"""A person lets a challenger serve, in Airflow's own page (Required Actions): approve, refuse, or let the deadline pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from nightshift_airflow import assets, tasks

DEADLINE = "nobody, the deadline passed"
WORDS = {"words": Param(None, type=["null", "string"], title="Why", description="Kept with the decision.")}
"""What the form asks beside the choice, and may stay empty: without null Airflow's page disables the buttons until it is filled.

Handed to the operator by its DAG, so that Airflow knows it as the task's own."""


class Approve(ApprovalOperator):  # type: ignore[misc]  # Airflow has no types
    """Ask whether the version that ``train`` made may serve; skipped where nobody wants to be asked.

    Parameters
    ----------
    capability : str
    """

    def __init__(self, *, capability: str, **options: Any) -> None:
        super().__init__(
            subject=f"Shall a new model of {capability} serve?",
            body="The report of the training.",
            defaults=self.REJECT,
            **options,
        )
        self.capability = capability

    def execute(self, context: Any) -> Any:
        """Put the report before a person and wait, as long and with the default that ``ml_config.approval`` says."""
        trained: Mapping[str, Any] = context["ti"].xcom_pull(task_ids="train") or {}
        if trained.get("status") != "asked":
            raise AirflowSkipException("No approval is asked for.")
        self.subject = f"Shall version {trained['version']} of {self.capability} serve?"
        self.body = trained["report"]
        self.defaults = [self.APPROVE if trained["otherwise"] else self.REJECT]
        self.response_timeout = timedelta(hours=trained["hours"])
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Keep who decided what, with which words; an approval is an event of the model."""
        trained = context["ti"].xcom_pull(task_ids="train")
        answer = super().execute_complete(context, event)
        approved = answer["chosen_options"] == [self.APPROVE]
        who = answer.get("responded_by_user") or {}
        person = who.get("name") or who.get("id") or DEADLINE
        words = (answer.get("params_input") or {}).get("words") or ""
        row = tasks.answer(self.capability, trained["version"], approved=approved, person=person, words=words)
        if approved:
            alias = context["outlet_events"][assets.maybe_model(self.capability)]
            alias.add(assets.model(self.capability), extra={"version": trained["version"], "why": row["why"]})
        return {"approved": approved, "person": person, "why": row["why"]}
