"""Who may see and who may change: Airflow's login and its rights on the DAG ``night``, and a token in each form."""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.configuration import conf
from fastapi import Depends, HTTPException, Request

DAG = "night"
may_see = requires_access_dag("GET", param_dag_id=DAG)
"""401 without a login; 403 for who may not see the DAG ``night``."""
may_change = requires_access_dag("PUT", param_dag_id=DAG)
"""403 for who may not change it: viewers."""

User = Annotated[Any, Depends(get_user)]


def person(user: Any) -> str:
    """The name under which a change is written down."""
    return str(user.get_name()) if hasattr(user, "get_name") else str(user)


def changes(request: Request, user: Any) -> bool:
    """Whether the user may change something: whether the page shows its buttons."""
    try:
        may_change(request, user)
    except HTTPException:
        return False
    return True


def token(user: Any, day: datetime | None = None) -> str:
    """What a form of ours carries: nobody else can make it, and it is good for this person until tomorrow's end."""
    when = (day or datetime.now(UTC)).date().isoformat()
    key = (conf.get("api", "secret_key", fallback="") or os.environ.get("NIGHTSHIFT_HASH_KEY", "")).encode()
    return hmac.new(b"nightshift console" + key, f"{person(user)}\n{when}".encode(), hashlib.sha256).hexdigest()


def _refuse(why: str) -> HTTPException:
    return HTTPException(403, f"{why} Nothing was changed. Open the page again and press the button there.")


def check_origin(request: Request) -> None:
    """Refuse what another site sent."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _refuse("This form was sent by another site.")


def check_token(given: str, user: User) -> None:
    """Refuse a form that carries no token of this person, of today or yesterday."""
    now = datetime.now(UTC)
    if not any(hmac.compare_digest(given.encode(), token(user, now - timedelta(days=ago)).encode()) for ago in (0, 1)):
        raise _refuse("The form carries no valid token.")


async def form(request: Request, user: User) -> dict[str, str]:
    """The fields of a form of ours, for who may change something; refused if another page sent it."""
    may_change(request, user)
    check_origin(request)
    fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    check_token(fields.pop("csrf", ""), user)
    return {name: value.replace("\x00", "") for name, value in fields.items()}


Form = Annotated[dict[str, str], Depends(form)]
"""The fields of a form that may change something."""
