"""The figures of the step monitor and the alerts that follow from them, in ``ml_ops``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from math import isfinite
from typing import Any

from psycopg2.extras import execute_values

from ml.adapters import postgres
from ml.adapters.postgres.acting import publishing
from ml.core.figures import Alert, Figure

_COLUMNS = ("kind", "name", "slice", "value", "low", "high", "expected", "units", "about", "version")


def write(url: str, night: date, ref: str, capability: str, figures: Sequence[Figure], kinds: Collection[str]) -> None:
    """Write a night's figures in place of those of the same ``kinds`` that it wrote before.

    A batch is judged once: what another night found of it stays.
    """
    rows = [(night, ref, capability, *(_plain(getattr(figure, name)) for name in _COLUMNS)) for figure in figures]
    with publishing(url) as cursor:
        cursor.execute(
            "DELETE FROM ml_ops.figure WHERE night = %s AND capability = %s AND kind = ANY(%s)",
            (night, capability, list(kinds)),
        )
        if rows:
            names = ", ".join(("night", "ref", "capability", *_COLUMNS))
            execute_values(cursor, f"INSERT INTO ml_ops.figure ({names}) VALUES %s ON CONFLICT DO NOTHING", rows)  # noqa: S608 (names of ours)


def _plain(value: Any) -> Any:
    if isinstance(value, float):  # numpy's too, which the driver does not know
        return float(value) if isfinite(value) else None
    return value


def judged(url: str, capability: str, before: date) -> set[tuple[date, str]]:
    """The batches (by their night) and slices that nights other than ``before`` judged by what happened after."""
    rows = postgres.query(
        url,
        "SELECT DISTINCT about, slice FROM ml_ops.figure WHERE capability = %s AND kind = 'truth' AND night <> %s",
        (capability, before),
    )
    return {(row["about"], row["slice"]) for row in rows}


def tell(
    url: str,
    night: date,
    capability: str,
    found: Sequence[Alert],
    *,
    kinds: Collection[str] = (),
    measured: Collection[tuple[str, str, str]] = (),
) -> list[Alert]:
    """Keep what a night found, close what it found no more, and give what has not been told yet.

    Parameters
    ----------
    kinds : collection of str
        The kinds that were looked for as a whole: an open alert of one of them that is not among ``found`` is closed.
    measured : collection of tuple
        Kind, name and slice of single figures that were measured again; an open alert of one of them is closed too.
    """
    with publishing(url) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('alerts ' || %s, 0))", (capability,))
        cursor.execute(
            "SELECT id, kind, name, slice FROM ml_ops.alert WHERE capability = %s AND closed_at IS NULL", (capability,)
        )
        known = {(capability, row["kind"], row["name"], row["slice"]): row["id"] for row in cursor.fetchall()}
        now = {alert.key for alert in found}
        remeasured = set(measured)
        closed = [n for key, n in known.items() if key not in now and (key[1] in kinds or key[1:] in remeasured)]
        cursor.execute("UPDATE ml_ops.alert SET closed_at = clock_timestamp() WHERE id = ANY(%s)", (closed,))
        new = []
        for alert in found:
            if alert.key in known:
                cursor.execute(
                    """
                    UPDATE ml_ops.alert SET value = %s, expected = %s, words = %s, last_night = greatest(last_night, %s),
                           nights = nights + CASE WHEN last_night < %s THEN 1 ELSE 0 END WHERE id = %s
                    """,
                    (_plain(alert.value), _plain(alert.expected), alert.words, night, night, known[alert.key]),
                )
                continue
            cursor.execute(
                """
                INSERT INTO ml_ops.alert
                    (capability, kind, name, slice, night, last_night, value, expected, words, advice, reaction)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
                """,
                (
                    *alert.key,
                    night,
                    night,
                    _plain(alert.value),
                    _plain(alert.expected),
                    alert.words,
                    alert.advice,
                    alert.reaction,
                ),
            )
            new.append(alert)
        return new


def open_alerts(url: str, night: date) -> list[dict[str, Any]]:
    """The alerts that a night found and that no later one closed, the newest first."""
    return postgres.query(
        url,
        """
        SELECT capability, kind, name, slice, words, advice, reaction, night FROM ml_ops.alert
        WHERE closed_at IS NULL AND last_night = %s ORDER BY id DESC
        """,
        (night,),
    )


def batches(url: str, capability: str, shop: str, before: Any) -> list[dict[str, Any]]:
    """The published batches of ``shop`` known before ``before``, one a night and version, the youngest first."""
    return postgres.query(
        url,
        """
        SELECT DISTINCT ON (b.as_of, b.model_version) b.night, b.ref, b.as_of, b.model_version AS version, v.params,
               v.baseline, v.run_id, v.metrics, p.verdict
        FROM ml_ops.batch AS b JOIN ml_ops.version AS v ON (v.capability, v.version) = (b.capability, b.model_version)
        LEFT JOIN LATERAL (SELECT verdict FROM ml_ops.promotion AS q WHERE (q.capability, q.version) =
            (b.capability, b.model_version) AND q.verdict <> '{}' ORDER BY q.id LIMIT 1) AS p ON true
        WHERE b.capability = %s AND v.shop = %s AND b.as_of < %s AND b.published_at IS NOT NULL AND v.withdrawn_at IS NULL
          AND b.status IN ('published', 'superseded', 'dropped')
        ORDER BY b.as_of DESC, b.model_version, b.batch_id DESC
        """,
        (capability, shop, before),
    )
