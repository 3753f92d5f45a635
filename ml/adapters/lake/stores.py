"""Where a lake may lie, and which packages that needs."""

from __future__ import annotations

from typing import Any

import fsspec

from ml.core.errors import NightshiftError

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}
"""By scheme of a lake's address, the ``requirements-<name>.txt`` that it needs."""


def opened(uri: str, setting: str = "NIGHTSHIFT_LAKE_URI") -> tuple[Any, str]:
    """Filesystem and root of a URI, which the words say came as ``setting``; what it needs and is not installed is named."""
    scheme = uri.partition("://")[0]
    try:
        filesystem, root = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        raise NightshiftError(
            "The lake cannot be reached: a package for its address is not installed.",
            came=f"{setting}={uri} ({error})",
            do=f"install requirements-{extra}.txt: any ./nightshift command with NIGHTSHIFT_LAKE_URI set does; an image: "
            f"--build-arg EXTRAS={extra}"
            if extra
            else "install the package that it names into Nightshift's Python environment",
        ) from error
    except ValueError as error:
        raise NightshiftError(
            "The lake's address has a scheme that nothing reads.",
            came=f"{setting}={uri} ({error})",
            do="name a folder, or an address that begins with " + ", ".join(f"{name}://" for name in sorted(EXTRAS)),
        ) from error
    return filesystem, root
