"""Which errors of the outside systems mend by themselves: the one place that tells them from those that need a person.

A server that restarts, a connection that is lost, two transactions in each other's way, MLflow that does not answer:
the same step some time later goes through. A wrong password, a missing right, a broken value: only a person mends it.
Drivers are told apart by the names of their classes, so that nothing is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator

from ml.core import disk
from ml.core.errors import MENDS_BY_ITSELF, NightshiftError, Unreachable

_SQLSTATES = frozenset(
    {
        "40001",
        "40P01",  # serialization failure, deadlock
        "53000",
        "53200",
        "53300",  # out of resources, of memory, too many connections
        "55P03",
        "55006",  # lock not available, object in use
        "57014",  # cancelled, by a timeout or by hand
        "57P01",
        "57P02",
        "57P03",
        "57P05",  # shut down, crashed, not yet ready, idle session
        "25P03",
        "25P04",  # idle in transaction, transaction timeout
    }
)
_CONNECTION = "08"
"""Class of the SQLSTATEs of lost connections."""

_PERSON = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "pg_hba.conf",
    "permission denied",
    "certificate",
    "not permitted to log in",
    "no encryption",
    "Name or service not known",
    "invalid",
    "unsupported",
    "not supported",
)
"""In the words of a connection that was refused for good."""

_LOST = (
    "server closed the connection",
    "connection already closed",
    "cursor already closed",
    "connection not open",
    "no connection to the server",
    "could not receive data",
    "could not send data",
    "terminating connection",
    "SSL connection has been closed",
    "SSL SYSCALL",
    "Connection refused",
    "Connection reset",
    "Broken pipe",
    "starting up",
    "shutting down",
    "in recovery mode",
    "too many clients",
    "connection slots",
    "timeout expired",
    "Connection timed out",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "No route to host",
    "connection to server",
    "query_wait_timeout",
    "server conn crashed",
    "no more connections allowed",
)
"""In the words of a connection that was lost, or of a server that does not take one now."""

_CLASSES = frozenset(
    {
        "requests.exceptions.ConnectionError",
        "requests.exceptions.Timeout",
        "requests.exceptions.ChunkedEncodingError",
        "requests.exceptions.ReadTimeout",
        "requests.exceptions.ConnectTimeout",
        "botocore.exceptions.EndpointConnectionError",
        "botocore.exceptions.ConnectionClosedError",
        "botocore.exceptions.ConnectTimeoutError",
        "botocore.exceptions.ReadTimeoutError",
        "httpx.ConnectError",
        "httpx.ReadTimeout",
        "httpx.ConnectTimeout",
        "httpx.ReadError",
        "httpx.RemoteProtocolError",
    }
)
_MLFLOW = ("API request to", "TEMPORARILY_UNAVAILABLE", "Max retries exceeded", "too many 50", "error code 50")
_DRIVERS = ("psycopg2", "psycopg", "adbc_driver_manager")


def mends(error: BaseException) -> bool:
    """Whether the same step may go through some time later.

    Examples
    --------
    >>> mends(ConnectionResetError("Connection reset by peer")), mends(KeyError("price"))
    (True, False)
    """
    return any(_one(link) for link in _chain(error))


def as_words(error: BaseException) -> NightshiftError | None:
    """The error as a message, if it is one that mends; None: it is another kind."""
    if isinstance(error, NightshiftError):
        return error if isinstance(error, MENDS_BY_ITSELF) else None
    if found := next((words for link in _chain(error) if (words := disk.refusal(link))), None):
        return found
    if not mends(error):
        return None
    return Unreachable(
        "A server did not answer, or ended the connection.",
        came=f"{type(error).__name__}: {str(error).strip() or 'without a word'}",
        do="this mends by itself when the server is back, and is tried again; ./nightshift status shows what is down",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if isinstance(link, BaseException) and link not in seen:
            seen.append(link)
            yield link
            # A NightshiftError says what it is; what it came from is in its text.
            waiting += [] if isinstance(link, NightshiftError) else [link.__cause__, getattr(link, "orig", None)]


def _one(error: BaseException) -> bool:
    if isinstance(error, NightshiftError):
        return isinstance(error, MENDS_BY_ITSELF)
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if names & _CLASSES:
        return True
    module, text = type(error).__module__.partition(".")[0], str(error)
    if module == "mlflow":
        return any(word in text for word in (*_MLFLOW, *_LOST))
    if module in _DRIVERS:
        return _of_a_driver(error, text)
    return isinstance(error, OSError) and any(word in text for word in _LOST)  # Arrow's, while a server sends


def _of_a_driver(error: BaseException, text: str) -> bool:
    state = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    if state and state != "00000":
        return bool(state in _SQLSTATES or state.startswith(_CONNECTION))
    if type(error).__name__ not in ("OperationalError", "InterfaceError", "DatabaseError", "InternalError"):
        return False
    return any(word in text for word in _LOST) and not any(word in text for word in _PERSON)
