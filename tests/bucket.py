"""An S3 server of a test's own, whose faults can be turned on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import ibis.backends.duckdb
import pytest
import s3fs


class Faults:
    """A store that fails: every thirtieth request is told to come later, every thirteenth put loses its connection in the middle."""

    def __init__(self, app: Any) -> None:
        self.app, self.on, self.broken = app, False, ""
        self.slowed = self.lost = self._requests = self._puts = 0

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        """Answer one request, or not."""
        if not self.on:
            return self.app(environ, start)
        put = environ["REQUEST_METHOD"] == "PUT"
        self._requests, self._puts = self._requests + 1, self._puts + put
        broken = put and self.broken and self.broken in environ["PATH_INFO"]
        if put and (broken or self._puts % 13 == 0):
            self.lost += 1
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0) // 2)
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError
        if self._requests % 30 == 0:
            self.slowed += 1
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"]
        return self.app(environ, start)


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """An S3 server of the test's own with the bucket ``shop``, whose faults can be turned on."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    s3fs.S3FileSystem.clear_instance_cache()  # one of a test before knows the server of that
    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, faults, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delattr(ibis.backends.duckdb.Backend, "read_parquet")  # it would install an extension from the internet
    boto3.client("s3").create_bucket(Bucket="shop")
    yield faults
    server.shutdown()
    thread.join()
    server.server_close()
