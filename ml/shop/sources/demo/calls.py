"""Tickets by phone of which the shop has a recording alone, spoken by a synthesiser: only where a folder for them is given."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from ml.adapters.recordings.speaking import speak, voices
from ml.core.errors import NightshiftError
from ml.shop.sources.demo.columns import Rows
from ml.shop.sources.demo.options import Options

MOST = 12
"""Recordings of a chunk of customers: its latest English tickets become calls."""


def spoken(options: Options, chunk: int, rows: Rows, english: Collection[str]) -> Rows:
    """The tickets, of which some have ``audio_uri`` instead of ``text``; the files are written into ``options.recordings``.

    Parameters
    ----------
    english : collection of str
        Ids of customers who speak it.

    Raises
    ------
    NightshiftError
        No synthesiser is installed.
    """
    installed = voices()
    if not installed:
        raise NightshiftError(
            "Tickets cannot be spoken.", came="neither flite nor espeak-ng runs", do="apt-get install flite espeak-ng"
        )
    name, batch = rows
    table = pa.Table.from_batches([batch])
    tickets = table.select(["ticket_id", "customer_id", "text", "opened_at"]).to_pylist()
    theirs = [i for i, row in enumerate(tickets) if row["customer_id"] in english]
    chosen = sorted(theirs, key=lambda i: (tickets[i]["opened_at"], tickets[i]["ticket_id"]))[-MOST:]
    rng, folder = options.rng("recordings", chunk), Path(options.recordings)
    folder.mkdir(parents=True, exist_ok=True)
    texts, uris = table["text"].to_pylist(), [None] * len(tickets)
    channels, subjects = table["channel"].to_pylist(), table["subject"].to_pylist()
    for i, voice in zip(chosen, rng.choice(installed, len(chosen)), strict=True):
        uri = f"{tickets[i]['ticket_id']}.wav"
        speak(_aloud(texts[i]), folder / uri, str(voice))
        texts[i], subjects[i], channels[i], uris[i] = "", None, "phone", uri  # type: ignore[call-overload]
    for column, values in (("text", texts), ("subject", subjects), ("channel", channels), ("audio_uri", uris)):
        place = table.column_names.index(column)
        table = table.set_column(place, table.schema.field(column), pa.array(values, pa.string()))
    return name, table.combine_chunks().to_batches()[0]


def _aloud(text: str) -> str:
    """What a caller says of what would be written: no quoted mail, no mark-up, no signature."""
    plain = text.replace("<div><p>", "").replace("</p></div>", "")
    return plain.split("\n\n")[0]
