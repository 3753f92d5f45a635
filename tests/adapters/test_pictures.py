"""The shop's pictures: wherever they lie, read once, and what is none is told in words."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from ml.adapters.lake import Lake
from ml.adapters.pictures.fetch import fetch
from ml.adapters.pictures.reading import RULE, read_pictures, with_thumbnails
from ml.adapters.quality.sieve import QUARANTINE
from ml.adapters.shop.reader import schema
from ml.contract.tables import PRODUCT_IMAGE
from ml.core.pictures import SIDE, Unreadable, look_at, rgb

REF = "2026-01-01/001"


def file(colour=(200, 30, 30), size=(60, 80), kind="PNG", mode="RGB", **options) -> bytes:
    """A picture file of one colour."""
    kept = io.BytesIO()
    Image.new(mode, size, colour).save(kept, kind, **options)
    return kept.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that says it has ``side`` x ``side`` pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"<html>404", "not a picture: it begins with b'<html>404'"),
        (b"%PDF-1.7 ...", "not a picture"),
        (file(kind="JPEG", size=(400, 300))[:600], "broken"),
        (file()[:60], "broken"),
        (bomb(9_000), "9000 x 9000 pixels"),
        (bomb(100_000), "unpacks to far more"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2**20 * 21), "bytes, at most"),
    ],
)
def test_a_hostile_file_is_told_in_words(content, says):
    """Cut off, of another type, too large packed or unpacked: each has its reason, and none raises anything else."""
    with pytest.raises(Unreadable, match=says):
        look_at(content)


def test_a_picture_is_seen_as_a_person_sees_it():
    """Turned upright by its EXIF, on white where it is transparent, and of the colours of its own colour space."""
    turned = Image.Exif()
    turned[0x0112] = 6
    picture = look_at(file(size=(200, 100), kind="JPEG", exif=turned))
    assert (picture.width, picture.height) == (100, 200)
    small = Image.open(io.BytesIO(base64.b64decode(picture.thumbnail)))
    assert small.size == (SIDE // 2, SIDE)
    assert rgb(file((0, 0, 0, 0), mode="RGBA"), 4, 4).min() == 255
    np.testing.assert_allclose(rgb(file((0, 255, 255, 0), kind="JPEG", mode="CMYK"), 2, 2)[0, 0], (255, 0, 0), atol=12)


def test_no_file_outside_of_the_folder_is_read(tmp_path: Path):
    """A path that leads out of it, by dots, from the root or by a link, is refused; one inside is read."""
    inside, outside = tmp_path / "pictures", tmp_path / "secret.png"
    inside.mkdir()
    outside.write_bytes(file())
    (inside / "a b.png").write_bytes(file())
    (inside / "link.png").symlink_to(outside)
    assert fetch("a b.png", None, inside) == file()
    assert fetch(f"file://{inside}/a%20b.png", None, inside) == file()
    for uri in ("../secret.png", str(outside), "link.png", f"file://{outside}"):
        with pytest.raises(Unreadable, match="does not lie in the folder"):
            fetch(uri, None, inside)
    for uri, says in {"x.png": "no file", "ftp://h/x": "ftp: are not read", "gs://b/k": "pip install gcsfs"}.items():
        with pytest.raises(Unreadable, match=says):
            fetch(uri, None, inside)


class _Server(BaseHTTPRequestHandler):
    paths: list[str]

    def do_GET(self):
        self.paths.append(self.path)
        found = self.path == "/a.png"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(file() if found else b"no")

    def log_message(self, *_):
        pass


def snapshot(lake: Lake, rows: list[dict]) -> None:
    """A snapshot's clean pictures, and a quarantine without any."""
    place = lake.join("snapshot", REF)
    lake.write_stream(
        lake.join(place, "clean", "product_image"),
        schema(PRODUCT_IMAGE),
        pa.Table.from_pylist(rows, schema=schema(PRODUCT_IMAGE)).to_batches(),
    )
    with lake.writer(lake.join(place, "quarantine", "product_image.parquet"), QUARANTINE) as writer:
        writer.write_table(QUARANTINE.empty_table())


def test_pictures_are_read_once_and_what_is_none_goes_to_quarantine(tmp_path: Path):
    """Over http, from the row, from a file; the second night asks for none again; a file that changed is read again."""
    handler = type("Handler", (_Server,), {"paths": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{server.server_address[1]}"
    folder, lake = tmp_path / "pictures", Lake(str(tmp_path / "lake"))
    folder.mkdir()
    (folder / "c.png").write_bytes(file((0, 0, 255)))
    rows = [
        {"product_id": "a", "image_no": 1, "uri": f"{at}/a.png"},
        {"product_id": "b", "image_no": 1, "uri": f"{at}/gone.png"},
        {"product_id": "c", "image_no": 1, "uri": "c.png"},
        {"product_id": "d", "image_no": 1, "uri": "d", "content": "\\x" + file((0, 255, 0)).hex()},
        {"product_id": "e", "image_no": 1, "uri": "data:image/png;base64," + base64.b64encode(file()).decode()},
        {"product_id": "f", "image_no": 1, "uri": "f", "content": "no picture"},
    ]
    for night in range(2):
        snapshot(lake, rows)
        found = read_pictures(lake, REF, folder)
        assert (found.pictures, found.read, found.unreadable) == (6, 4 if night == 0 else 0, 2)
        assert "2 of 6 pictures cannot be read" in found.words()
    assert handler.paths.count("/a.png") == 1
    assert handler.paths.count("/gone.png") == 2
    clean = {row["product_id"]: row for row in lake.read_parquet("snapshot", REF, "clean", "product_image").to_pylist()}
    assert clean["a"]["content_hash"] == clean["e"]["content_hash"] == look_at(file()).content_hash
    assert (clean["c"]["width"], clean["c"]["height"], clean["c"]["content"]) == (60, 80, None)
    assert "404" in clean["b"]["unread"]
    lines = lake.read_parquet("snapshot", REF, "quarantine", "product_image.parquet").to_pylist()
    assert {(line["row_key"], line["rule"], line["severity"]) for line in lines} == {
        ("b/1", RULE, "left out"),
        ("f/1", RULE, "left out"),
    }
    assert all("unread" in json.loads(line["row"]) for line in lines)
    backend = lake.ibis()
    images = with_thumbnails(backend, lake, backend.read_parquet(lake.scan("snapshot", REF, "clean", "product_image")))
    seen = {row["product_id"]: row["content"] for row in backend.to_pyarrow(images).to_pylist()}
    assert rgb(base64.b64decode(seen["c"]), 1, 1)[0, 0, 2] > 250
    assert seen["b"] is None
    (folder / "c.png").write_bytes(file((9, 9, 9), size=(30, 30)))
    snapshot(lake, rows)
    assert read_pictures(lake, "2026-01-01/001", folder).read == 1
    server.shutdown()
    server.server_close()


def test_what_there_is_no_time_for_waits(tmp_path: Path):
    """Without time no picture is read, each says so, and the next night reads it."""
    lake, row = Lake(str(tmp_path)), {"product_id": "a", "image_no": 1, "uri": "x", "content": file().hex()}
    rows = [row | {"content": base64.b64encode(file()).decode()}]
    snapshot(lake, rows)
    assert read_pictures(lake, REF, tmp_path, budget_s=-1).unreadable == 1
    snapshot(lake, rows)
    assert read_pictures(lake, REF, tmp_path).read == 1
