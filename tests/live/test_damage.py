"""A file of the lake that is not as it was written is named, and made anew or refused; none is read in silence."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.core.errors import DamagedFile
from ml.pipeline.plan import reusable
from tests.live.conftest import NIGHT, Shop, at

REF = f"{NIGHT}/001"
FLIPS = 300


def kept(shop: Shop) -> list[Path]:
    """Every file that a later step reads."""
    root = Path(shop.settings.lake_uri)
    folders = ("snapshot", "features", "predictions")
    return sorted(path for name in folders for path in (root / name).rglob("*") if path.is_file())


def flip(path: Path, bit: int) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def read(lake: Lake, path: Path) -> None:
    """Read all that lies in the folder of a file, as the steps do."""
    folder = str(path.parent)
    names = lake.names(folder)
    if any(".parquet" in name or name == "SHA256SUMS" for name in names):
        for file in lake.files(folder):
            pq.read_table(file)
    for name in names:
        if name.endswith(".json"):
            lake.read_json(folder, name)


def test_no_flipped_bit_is_read_in_silence(watched: Shop) -> None:
    """Of single bits flipped at random over all files of a night, each is an error that names its file."""
    rng, lake, files = random.Random(15), Lake(watched.settings.lake_uri), kept(watched)
    for path in files:
        read(lake, path)
    sizes = [path.stat().st_size for path in files]
    silent, unnamed = [], []
    for turn in range(FLIPS):
        # One half by bytes, the other by files: else the small ones would hardly be met.
        path = rng.choices(files, sizes)[0] if turn % 2 else rng.choice(files)
        bit = rng.randrange(8 * path.stat().st_size)
        flip(path, bit)
        try:
            read(lake, path)
        except DamagedFile as error:
            named = path.name.removesuffix(".sha256") if path.name != "SHA256SUMS" else str(path.parent)
            unnamed += [] if named in str(error) else [str(error)]
        else:
            silent.append((path.name, bit))
        flip(path, bit)
    assert (silent, unnamed) == ([], [])
    for path in files:
        read(lake, path)


def damage(shop: Shop, pattern: str, how: Callable[[Path], None] | None = None) -> Path:
    """Damage the first file of the night of that name, unless told otherwise by one bit in its middle."""
    path = min(Path(shop.settings.lake_uri).glob(pattern))
    (how or (lambda path: flip(path, path.stat().st_size * 4)))(path)
    return path


def rows(shop: Shop) -> list[dict[str, object]]:
    """What the shop reads, without where it comes from."""
    sql = "SELECT order_id, customer_id, orders, items, paid, score, reason FROM ml.order_watch ORDER BY 1"
    return postgres.query(shop.settings.database_url, sql)


@pytest.mark.parametrize(
    ("pattern", "how"),
    [
        ("snapshot/*/001/raw/order/part-*", None),
        ("snapshot/*/001/raw/order/part-*", Path.unlink),
        ("snapshot/*/001/raw/order/SHA256SUMS", Path.unlink),
        ("snapshot/*/001/manifest.json", None),
        ("snapshot/*/001/manifest.json", lambda path: path.write_bytes(path.read_bytes()[:-20])),
        ("snapshot/*/001/manifest.json", lambda path: path.write_text("")),
        ("snapshot/*/001/manifest.json", lambda path: path.write_text("{}")),
        ("snapshot/*/001/manifest.json", lambda path: path.write_text('["not", "one"]')),
    ],
)
def test_a_damaged_snapshot_is_not_used_again(
    watched: Shop, caplog: pytest.LogCaptureFixture, pattern: str, how: Callable[[Path], None] | None
) -> None:
    """A snapshot with a damaged or missing file, or a manifest that is cut off, empty or no manifest, is named and left."""
    assert reusable(watched.settings, NIGHT, None) == REF
    path = damage(watched, pattern, how)
    assert reusable(watched.settings, NIGHT, None) is None
    assert str(path if path.name != "SHA256SUMS" else path.parent) in caplog.text


@pytest.mark.parametrize(
    ("patterns", "ref"),
    [
        (["snapshot/*/001/raw/order/part-*"], "002"),
        (
            [
                "snapshot/*/001/clean/order/part-*",
                "features/*/001/watch/serve/*.parquet",
                "predictions/*/001/watch/order_watch/*.parquet",
            ],
            "001",
        ),
    ],
    ids=["the shop", "what was made"],
)
def test_the_next_run_makes_damaged_files_anew(
    watched: Shop, caplog: pytest.LogCaptureFixture, patterns: list[str], ref: str
) -> None:
    """The same night run again mends the lake from the step that made the file, names it, and gives the same rows."""
    before, paths = rows(watched), [damage(watched, pattern) for pattern in patterns]

    assert watched.night(NIGHT)["ref"] == f"{NIGHT}/{ref}"

    assert rows(watched) == before
    for path in paths:
        assert "predictions" in str(path) or str(path) in caplog.text
    lake = Lake(watched.settings.lake_uri)
    for file in kept(watched):
        if f"/{ref}/" in str(file):
            read(lake, file)


def test_a_step_alone_refuses_what_another_must_make_anew(watched: Shop) -> None:
    """Scores and clean rows that were damaged before the step that reads them are refused with name and way out."""
    path = damage(watched, "predictions/*/001/watch/order_watch/*.parquet")
    with pytest.raises(DamagedFile, match="run the night again") as error:
        pipeline.publish(watched.settings, REF, "watch")
    assert f"{path}: its sha256 is not the recorded one" in error.value.came

    path = damage(watched, "snapshot/*/001/clean/order/part-*")
    with pytest.raises(DamagedFile, match="its sha256 is not the recorded one"):
        watched.run(10)
    Lake(watched.settings.lake_uri).remove("features")
    with pytest.raises(DamagedFile, match="its sha256 is not the recorded one"):
        pipeline.prepare(watched.settings, REF, "watch")


def test_files_that_do_not_belong_are_named(watched: Shop) -> None:
    """A Parquet file that Nightshift did not write, and one that is gone with its record, stop the publication."""
    folder = next(Path(watched.settings.lake_uri).glob("predictions/*/001/watch/order_watch"))
    (stray := folder / "00007.parquet").write_bytes((folder / "00000.parquet").read_bytes())
    with pytest.raises(DamagedFile, match=r"00007\.parquet: no record says what it was"):
        pipeline.publish(watched.settings, REF, "watch")
    stray.unlink()

    (folder / "00000.parquet").unlink()
    (folder / "00000.parquet.sha256").unlink()
    with pytest.raises(DamagedFile, match=r"00000\.parquet: it is missing"):
        pipeline.publish(watched.settings, REF, "watch")


def test_a_file_is_replaced_with_its_record(watched: Shop) -> None:
    """What erases rows writes a file anew by ``write_batches``; killed before it is in place, the old one still counts."""
    lake = Lake(watched.settings.lake_uri)
    folder = f"snapshot/{REF}/clean/order"
    path = f"{folder}/part-00000.parquet"
    few = lake.read_parquet(folder).slice(0, 5)

    complete, lake._complete = lake._complete, lambda target: None if target.endswith(".parquet") else complete(target)
    lake.write_batches(path, few.to_batches())
    assert "its sha256" in lake.faults(folder)[0]

    lake._complete = complete
    assert lake.write_batches(path, few.to_batches()) == 5
    assert lake.read_parquet(folder).equals(few)
    assert lake.names(folder) == ["SHA256SUMS", "part-00000.parquet"]


def test_a_file_is_hashed_once_while_it_stays(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that reads a file again does not hash it again, unless it was written to."""
    lake, path = Lake(watched.settings.lake_uri), damage(watched, "snapshot/*/001/clean/order/part-*", lambda _: None)
    monkeypatch.setattr("ml.adapters.lake.checksums.time.time", lambda: time.time_ns() / 1e9 + 60)
    hashed = []
    monkeypatch.setattr("ml.adapters.lake.checksums._hash", lambda file: hashed.append(file.name) or "0" * 64)
    lake.faults(str(path.parent))
    lake.faults(str(path.parent))
    assert hashed == [str(path)]
    pq.write_table(pq.read_table(path).slice(0, 1), path)
    lake.faults(str(path.parent))
    assert len(hashed) == 2


def test_the_lane_starts_anew_from_a_damaged_memory(watched: Shop) -> None:
    """What the lane remembers of orders that got no row is looked at once more when it is damaged."""
    watched.place("n1", at(10), status="cancelled")
    assert watched.run(10.1)["new"] == 1
    assert watched.run(10.2)["new"] == 0
    damage(watched, "live/watch/unscored.parquet")
    assert watched.run(10.3)["new"] == 1
