"""What somebody wrote in a mail or a chat, without what stands around it: quoted history, forwarded mails, signatures."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from ml.text.clean import clean

_HISTORY = re.compile(
    r"(?im)^[ \t]*(?:-{2,}|_{5,})?[ \t]*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht"
    r"|mensagem original|mensagem encaminhada|message d'origine|mensaje original|begin forwarded message)\b.*"
    r"|^[ \t]*(?:on|am|em|le|el|il)\b[^\n]{3,200}(?:wrote|schrieb|escreveu|a écrit|escribió|ha scritto)[^\n]{0,80}:[ \t]*$"
    r"|^[ \t]*(?:from|von|de):[^\n]+\n[ \t]*(?:sent|date|to|gesendet|datum|an|enviado|data|para):[^\n]+$"
)
_QUOTED = re.compile(r"(?m)^[ \t]*(?:>|&gt;).*(?:\n|$)")
_SIGNATURE = re.compile(
    r"(?im)^[ \t]*(?:--[ \t]*$|(?:kind|best|warm|many) (?:regards|wishes)|regards\b|yours (?:sincerely|faithfully|truly)|sincerely\b|cheers,?[ \t]*$"
    r"|sent from my|get outlook for|(?:mit )?(?:freundlichen?|viele[nr]?|besten?|liebe|herzliche) gr[uü](?:ß|ss)e?n?|mfg\b|von meinem \w+ gesendet"
    r"|gesendet von|atenciosamente|att\.?,?[ \t]*$|abraços?,?[ \t]*$|enviado d[oe] meu|cordialement|saludos,?[ \t]*$|cordiali saluti)"
)
_BREAK = re.compile(r"(?i)<br\s*/?>|</p>|</div>|</li>|</tr>")
_HIDDEN = re.compile(r"(?is)<blockquote\b.*?</blockquote>|<div[^>]+class=\"?gmail_(?:quote|signature)\b.*")
_MAY = r"(?im)^[ \t]*(?:>|&gt;|-|_{5})|<(?:br|/p|/div|/li|/tr|blockquote|div)|:[ \t]*$|^[ \t]*(?:from|von|de):|regards|wishes|sincerely|yours|cheers|sent from|outlook|gr[uü](?:ß|ss)|mfg|gesendet|atenciosamente|att\b|abra|enviado|cordial|saludos|message|nachricht|mensage"


def spoken(text: str) -> str:
    r"""The part that its writer wrote now. Where nothing stands before what is cut off, all of it stays.

    Examples
    --------
    >>> spoken("Where is it?\n\nOn Mon, the shop wrote:\n> Thank you\n> Your team")
    'Where is it?'
    >>> spoken("Please cancel.\nKind regards\nAlex")
    'Please cancel.'
    """
    whole = _BREAK.sub("\n", _HIDDEN.sub("", text) or text)
    kept = _QUOTED.sub("", _cut(whole, _HISTORY))
    kept = kept if kept.strip() else whole
    kept = _cut(kept, _SIGNATURE)
    return kept.strip()


def _cut(text: str, end: re.Pattern[str]) -> str:
    """The text before the first place that ``end`` is found in with something before it."""
    for found in end.finditer(text):
        if text[: found.start()].strip():
            return text[: found.start()]
    return text


def written(subject: pa.ChunkedArray | pa.Array, text: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Subject and text as they are read: :func:`spoken`, then :func:`ml.text.clean.clean`; a repeated subject stays once."""
    whole = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    whole = pc.fill_null(whole.cast(pa.string()), "")
    may = pc.match_substring_regex(whole, _MAY)
    if pc.any(may).as_py():
        whole = pc.replace_with_mask(
            whole, may, pa.array([spoken(one) for one in whole.filter(may).to_pylist()], pa.string())
        )
    return clean(subject, whole)
