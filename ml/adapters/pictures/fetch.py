"""The bytes of a picture, wherever the shop keeps it: a file, an address, an object store, or the row itself."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import fsspec

from ml.adapters.given import placed
from ml.core.pictures import LARGEST_FILE, Unreadable, decoded

PATIENCE_S = 20
STORES: Mapping[str, str] = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""Object stores by scheme, each with the package that opens it."""


def tag(uri: str, content: str | None, folder: Path) -> str:
    """What changes when the picture at ``uri`` does: a file's size and time, a row's content; an address stands for itself.

    Who shows another picture at the same address gives it another address, as caches in between need too.
    """
    if content is not None or uri.startswith("data:"):
        return str(hash_of(content or uri))
    if "://" in uri and not uri.startswith("file:"):
        return ""
    try:
        found = _file(uri, folder).stat()
    except (OSError, Unreadable):
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}"


def hash_of(text: str) -> str:
    """Short digest of a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def fetch(uri: str, content: str | None, folder: Path) -> bytes:
    """Read a picture's bytes.

    Parameters
    ----------
    uri : str
        A path in ``folder``, ``file:``, ``http:``, ``https:``, ``data:``, or an object store (:data:`STORES`).
    content : str, optional
        The file itself, from the row; the address is not asked then.

    Raises
    ------
    Unreadable
        Why, in words.
    """
    if content is not None or uri.startswith("data:"):
        return decoded(content if content is not None else uri)
    scheme = urlsplit(uri).scheme.lower() if "://" in uri else "file"
    if scheme in {"http", "https"}:
        return _over_http(uri)
    if scheme == "file":
        return _whole(_file(uri, folder), uri)
    if scheme in STORES:
        return _from_store(uri, STORES[scheme])
    raise Unreadable(f"addresses that begin with {scheme}: are not read (a path, https:, s3:, gs:, az: are)")


def _file(uri: str, folder: Path) -> Path:
    return placed(uri, folder, "pictures", "NIGHTSHIFT_PICTURES")


def _whole(path: Path, uri: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise Unreadable(f"there is no file {uri} in the folder of pictures") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"the file cannot be opened: {getattr(error, 'strerror', None) or error}") from None


def _over_http(uri: str) -> bytes:
    request = urllib.request.Request(uri, headers={"User-Agent": "nightshift"})  # noqa: S310 (http and https only)
    try:
        with _OPENER.open(request, timeout=PATIENCE_S) as answer:
            return bytes(answer.read(LARGEST_FILE + 1))
    except urllib.error.HTTPError as error:
        raise Unreadable(f"the server answered {error.code} {error.reason}") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"the server cannot be reached: {getattr(error, 'reason', None) or error}") from None


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https, and follows redirects to these alone: no file and no ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()


def _from_store(uri: str, package: str) -> bytes:
    try:
        with fsspec.open(uri, "rb") as file:
            return bytes(file.read(LARGEST_FILE + 1))
    except ImportError:
        raise Unreadable(f"it needs the package {package}: pip install {package}") from None
    except Exception as error:  # noqa: BLE001 (each store has its own errors)
        raise Unreadable(f"the object store did not give it: {str(error) or type(error).__name__}"[:200]) from None
