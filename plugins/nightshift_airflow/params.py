"""What a person can choose when pressing Trigger, and which night a run is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Param

from ml.core.errors import WrongUse, unknown
from ml.core.spec import Capability


def _night() -> Param:
    return Param(
        None,
        type=["null", "string"],
        format="date",
        title="Night",
        description="Which night: only what the shop knew before this day began is used. Empty: the day of Airflow's "
        "logical date above, which is today unless it is changed. If both are set, this one counts.",
    )


def night_params(capabilities: Mapping[str, Capability]) -> dict[str, Param]:
    """The form of ``night``: the same names and meanings as :func:`ml.pipeline.run_night`."""
    names = list(capabilities)
    return {
        "night": _night(),
        "capabilities": Param(
            names,
            type="array",
            title="Capabilities",
            description="Which questions to answer. One that waits for a table of the shop is skipped.",
            examples=names,
            values_display={name: spec.title for name, spec in capabilities.items()},
        ),
        "force_train": Param(
            False,
            type="boolean",
            title="Train anew",
            description="Learn tonight although a model serves already; the gate still decides which one serves.",
        ),
        "sample": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Rehearse on so many customers",
            description="A rehearsal: every step runs, nothing is published. Empty: the whole shop.",
        ),
        "accept_growth": Param(
            False,
            type="boolean",
            title="Accept a jump in rows",
            description="A table that is suddenly much larger or smaller stops the night, unless it is meant.",
        ),
        "fresh": Param(
            False,
            type="boolean",
            title="Read the shop again",
            description="Do not use the snapshot that there is of this night.",
        ),
        "publish_past": Param(
            False,
            type="boolean",
            title="Publish a night of the past",
            description="A night that is older than what the shop reads is a rehearsal: it scores and publishes nothing. "
            "On: it replaces the newer tables; the log of publish names them.",
        ),
    }


def train_params() -> dict[str, Param]:
    """The form of ``train_<capability>``."""
    return {
        "night": _night(),
        "force": Param(
            True,
            type="boolean",
            title="Although a model serves",
            description="Off: learn only if no model serves yet.",
        ),
        "thorough": Param(
            True,
            type="boolean",
            title="Take the time",
            description="Also learn what takes too long for a night that trains on its way. Off: as such a night does.",
        ),
    }


def live_params() -> dict[str, Param]:
    """The form of ``live_<capability>``."""
    return {
        "again": Param(
            False,
            type="boolean",
            title="Score again",
            description="Also what is as it was when it was scored: for after the promotion of another model.",
        ),
    }


def night_of(params: Mapping[str, Any], dag_run: Any, timezone: str) -> date:
    """The night of a run: the one asked for, else the day, in the shop's time zone, on which the run was due.

    A run by Trigger has no logical date; the time it was due stays the same when a task is tried again.
    """
    if requested := params.get("night"):
        return date.fromisoformat(requested)
    due = dag_run.logical_date or dag_run.run_after
    day: date = due.astimezone(ZoneInfo(timezone)).date()
    return day


def check_capabilities(requested: object, known: Mapping[str, Capability]) -> None:
    """Refuse a name that the registry does not know, and an empty list, before anything is read."""
    names = requested if isinstance(requested, list) else [requested]
    for name in names:
        if name not in known:
            raise unknown("capability", str(name), known)
    if not names:
        raise WrongUse("No capability is chosen.", came="an empty list", do="choose among " + ", ".join(known))
