"""What people typed, made fit to read: no markup, no links, no control characters, and an end to it."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from ml.text.tokens import HEADLINE

LONGEST = 100_000
"""Code points that are read of a text."""

_MARKUP = r"(?is)<!--.*?-->|<(?:script|style)\b.*?</(?:script|style)\s*>|</?[a-z][^<>]{0,1000}>"
_LINK = r"(?i)\b(?:https?://|ftp://|www\.)\S+|\S{1,100}@\S{1,100}\.[a-z]{2,}"
_CONTROL = r"[\x{0}-\x{8}\x{b}\x{c}\x{e}-\x{1f}\x{7f}-\x{9f}\x{200b}\x{2028}-\x{202e}\x{feff}]+"
# To look is several times faster than to replace, and most texts have nothing of the kind: what to look for, what is replaced.
_REPLACED = (
    (_CONTROL, _CONTROL, " "),
    (r"(?i)https?:|ftp:|www\.|@", _LINK, " "),
    (r"[\t\r\x{a0}]|  ", r"[ \t\r\x{a0}]+", " "),
    (rf"^\s*{HEADLINE}", rf"^\s*{HEADLINE}", ""),
    (r"\s\n|\n\s", r"\s*\n\s*", "\n"),
)


def clean(title: pa.ChunkedArray | pa.Array, text: pa.ChunkedArray | pa.Array) -> pa.Array:
    r"""Join headline and text, a line each with the mark ``HEADLINE`` between, and take out what nobody says.

    Parameters
    ----------
    title, text : pyarrow string arrays of the same length
        Nulls are empty.

    Returns
    -------
    pyarrow.Array of large_string
        One text per row; empty where nothing is left. Letters, accents, capitals and emoji are as they were typed.

    Examples
    --------
    >>> clean(pa.array(["Nice"]), pa.array(["<b>soft</b> &amp; warm, see http://x.yz/1 "])).to_pylist()
    ['Nice\ue000\nsoft & warm, see']
    """
    parts = [pc.replace_substring(pc.fill_null(_whole(part), ""), HEADLINE, " ") for part in (title, text)]
    joined = pc.binary_join_element_wise(*parts, pa.scalar(f"{HEADLINE}\n", pa.large_string()))
    joined = pc.utf8_slice_codeunits(joined, 0, LONGEST)
    joined = _where(joined, "[<&]", _without_markup)
    for found, pattern, instead in _REPLACED:
        joined = _where(joined, found, partial(pc.replace_substring_regex, pattern=pattern, replacement=instead))
    return _whole(pc.utf8_trim_whitespace(joined))


def _whole(part: pa.ChunkedArray | pa.Array) -> pa.Array:
    whole = part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part
    return whole.cast(pa.large_string())


def _without_markup(some: pa.Array) -> pa.Array:
    """Entities are read after the tags are gone, once: a shop that shows ``&lt;b&gt;`` means the letters."""
    bare = pc.replace_substring_regex(some, _MARKUP, " ")
    return pa.array([html.unescape(text) for text in bare.to_pylist()], pa.large_string())


def _where(texts: pa.Array, pattern: str, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply ``change`` to the texts that ``pattern`` is found in; the others are most of them."""
    found = pc.match_substring_regex(texts, pattern)
    if not pc.any(found).as_py():
        return texts
    return pc.replace_with_mask(texts, found, change(texts.filter(found)))
