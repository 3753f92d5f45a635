"""Judge a snapshot and a batch by the suites in ``expectations/`` with Great Expectations."""

from ml.adapters.quality.additions import validate_new
from ml.adapters.quality.published import audit
from ml.adapters.quality.snapshot import validate_snapshot
from ml.adapters.quality.verdict import Breach, Verdict, notes, refusal

__all__ = ["Breach", "Verdict", "audit", "notes", "refusal", "validate_new", "validate_snapshot"]
