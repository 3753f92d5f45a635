"""Free ports on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Claim:
    """A port that is ours as long as the socket is open, here or in a process that inherited it.

    Its server binds the port seconds after it was chosen: until then another stack that starts would find it free. The
    socket is of UDP, whose ports are others than the server's, and the kernel frees it with its last holder.
    """

    port: int
    held: socket.socket


def claim(port: int) -> Claim | None:
    """Take ``port`` if nobody listens there and no other stack has claimed it."""
    if not is_free(port):
        return None
    held = socket.socket(type=socket.SOCK_DGRAM)
    try:
        held.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        return None
    return Claim(port, held)


def choose(preferred: int) -> Claim:
    """``preferred``, or the next port that can be claimed."""
    for port in range(preferred, min(preferred + SEARCHED, 65536)):
        if claimed := claim(port):
            return claimed
    raise NightshiftError(
        "No free port was found.",
        came=f"all of {preferred} to {preferred + SEARCHED - 1} on 127.0.0.1 are taken",
        do="end a program that listens there",
    )


def choose_all(before: Mapping[str, int]) -> dict[str, Claim]:
    """A port for each service: the one it had ``before`` if it is free, else the preferred one or the next."""
    return {name: claim(before.get(name, preferred)) or choose(preferred) for name, preferred in PREFERRED.items()}
