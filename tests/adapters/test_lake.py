"""The lake keeps its promises on a local folder and on an fsspec URI."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from ml.adapters.lake import Lake
from ml.core.errors import NightshiftError, StorageError

SCHEMA = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us", "UTC")), ("text", pa.string())])


def rows(count: int) -> pa.Table:
    """Rows with nulls in ``text``."""
    return pa.table(
        {"id": range(count), "at": range(count), "text": [None if i % 3 == 0 else f"t{i}" for i in range(count)]},
        schema=pa.schema([("id", pa.int64()), ("at", pa.int64()), ("text", pa.string())]),
    ).cast(SCHEMA)


@pytest.fixture(params=["path", "file", "memory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A lake in a folder, under file:// and in memory."""
    uris = {"path": str(tmp_path / "lake"), "file": f"file://{tmp_path}/lake", "memory": f"memory://{tmp_path.name}"}
    return Lake(uris[request.param])


def test_stream_is_read_back_by_duckdb(lake: Lake) -> None:
    """What is written as a stream is read back by DuckDB and Ibis, in several files."""
    count, _ = lake.write_stream("snapshot/a", SCHEMA, rows(1000).to_batches(64), rows_per_file=300)

    query = f"SELECT * FROM read_parquet({lake.sql('snapshot/a')}) ORDER BY id"
    table = lake.duckdb(1, 1).sql(query).to_arrow_table()

    assert count == 1000
    assert table.cast(SCHEMA).equals(rows(1000))
    assert lake.names("snapshot", "a") == ["SHA256SUMS", *(f"part-0000{i}.parquet" for i in range(4))]
    assert lake.ibis(1, 1).read_parquet(lake.scan("snapshot/a")).count().execute() == 1000


def test_hash_depends_on_the_rows_alone(lake: Lake) -> None:
    """The hash is the same however the rows came in batches, and another when a value differs."""
    written = {lake.write_stream("a", SCHEMA, rows(500).to_batches(size), 200) for size in (1, 7, 500)}
    other = lake.write_stream("b", SCHEMA, rows(499).to_batches(), 200)

    assert len(written) == 1
    assert other not in written


def test_anyone_can_check_the_files(tmp_path: Path) -> None:
    """The records are those of ``sha256sum``, and the hash that a stream gives is that of its record."""
    lake = Lake(str(tmp_path))
    _, sha256 = lake.write_stream("a", SCHEMA, rows(500).to_batches(), 200)
    lake.write_batches("b/0.parquet", rows(5).to_batches())

    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(tmp_path.glob("?/*.parquet"))}
    own = files.pop("0.parquet")
    assert (tmp_path / "a" / "SHA256SUMS").read_text() == "".join(f"{sha}  {name}\n" for name, sha in files.items())
    assert (tmp_path / "b" / "0.parquet.sha256").read_text() == f"{own}  0.parquet\n"
    assert sha256 == hashlib.sha256((tmp_path / "a" / "SHA256SUMS").read_bytes()).hexdigest()


def test_empty_stream_keeps_the_schema(tmp_path: Path) -> None:
    """An empty table is one file with the schema and microsecond UTC timestamps."""
    lake = Lake(str(tmp_path))
    assert lake.write_stream("a", SCHEMA, [])[0] == 0
    assert pq.read_schema(tmp_path / "a" / "part-00000.parquet").equals(SCHEMA)


def test_second_write_replaces_the_first(lake: Lake) -> None:
    """A folder written again holds the second table alone."""
    lake.write_stream("a", SCHEMA, rows(500).to_batches(), 100)
    lake.write_stream("a", SCHEMA, rows(50).to_batches(), 100)

    assert lake.names("a") == ["SHA256SUMS", "part-00000.parquet"]


def test_one_file_from_batches_and_from_ibis(lake: Lake) -> None:
    """A stream of batches and an Ibis expression each become one file with the same rows."""
    assert lake.write_batches("p/0.parquet", iter(rows(100).to_batches(30))) == 100
    backend = lake.ibis(1, 1)
    lake.write_ibis(backend, backend.read_parquet(lake.join("p", "0.parquet")), lake.join("q", "0.parquet"))

    assert lake.read_parquet("p").equals(rows(100))
    assert lake.read_parquet("q", "0.parquet").cast(SCHEMA).equals(rows(100))
    assert lake.names("p") == lake.names("q") == ["0.parquet", "0.parquet.sha256"]
    assert lake.write_batches("p/1.parquet", iter([])) == 0


def test_json_is_whole_or_absent(tmp_path: Path) -> None:
    """A value that JSON cannot hold leaves the file before it as it was, and no temporary file."""
    lake = Lake(str(tmp_path))
    lake.write_json("a/manifest.json", {"rows": 1})

    with pytest.raises(TypeError):
        lake.write_json("a/manifest.json", {(1, 2): 3})

    assert lake.read_json("a", "manifest.json") == {"rows": 1}
    assert lake.names("a") == ["manifest.json"]


def test_names_usage_remove(lake: Lake) -> None:
    """Names are sorted, usage counts all below, removing what is not there is no error."""
    lake.write_bytes(lake.join("a/y.txt"), b"1")
    lake.write_bytes(lake.join("a/x.txt"), b"22")

    assert (lake.names("a"), lake.usage("a"), lake.exists("a", "x.txt")) == (["x.txt", "y.txt"], 3, True)
    lake.remove("a")
    lake.remove("a")
    assert (lake.names("a"), lake.usage("a"), lake.exists("a")) == ([], 0, False)


class Refusing(LocalFileSystem):
    """A disk that refuses: every write fails as the system's does."""

    def __init__(self, number: int) -> None:
        super().__init__(skip_instance_cache=True)
        self.number = number

    def _open(self, path: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        raise OSError(self.number, os.strerror(self.number), path)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only"), (errno.EACCES, "Permission denied")],
)
def test_a_disk_that_refuses_says_what_to_do(tmp_path: Path, number: int, words: str) -> None:
    """Full, read-only or another's: a StorageError that names the place, the reason, the space and the way out."""
    lake = Lake(str(tmp_path))
    lake.filesystem = Refusing(number)

    with pytest.raises(StorageError, match=words) as error:
        lake.write_stream("snapshot/a", SCHEMA, rows(5).to_batches())

    assert str(tmp_path / "snapshot" / "a") in error.value.came
    assert "GiB free of" in error.value.came
    assert "NIGHTSHIFT_LAKE_URI" in error.value.do


def test_duckdb_spills_and_says_when_it_cannot(tmp_path: Path) -> None:
    """Work that is larger than memory goes to the temp folder; no room there is a StorageError too."""
    lake = Lake(str(tmp_path))
    connection = lake.duckdb(1, 0.1)
    work = "CREATE OR REPLACE TABLE t AS SELECT i, hash(i) AS h FROM range(10000000) r(i) ORDER BY h"
    connection.execute(work)

    connection.execute("DROP TABLE t")
    connection.execute("SET max_temp_directory_size = '1MB'")
    with pytest.raises(StorageError, match="disk refused"), lake.guard():
        connection.execute(work)


@pytest.mark.parametrize(
    ("uri", "package", "extra"),
    [
        ("s3://bucket/lake", "s3fs", "s3"),
        ("gs://bucket/lake", "gcsfs", "gcs"),
        ("abfs://container@account.dfs.core.windows.net/lake", "adlfs", "azure"),
    ],
)
def test_a_store_whose_package_is_missing_is_refused(
    monkeypatch: pytest.MonkeyPatch, uri: str, package: str, extra: str
) -> None:
    """In words, with the locked file that has it; nothing is fetched."""
    monkeypatch.setitem(sys.modules, package, None)
    known = sys.modules["fsspec.registry"]._registry  # the package shows a view of it under that name
    monkeypatch.delitem(known, uri.partition(":")[0], raising=False)
    with pytest.raises(NightshiftError, match=rf"(?s)not installed.*{uri}.*requirements-{extra}\.txt"):
        Lake(uri)
