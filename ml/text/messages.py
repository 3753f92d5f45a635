"""Message catalogues of the capabilities, and their English reasons put into another language by them.

A catalogue is a file ``locale/<language>.po`` in a capability's folder. Its messages with the context ``reason`` are
templates of reasons: ``{n} orders {of} in {span}``. A name of one letter stands for a number as it is printed, a longer one
for any text, which is put into the language too if it is a message itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from babel.messages import pofile

ENGLISH = "en"
REASON = "reason"
"""Name of the columns that hold reasons, and context of their messages."""
SHARED = Path(__file__).parent / "locale"
BREAKS = ("; ", ", ")
"""What stands between the parts of a reason, the wider first."""
_NAME = re.compile(r"{(\w+)}")
_NUMBER = r"[-+]?\d[\d.,:]*(?:e[-+]?\d+)?(?: ?%)?"


class Catalogue(NamedTuple):
    """Messages of one language: English text -> translation."""

    texts: Mapping[str, str]
    reasons: Mapping[str, str]


@cache
def read(path: Path, language: str) -> Catalogue:
    """The messages of one file; none where it is not there."""
    if not path.is_file():
        return Catalogue({}, {})
    with path.open("rb") as file:
        found = [m for m in pofile.read_po(file, locale=language) if m.id and m.string and not m.fuzzy]
    return Catalogue(
        {str(m.id): str(m.string) for m in found if not m.context},
        {str(m.id): str(m.string) for m in found if m.context == REASON},
    )


def folder(package: str) -> Path:
    """The folder of a package's catalogues.

    Examples
    --------
    >>> folder("ml.text") == SHARED
    True
    """
    spec = find_spec(package)
    assert spec is not None, package
    assert spec.origin is not None, package
    return Path(spec.origin).parent / "locale"


class Reasons:
    """English reasons in another language.

    A part without a message stays English, and so does a reason of which no part has one.

    Examples
    --------
    >>> german = Reasons({"{n} orders {of}": "{n} Bestellungen {of}", "by card": "mit Karte", "; ": "; "})
    >>> german("5 orders by card; a gift"), german("a gift; wrapped")
    ('5 Bestellungen mit Karte; a gift', 'a gift; wrapped')
    >>> german.lacking("5 orders by card; a gift")
    ['a gift']
    """

    def __init__(self, messages: Mapping[str, str]) -> None:
        self._exact = {text: put for text, put in messages.items() if not _NAME.search(text)}
        templates = sorted((text for text in messages if text not in self._exact), key=_order)
        self._patterns = [(_pattern(text), messages[text]) for text in templates]
        self._put = lru_cache(65_536)(self._one)

    def __call__(self, text: str) -> str:
        """The reason in the language."""
        return self._put(text) or text

    def lacking(self, text: str) -> list[str]:
        """Parts of a reason that have no message."""
        if not text or self._matched(text):
            return []
        parts = next((text.split(between) for between in BREAKS if between in text), None)
        return [text] if parts is None else [lack for part in parts for lack in self.lacking(part)]

    def column(self, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """A column of reasons, each different one put once."""
        flat = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        found = flat.dictionary_encode()
        put = pa.array([None if v is None else self(v) for v in found.dictionary.to_pylist()], flat.type)
        return put.take(found.indices)

    def _one(self, text: str) -> str:
        """The reason in the language; empty if nothing of it has a message."""
        if matched := self._matched(text):
            return matched
        for between in BREAKS:
            if between in text:
                parts = text.split(between)
                put = [self._put(part) for part in parts]
                mark = self._exact.get(between, between)
                return mark.join(p or part for p, part in zip(put, parts, strict=True)) if any(put) else ""
        return ""

    def _matched(self, text: str) -> str:
        if text in self._exact:
            return self._exact[text]
        for pattern, put in self._patterns:
            if found := pattern.fullmatch(text):
                return _NAME.sub(lambda name: self(found[name[1]]), put)
        return ""


def _order(template: str) -> tuple[bool, int]:
    """Templates around another reason are tried first (``{fact} (usual {u})``), then those with most fixed text."""
    first = _NAME.match(template)
    return first is None or len(first[1]) == 1, -len(_NAME.sub("", template))


def _pattern(template: str) -> re.Pattern[str]:
    """A text within a part of a reason does not reach into the next part."""
    text = ".+?" if BREAKS[0] in template else f"(?:(?!{BREAKS[0]}).)+?"
    pattern = "".join(
        re.escape(piece) if i % 2 == 0 else f"(?P<{piece}>{_NUMBER if len(piece) == 1 else text})"
        for i, piece in enumerate(_NAME.split(template))
    )
    return re.compile(pattern, re.DOTALL)


@cache
def reasons(package: str, language: str) -> Reasons | None:
    """How a capability's reasons are put into ``language``; None where nothing is to be put."""
    if language == ENGLISH:
        return None
    own = read(folder(package) / f"{language}.po", language).reasons
    return Reasons({**read(SHARED / f"{language}.po", language).reasons, **own}) if own else None


def translated(batches: Iterable[pa.RecordBatch], package: str, language: str) -> Iterator[pa.RecordBatch]:
    """Rows of a published table with their column ``reason`` in ``language``."""
    put = reasons(package, language)
    for batch in batches:
        at = batch.schema.get_field_index(REASON)
        if put is None or at < 0:
            yield batch
        else:
            yield batch.set_column(at, batch.schema.field(at), put.column(batch.column(at)))
