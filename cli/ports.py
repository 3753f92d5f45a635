"""Free ports on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Collection

from ml.core.errors import NightshiftError

PREFERRED = {"postgres": 55432, "airflow": 8080, "mlflow": 5000}
SEARCHED = 200


def is_free(port: int) -> bool:
    """Whether nobody listens on ``port`` of any local address and we may bind it."""
    for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104  # a probe: a server on all addresses takes the port as well
        with socket.socket() as probe:
            # As the servers do: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def choose(preferred: int, taken: Collection[int] = ()) -> int:
    """``preferred``, or the next port that is free and not in ``taken``."""
    for port in range(preferred, min(preferred + SEARCHED, 65536)):
        if port not in taken and is_free(port):
            return port
    raise NightshiftError(
        "No free port was found.",
        came=f"all of {preferred} to {preferred + SEARCHED - 1} on 127.0.0.1 are taken",
        do="end a program that listens there",
    )


def choose_all(before: dict[str, int]) -> dict[str, int]:
    """A port for each service: the one it had ``before`` if it is free, else the preferred one or the next."""
    chosen: dict[str, int] = {}
    for name, preferred in PREFERRED.items():
        had = before.get(name, preferred)
        start = had if is_free(had) else preferred
        chosen[name] = choose(start, chosen.values())
    return chosen
