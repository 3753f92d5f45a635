"""Nightshift's version: the one place that says it; releases have the tag ``v<version>``."""

from __future__ import annotations

VERSION = "0.1.0"
