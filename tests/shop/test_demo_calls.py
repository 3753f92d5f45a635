"""Tickets of the demo that were spoken: where a folder is given, and nothing else changes."""

from __future__ import annotations

import wave
from pathlib import Path

import pyarrow as pa
import pytest

from ml.adapters.recordings import speaking
from ml.shop.sources import demo
from ml.shop.sources.demo import calls
from ml.shop.sources.demo.calls import MOST


def fake(text: str, path: Path, voice: str) -> None:
    """A synthesiser that writes what it should say, and by whom."""
    path.write_text(f"{voice}: {text}")


def tickets(**options) -> dict[str, pa.Table]:
    """Tickets and their truth of a shop of 200 customers."""
    wanted = ("ticket", "demo_truth.ticket_truth")
    generated = demo.tables(customers=200, days=300, **options)
    return {name: pa.Table.from_batches(rows) for name, rows in generated if name in wanted}


def test_the_latest_calls_are_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no text; every other row is as it is without; the same seed gives the same voices."""
    monkeypatch.setattr(calls, "speak", fake)
    monkeypatch.setattr(calls, "voices", lambda: ["flite a", "espeak-ng b"])
    plain, recorded_shop = tickets(), tickets(recordings=str(tmp_path / "one"))
    recorded = [row for row in recorded_shop["ticket"].to_pylist() if row["audio_uri"]]
    before = {row["ticket_id"]: row for row in plain["ticket"].to_pylist()}
    assert 0 < len(recorded) <= MOST
    for call in recorded:
        assert (call["text"], call["subject"], call["channel"]) == ("", None, "phone")
        written = (tmp_path / "one" / call["audio_uri"]).read_text().partition(": ")[2]
        assert written in before[call["ticket_id"]]["text"]
    others = [row for row in recorded_shop["ticket"].to_pylist() if not row["audio_uri"]]
    assert others == [before[row["ticket_id"]] for row in others]
    tickets(recordings=str(tmp_path / "two"))
    for path in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / path.name).read_text() == path.read_text()


@pytest.mark.skipif(not speaking.voices(), reason="apt-get install flite espeak-ng")
def test_what_is_installed_speaks(tmp_path: Path) -> None:
    """Each voice writes sound; a text that begins with a hyphen is no option."""
    for voice in speaking.voices():
        speaking.speak("-h is what I ordered", tmp_path / "x.wav", voice)
        with wave.open(str(tmp_path / "x.wav")) as file:
            assert file.getframerate() >= 8000
            assert len(file.readframes(10**7)) > 20_000
        (tmp_path / "x.wav").unlink()
