"""Pictures: what is planted is found, a search by a picture answers in SQL, the encoder's file is enough for it."""

from __future__ import annotations

import base64
import io
import re
import sys
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import numpy as np
import psycopg2
import pyarrow as pa
import pytest
from PIL import Image

from ml.adapters import postgres
from ml.adapters.batches.publish import Publication, publish
from ml.adapters.lake import Lake
from ml.capabilities.visual import sample
from ml.capabilities.visual.attributes import colour_of
from ml.capabilities.visual.encoder import bundle
from ml.capabilities.visual.looks import difference
from ml.capabilities.visual.model import vectors_of
from ml.capabilities.visual.pictures import main_pictures
from ml.core.capability import Known
from ml.learn.descriptors import COLOURS, describe
from ml.registry import CAPABILITIES
from tests.contract.cases import Case

SPEC = CAPABILITIES["visual"]


@cache
def case() -> Case:
    """The sample shop with its model, fitted once."""
    return Case(SPEC)


def rows(table: str) -> list[dict]:
    """What the sample's model publishes."""
    return case().rows[table].to_pylist()


def test_planted_faults_are_found_and_no_others_of_files():
    """The missing, the broken, the tiny and the blank picture are told, each once; no other picture is called so."""
    found = {(row["product_id"], row["issue"]) for row in rows("picture_issue")}
    files = {pair for pair in found if pair[1] in {"missing", "unreadable", "blank"}}
    assert files == {(sample.MISSING, "missing"), (sample.BROKEN, "unreadable"), (sample.BLANK, "blank")}
    assert (sample.TINY, "tiny") in found


def test_the_same_photo_is_told_once():
    """The planted pair is found, in one direction, as the same file."""
    pairs = {(row["product_id"], row["other_product_id"]): row["same_file"] for row in rows("duplicate_picture")}
    assert pairs[sample.SAME, sample.TWIN] is True
    assert (sample.TWIN, sample.SAME) not in pairs


def test_reasons_say_what_is_alike():
    """A reason names the kind only of two of one category, and no product is like itself."""
    category = dict(zip(*case().tables["product"].select(["product_id", "category"]).to_pydict().values(), strict=True))
    for row in rows("similar_look"):
        one, two = row["product_id"], row["similar_product_id"]
        assert one != two
        assert ("same kind" in row["reason"]) is (category[one] == category[two])


def test_pictures_of_the_night_before_are_not_embedded_again():
    """A picture's vector is taken from the rows before where its content is the same, whatever they hold."""
    model, serve = case().young, case().serve
    before = case().rows["product_vector"]
    image = pa.array(
        [None if v is None else [2.0] * len(v) for v in before["image"].to_pylist()], pa.list_(pa.float32())
    )
    carried = before.set_column(before.column_names.index("image"), "image", image).slice(0, 20)
    known = Known(dict(serve) | {"before_product_vector": carried})
    shown = main_pictures(serve).slice(0, 40)
    vectors = vectors_of(model, known, shown)
    old = set(carried["content_hash"].to_pylist())
    for row, digest in zip(vectors, shown["content_hash"].to_pylist(), strict=True):
        assert bool((row == 2).all()) is (digest in old)


def published(settings):
    """What the sample's model makes, as the shop reads it, of version 3."""
    lake, folders = Lake(settings.lake_uri), {}
    for table in SPEC.publishes:
        folders[table] = lake.join("predictions", table.name)
        lake.write_batches(f"{folders[table]}/00000.parquet", case().rows[table.name].to_batches())
    job = Publication(date(2025, 3, 1), "2025-03-01/001", "visual", 3, datetime(2025, 3, 1, tzinfo=UTC), "x")
    publish(settings.database_url, lake, folders, job, functions=(SPEC.script(), "UTC"))


def pictures() -> dict[str, bytes]:
    """By product, the file of its picture."""
    images = case().tables["product_image"].select(["product_id", "content"]).to_pydict().values()
    return {product: base64.b64decode(content) for product, content in zip(*images, strict=True) if content}


def test_a_picture_that_is_shown_to_the_console_finds_its_product(settings, tmp_path: Path, monkeypatch):
    """Before a model serves the page says so; then it shows products with why; what is no picture is refused in words."""
    from ml.pipeline import picture_encoder
    from tests.console_client import browser, words

    anna = browser(monkeypatch, settings)
    anna.may.discard("PUT")
    assert "No model of pictures serves yet" in words(anna.get("/find"))
    published(settings)
    case().young.save(tmp_path)
    monkeypatch.setattr(picture_encoder.fetching, "fetch", lambda *_: tmp_path)
    (token,) = re.findall(r'name="csrf" value="(\w+)"', anna.get("/find").text)
    found = anna.show("/find/picture", pictures()["p100"], csrf=token)
    assert found.status_code == 200, found.text
    assert re.findall(r"/nightshift/picture/([^\"]+)", found.text)[0] == "p100"
    assert re.search(r"same kind \(\w+\), both \w+ score 0.99|same kind \(\w+\), both \w+ score 1", words(found))
    bomb = io.BytesIO()
    Image.new("1", (60_000, 2_000)).save(bomb, "PNG")
    for hostile, says in {
        b"<script>alert(1)</script>": "not a picture: it begins with b'<script>aler",
        pictures()["p100"][:200]: "broken",
        bomb.getvalue(): "60,000,000",
        b"": "No file was chosen.",
        b"x" * 8_100_000: "The file is too large",
    }.items():
        page = anna.show("/find/picture", hostile, csrf=token)
        assert (page.status_code, says in words(page), "<script>alert" in page.text) == (422, True, False), says
    assert anna.show("/find/picture", pictures()["p100"], csrf="x").status_code == 403
    assert postgres.query(settings.database_url, "SELECT count(*) AS n FROM ml_ops.audit") == [{"n": 0}]


def test_a_picture_finds_its_product_in_sql(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The encoder's file alone makes a vector by which Postgres finds the product; other vectors are refused in words."""
    published(settings)
    path = tmp_path / "encoder.zip"
    path.write_bytes(bundle(case().young, 3))
    monkeypatch.syspath_prepend(str(path))
    from nightshift_encoder import encode  # type: ignore[import-not-found]

    vector = encode(pictures()["p100"])

    def ask(*given: object) -> list[dict]:
        return postgres.query(settings.database_url, "SELECT * FROM ml.search_by_vector(%s, %s, %s)", given)

    found = ask(vector, 5, None)
    assert found[0]["product_id"] == "p100"
    assert found[0]["score"] > 0.98
    assert [row["rank"] for row in found] == [1, 2, 3, 4, 5]
    assert {row["category_of"] for row in ask(vector, 5, "boot")} == {"boot"}
    assert ask(vector, 5, "no such category") == []
    for given, says in {
        "2" + vector[1:]: "version 2, the shop serves version 3",
        "[1,2]": "no vector of an encoder",
        "3:[1,2]": "has 2 numbers",
    }.items():
        with pytest.raises(psycopg2.Error, match=says):
            ask(given, 5, None)
    sys.modules.pop("nightshift_encoder", None)


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((20, 20, 20), "black"),
        ((200, 20, 30), "red"),
        ((40, 90, 200), "blue"),
        ((50, 150, 60), "green"),
        ((128, 128, 128), "grey"),
    ],
)
def test_colours_are_named_as_people_do(rgb, name):
    """A patch of one colour on white has that colour's name."""
    pixels = np.full((1, 64, 48, 3), 255, np.uint8)
    pixels[:, 16:48, 12:36] = rgb
    assert COLOURS[describe(pixels).colour()[0]] == name


def test_a_colour_in_words_counts_only_where_it_is_one():
    """In several languages; two colours, or none, are no label."""
    assert [colour_of(text) for text in ("Jacke ROT", "robe bleue", "red and blue", "Cup 3")] == ["red", "blue", "", ""]


def test_white_around_a_picture_does_not_make_two_alike():
    """Two small marks of different colours on white differ as much as they do without the white."""
    one, two = (np.full((16, 12, 3), 255, np.uint8) for _ in range(2))
    one[4:6, 4:6], two[4:6, 4:6] = (200, 0, 0), (0, 0, 200)
    assert difference(one, two) > 100
    assert difference(one, one) == 0
