"""The mark on a schema ``shop`` that Nightshift filled: a comment in JSON that says from what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ml.shop.ddl import literal, quoted

_COMMENT = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s"


@dataclass(frozen=True)
class Marker:
    """What a shop was filled from. ``fingerprint`` is over the data, the source's code and the contract."""

    source: str
    options: Mapping[str, Any]
    fingerprint: str
    rows: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: Any, schema: str = "shop") -> Marker | None:
        """Read the mark; None: no such schema, or one that Nightshift did not fill."""
        cursor.execute(_COMMENT, (schema,))
        row = cursor.fetchone()
        return cls.parse(row[0] if row else None)

    @classmethod
    def parse(cls, comment: str | None) -> Marker | None:
        """Read the mark in a schema's comment; None: there is none."""
        try:
            document = json.loads(comment) if comment else {}
        except ValueError:
            return None
        return cls(**document["nightshift"]) if isinstance(document, dict) and "nightshift" in document else None

    def write(self, cursor: Any, schema: str = "shop") -> None:
        """Mark the schema."""
        document = json.dumps({"nightshift": asdict(self)}, default=str)
        cursor.execute(f"COMMENT ON SCHEMA {quoted(schema)} IS {literal(document)}")

    def with_rows(self, rows: dict[str, int]) -> Marker:
        return replace(self, rows=rows)

    def same(self, other: Marker) -> bool:
        """Whether both were filled from the very same."""
        own, theirs = (json.dumps(dict(m.options), sort_keys=True, default=str) for m in (self, other))
        return (self.source, self.fingerprint, own) == (other.source, other.fingerprint, theirs)
