"""A small shop that a capability brings along, with an answer planted in it that its model must find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa


@dataclass(frozen=True)
class Sample:
    """Contract tables by name, and the time that the capability looks at them.

    ``tables`` hold rows from before ``as_of`` and from the gate's horizon before it, on which the model must beat
    its baseline: evaluate at ``as_of - gate.horizon``.
    """

    tables: Mapping[str, pa.Table]
    as_of: datetime
