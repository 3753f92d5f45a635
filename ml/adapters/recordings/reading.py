"""Read the recordings among clean tickets: each once, its words masked before they are stored, what is not understood in words.

There is no store beside the snapshots: what was understood before is in the tickets of earlier snapshots, from which a
customer who asks to be forgotten is taken out as everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ml.adapters.lake import Lake
from ml.adapters.recordings.engine import Transcriber, engine, missing
from ml.adapters.recordings.sound import samples, tag
from ml.adapters.shop.reader import schema
from ml.contract.tables import TICKET
from ml.core.masking import masked_speech
from ml.core.pictures import Unreadable
from ml.settings import Settings

NIGHT_S, LANE_S = 1800.0, 20.0
"""Time for recordings that are new; what is left is read in the next run."""
OFF = "recordings are not transcribed (NIGHTSHIFT_SPEECH is empty)"
LATER = "not transcribed yet: there was no more time in this run, it is in the next"
FILLED = ("transcript_confidence", "transcript_of", "unheard")

Known = Mapping[tuple[str, str], tuple[str, float]]
"""By address and ``transcript_of``: the text, and how sure the engine was of it."""


class Heard(NamedTuple):
    """What the reading came to."""

    recordings: int
    unheard: int

    def words(self) -> str:
        """For the night's summary; empty where all is well."""
        if not self.unheard:
            return ""
        return f"ticket: {self.unheard:,} of {self.recordings:,} recordings were not transcribed (ml.ticket_triage says why)"


def known(lake: Lake, folders: Iterable[str]) -> Known:
    """What was understood of recordings in the clean tickets of these snapshots or runs, the first counts."""
    found: dict[tuple[str, str], tuple[str, float]] = {}
    for folder in folders:
        if not lake.exists(folder, "clean", TICKET.name):
            continue
        rows = lake.read_parquet(lake.join(folder, "clean", TICKET.name))
        if not set(FILLED) <= set(rows.column_names):
            continue
        for row in rows.filter(pc.is_valid(rows["transcript_of"])).to_pylist():
            found.setdefault((row["audio_uri"], row["transcript_of"]), (row["text"], row["transcript_confidence"]))
    return found


def read_recordings(lake: Lake, folder: str, before: Known, settings: Settings, budget_s: float) -> Heard:
    """Fill ``text``, ``transcript_confidence``, ``transcript_of`` and ``unheard`` of the clean tickets of a snapshot or a run.

    Only of tickets with a recording and without a text: what the shop transcribed itself stays as it is.
    """
    place = lake.join(folder, "clean", TICKET.name)
    if not lake.exists(place):
        return Heard(0, 0)
    rows = lake.read_parquet(place)
    silent = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(pc.fill_null(rows["text"], ""))), 0)
    spoken = pc.and_(pc.and_(pc.is_valid(rows["audio_uri"]), silent), pc.is_null(rows["transcript_of"]))
    wanted = rows.filter(spoken).select(["audio_uri", "language"]).to_pylist()
    if not wanted:
        return Heard(0, 0)
    hear = _reader(before, settings, time.monotonic() + budget_s)
    found = [hear(row["audio_uri"], row["language"] or "") for row in wanted]
    text, *filled = (list(column) for column in zip(*found, strict=True))
    columns = {"text": text} | dict(zip(FILLED, filled, strict=True))
    for name, values in columns.items():
        column = rows[name].combine_chunks()
        kind = schema(TICKET).field(name).type
        rows = rows.set_column(
            rows.column_names.index(name),
            name,
            pc.replace_with_mask(column.cast(kind), spoken.combine_chunks(), pa.array(values, kind)),
        )
    lake.write_stream(place, schema(TICKET), rows.cast(schema(TICKET)).to_batches())
    return Heard(len(wanted), sum(reason is not None for reason in columns["unheard"]))


Result = tuple[str, float | None, str | None, str | None]


def _reader(before: Known, settings: Settings, until: float) -> Callable[[str, str], Result]:
    """What becomes of a recording: its text, the confidence, of what it was made, and why it was not."""
    folder = settings.recordings or settings.home / "recordings"
    absent = OFF if not settings.speech else missing(settings.speech)
    loaded: list[Transcriber] = []

    def nothing(why: str) -> Result:
        return "", None, None, why

    def hear(uri: str, language: str) -> Result:
        if absent:
            return nothing(absent)
        if not loaded:
            loaded.append(engine(settings.speech))
        (model,) = loaded
        if language and model.languages and language[:2].lower() not in model.languages:
            return nothing(f"{model.name} does not read the language {language[:10]}")
        made_of = f"{model.name} {tag(uri, folder)}"
        if (uri, made_of) in before:
            return *before[uri, made_of], made_of, None
        if time.monotonic() > until:
            return nothing(LATER)
        try:
            found = model.transcribe(samples(uri, folder))
        except Unreadable as error:
            return nothing(str(error))
        return masked_speech(found.text), round(found.confidence, 4), made_of, None

    return hear
