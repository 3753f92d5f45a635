"""Which model version was decided about when, which one serves, and the digests of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg2.extras import Json, execute_values

from ml.adapters import postgres
from ml.adapters.postgres.acting import publishing
from ml.core.errors import NightshiftError, WrongUse

_SERVING = """
SELECT v.capability, v.version, v.run_id, v.shop, v.as_of, v.recipe, v.params, v.baseline, v.metrics,
       p.id, p.decision, p.why, p.at
FROM ml_ops.promotion AS p JOIN ml_ops.version AS v USING (capability, version)
WHERE v.capability = %(capability)s AND v.shop = %(shop)s AND v.as_of <= %(as_of)s AND v.withdrawn_at IS NULL
  AND p.decision IN ('promote', 'baseline', 'manual', 'replay')
  -- A replay was trained for nights of the past: a night that knows a later champion is served by that one.
  AND NOT (p.decision = 'replay' AND EXISTS (
        SELECT FROM ml_ops.promotion AS q JOIN ml_ops.version AS w USING (capability, version)
        WHERE w.capability = v.capability AND w.shop = v.shop AND w.as_of > v.as_of AND w.as_of <= %(as_of)s
          AND w.withdrawn_at IS NULL AND q.decision IN ('promote', 'baseline', 'manual')))
ORDER BY p.id DESC LIMIT 1
"""


def digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files(folder: Path) -> dict[str, Path]:
    """Every file below ``folder`` by its path inside, with slashes."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


@dataclass(frozen=True)
class Registered:
    """A version as it was registered, and what was decided about it.

    Parameters
    ----------
    recipe : str
        Differs when a parameter differs.
    baseline : bool
        What serves is the simple method that a model must beat.
    metrics : mapping
        Figures of each model that was compared, by name.
    verdict : mapping
        All numbers of the decision, as plain JSON values.
    """

    capability: str
    version: int
    run_id: str
    shop: str
    as_of: datetime
    params: Mapping[str, Any]
    recipe: str
    baseline: bool
    decision: str
    why: str
    metrics: Mapping[str, Any]
    verdict: Mapping[str, Any] = field(default_factory=dict)


def record_version(url: str, registered: Registered, folder: Path) -> None:
    """Write down a registered version, the SHA-256 of each file in ``folder``, and what was decided about it."""
    artifacts = [
        (registered.capability, registered.version, f, digest(p), p.stat().st_size) for f, p in files(folder).items()
    ]
    if not artifacts:
        raise NightshiftError(
            f"The model of {registered.capability} has no file.",
            came=str(folder),
            do="let Model.save write at least one",
        )
    with publishing(url) as cursor:
        cursor.execute(
            """
            INSERT INTO ml_ops.version (capability, version, run_id, shop, as_of, recipe, params, baseline, metrics)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                registered.capability,
                registered.version,
                registered.run_id,
                registered.shop,
                registered.as_of,
                registered.recipe,
                Json(dict(registered.params)),
                registered.baseline,
                Json(dict(registered.metrics)),
            ),
        )
        execute_values(
            cursor, "INSERT INTO ml_ops.artifact (capability, version, file, sha256, bytes) VALUES %s", artifacts
        )
        _decide(
            cursor,
            registered.capability,
            registered.version,
            registered.decision,
            registered.why,
            registered.metrics,
            registered.verdict,
        )


def promote(url: str, capability: str, version: int, why: str, person: str | None = None) -> dict[str, Any]:
    """Let ``version`` serve from now on by a person's decision.

    Returns
    -------
    dict
        The row of ``ml_ops.promotion``.

    Raises
    ------
    NightshiftError
        There is no such version; lists those that there are.
    """
    with publishing(url) as cursor:
        cursor.execute(
            "SELECT version, metrics FROM ml_ops.version WHERE capability = %s AND withdrawn_at IS NULL ORDER BY 1",
            (capability,),
        )
        metrics = {row["version"]: row["metrics"] for row in cursor.fetchall()}
        if version not in metrics:
            raise WrongUse(
                f"{capability} has no version {version}.",
                came="versions: " + (", ".join(map(str, metrics)) or "none"),
                do=f"./nightshift train {capability} makes one",
            )
        return _decide(cursor, capability, version, "manual", why, metrics[version], person=person)


def withdrawn(url: str, capability: str, version: int) -> bool:
    """Whether a version's files were deleted: it held somebody who was erased, or served nobody any more."""
    rows = postgres.query(
        url,
        "SELECT FROM ml_ops.version WHERE capability = %s AND version = %s AND withdrawn_at IS NOT NULL",
        (capability, version),
    )
    return bool(rows)


def decide(
    url: str, capability: str, version: int, decision: str, why: str, *, person: str | None = None
) -> dict[str, Any]:
    """Write down one more decision about a version that is registered; gives the row of ``ml_ops.promotion``."""
    with publishing(url) as cursor:
        cursor.execute(
            "SELECT metrics FROM ml_ops.version WHERE capability = %s AND version = %s", (capability, version)
        )
        row = cursor.fetchone()
        return _decide(cursor, capability, version, decision, why, row["metrics"] if row else {}, person=person)


def waiting(url: str, capability: str) -> list[int]:
    """The versions about which the last word is that they wait for a person, the youngest first."""
    rows = postgres.query(
        url,
        """
        SELECT version FROM (
            SELECT DISTINCT ON (version) version, decision FROM ml_ops.promotion WHERE capability = %s
            ORDER BY version, id DESC) AS last
        WHERE decision = 'waiting' ORDER BY version DESC
        """,
        (capability,),
    )
    return [row["version"] for row in rows]


def _decide(
    cursor: postgres.Cursor,
    capability: str,
    version: int,
    decision: str,
    why: str,
    metrics: Mapping[str, Any],
    verdict: Mapping[str, Any] | None = None,
    *,
    person: str | None = None,
) -> dict[str, Any]:
    cursor.execute(
        """
        INSERT INTO ml_ops.promotion (capability, version, decision, why, metrics, verdict, person)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        RETURNING id, capability, version, decision, why, metrics, at, "by", person
        """,
        (capability, version, decision, why, Json(dict(metrics)), Json(dict(verdict or {})), person),
    )
    return dict(cursor.fetchone() or {})


def serving(url: str, capability: str, shop: str, as_of: datetime) -> dict[str, Any] | None:
    """The version that serves a night of ``shop`` at ``as_of``: the last promoted one trained on nothing later.

    Returns
    -------
    dict or None
        ``version``, ``run_id``, ``recipe``, ``params``, ``baseline``, ``metrics``, ``as_of``, ``decision``, ``why``, ….
    """
    rows = postgres.query(url, _SERVING, {"capability": capability, "shop": shop, "as_of": as_of})
    return rows[0] if rows else None


def champions(url: str) -> dict[str, int]:
    """By capability, the version that was last made champion, by the gate or by hand: what MLflow's alias should name."""
    rows = postgres.query(
        url,
        """
        SELECT DISTINCT ON (capability) capability, version FROM ml_ops.promotion
        WHERE decision IN ('promote', 'baseline', 'manual') ORDER BY capability, id DESC
        """,
    )
    return {row["capability"]: row["version"] for row in rows}


def latest(url: str, capability: str) -> int:
    """The highest number that a version of a capability ever had; 0: none."""
    rows = postgres.query(
        url, "SELECT coalesce(max(version), 0) AS latest FROM ml_ops.version WHERE capability = %s", (capability,)
    )
    return int(rows[0]["latest"])


def version(url: str, capability: str, number: int) -> dict[str, Any]:
    """The row of ``ml_ops.version``."""
    rows = postgres.query(
        url, "SELECT * FROM ml_ops.version WHERE capability = %s AND version = %s", (capability, number)
    )
    return rows[0]


def trained_later(url: str, capability: str, shop: str, as_of: datetime) -> bool:
    """Whether a version that knows more than ``as_of`` was ever promoted for ``shop``."""
    rows = postgres.query(
        url,
        """
        SELECT EXISTS (
            SELECT FROM ml_ops.promotion AS p JOIN ml_ops.version AS v USING (capability, version)
            WHERE v.capability = %s AND v.shop = %s AND v.as_of > %s AND v.withdrawn_at IS NULL
              AND p.decision IN ('promote', 'baseline', 'manual')) AS later
        """,
        (capability, shop, as_of),
    )
    return bool(rows[0]["later"])


def artifacts(url: str, capability: str, version: int) -> dict[str, str]:
    """SHA-256 of each file of a version, by its path inside."""
    rows = postgres.query(
        url,
        "SELECT file, sha256 FROM ml_ops.artifact WHERE capability = %s AND version = %s ORDER BY file",
        (capability, version),
    )
    return {row["file"]: row["sha256"] for row in rows}
