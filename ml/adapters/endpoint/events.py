"""Events that a shop's pages post: held to a form, and written once each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

import psycopg2.extras
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from ml.adapters import postgres

MOST = 100
"""Events of one request."""
OLDEST, AHEAD = timedelta(days=7), timedelta(minutes=5)
_COLUMNS = (
    "event_id",
    "kind",
    "customer_id",
    "session_id",
    "product_id",
    "query",
    "results",
    "position",
    "search_id",
    "list",
    "occurred_at",
)

Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Event(BaseModel):
    """One event. A clicked result of a search names the search in ``search_id``."""

    model_config = ConfigDict(extra="forbid")

    event_id: Text
    kind: Literal["view", "cart", "wish", "search", "shown", "clicked"]
    occurred_at: AwareDatetime = Field(description="With an offset; of the last 7 days.")
    customer_id: Text | None = None
    session_id: Text | None = None
    product_id: Text | None = None
    query: Text | None = None
    results: int | None = Field(default=None, ge=0, le=2**53)
    position: int | None = Field(default=None, ge=1, le=2**31)
    search_id: Text | None = None
    list: Text | None = Field(default=None, description="The list that was shown, as recommendation.")

    @field_validator("occurred_at")
    @classmethod
    def _lately(cls, value: datetime) -> datetime:
        now = datetime.now(UTC)
        if not now - OLDEST <= value <= now + AHEAD:
            raise ValueError("is not of the last 7 days")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "search" and not self.query:
            raise ValueError("a search has a query")
        if self.kind != "search" and not self.product_id:
            raise ValueError(f"{self.kind} has a product_id")
        return self


class Events(BaseModel):
    """What is posted."""

    model_config = ConfigDict(extra="forbid")

    events: Annotated[list[Event], Field(min_length=1, max_length=MOST)]


def keep(url: str, posted: Events, sent_by: str) -> int:
    """Write the events; one that is there already stays as it is.

    Returns
    -------
    int
        How many are new.
    """
    rows = [(*(getattr(event, column) for column in _COLUMNS), sent_by) for event in posted.events]
    statement = (
        f"INSERT INTO ml_ops.posted ({', '.join(_COLUMNS)}, sent_by) VALUES %s ON CONFLICT DO NOTHING RETURNING 1"  # noqa: S608  # names of ours
    )
    with postgres.transaction(url) as cursor:
        return len(psycopg2.extras.execute_values(cursor, statement, rows, fetch=True))
