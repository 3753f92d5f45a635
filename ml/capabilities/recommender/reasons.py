"""Why a product is shown, in words that the shop can replace."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.recommender.templates import TEMPLATES, Reason
from ml.core.errors import NightshiftError

MONTH_DAYS = 30
LEAST_ORDERS = 3
"""With fewer orders in ``MONTH_DAYS`` a product is not called popular."""

ENGLISH = "en"

Ints = npt.NDArray[np.int64]


def popular(orders: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """What may be called popular in each group: ordered as often as the mean of what is ordered at all, and not by accident.

    Parameters
    ----------
    orders : ndarray of shape (n_groups, n_products)
        Orders with each product in the last ``MONTH_DAYS``.

    Examples
    --------
    >>> popular(np.array([[9.0, 2, 1, 0], [2.0, 2, 2, 2]])).tolist()
    [[True, False, False, False], [False, False, False, False]]
    """
    mean = orders.sum(1, keepdims=True) / np.maximum(1, (orders > 0).sum(1, keepdims=True))
    often: npt.NDArray[np.bool_] = orders >= np.maximum(LEAST_ORDERS, mean)
    return often


class Named(NamedTuple):
    """A placeholder's values: ``texts``, and each row's place among them (of no meaning where a row does not need it)."""

    texts: pa.Array
    place: npt.NDArray[np.integer]


class Words:
    """Writes reasons from templates.

    Parameters
    ----------
    templates : mapping of str to str
        By code, with the placeholders that :data:`TEMPLATES` has for that code; one that is missing is taken from there.

    Raises
    ------
    NightshiftError
        A code or a placeholder is not known, or braces do not match; all faults at once.

    Examples
    --------
    >>> words = Words({"because": "weil Sie {source} gekauft haben"})
    >>> words.of(np.array([Reason.BECAUSE]), source=Named(pa.array(["Tee"]), np.array([0]))).to_pylist()
    ['weil Sie Tee gekauft haben']
    """

    def __init__(self, templates: Mapping[str, str] | None = None) -> None:
        said = dict(templates or {})
        if faults := [fault for code, text in said.items() for fault in _faults(code, text)]:
            raise NightshiftError(
                "A reason cannot be written from its template.",
                came="\n".join(faults),
                do="correct ml_config.reason_template; a row that is taken out gives the English words",
            )
        self._parsed = [_parsed({**TEMPLATES, **said}[code]) for code in (reason.code for reason in Reason)]

    @classmethod
    def of_shop(cls, features: Mapping[str, pa.Table]) -> Words:
        """Take the words of the shop's table ``reason_template`` (language, code, template), where it has one.

        The language is that of ``recommender_setting``, English if there is none; a code without a row in it has the
        shop's English row, and without that the words of :data:`TEMPLATES`.
        """
        if "reason_template" not in features:
            return cls()
        setting = features.get("recommender_setting")
        language = setting["language"][0].as_py() if setting is not None and len(setting) else ENGLISH
        rows = features["reason_template"].select(["language", "code", "template"]).to_pylist()
        return cls(
            {row["code"]: row["template"] for name in (ENGLISH, language) for row in rows if row["language"] == name}
        )

    def of(self, kind: npt.NDArray[np.integer], **named: Named) -> pa.Array:
        """Write the reason of each row; each distinct text is built once.

        Parameters
        ----------
        kind : ndarray of shape (n,)
            Values of :class:`templates.Reason`.
        **named : Named
            The values of ``source``, ``category``, ``segment`` and ``days``, as far as the kinds need them.
        """
        texts, place, count = [], np.zeros(len(kind), np.int64), 0
        for code in np.unique(kind):
            rows = np.flatnonzero(kind == code)
            made, inverse = self._written(int(code), rows, named)
            place[rows] = count + inverse
            texts.append(made)
            count += len(made)
        return pa.concat_arrays(texts).take(pa.array(place)) if texts else pa.array([], pa.string())

    def _written(self, code: int, rows: Ints, named: Mapping[str, Named]) -> tuple[pa.Array, Ints]:
        """The distinct texts of ``rows``, all of one kind, and each row's place among them."""
        pieces = self._parsed[code]
        used = {name: named[name] for _, name in pieces if name}
        key = np.zeros(len(rows), np.int64)
        for values in used.values():
            key = key * len(values.texts) + values.place[rows]
        key, inverse = np.unique(key, return_inverse=True)
        n, arguments = len(key), {}
        for name, values in reversed(used.items()):
            key, at = np.divmod(key, len(values.texts))
            arguments[name] = values.texts.take(pa.array(at))
        parts = [part for text, name in pieces for part in ([pa.repeat(text, n)] + ([arguments[name]] if name else []))]
        return pc.binary_join_element_wise(*parts, ""), inverse


def numbers(values: npt.NDArray[np.integer]) -> Named:
    """Whole numbers from 0 as the values of a placeholder."""
    return Named(pa.array(range(int(values.max(initial=0)) + 1)).cast(pa.string()), values)


def _parsed(template: str) -> list[tuple[str, str]]:
    """Pieces of a template: a literal text and the placeholder after it, empty at the end."""
    return [(text, name or "") for text, name, _, _ in Formatter().parse(template)]


def _faults(code: str, template: str) -> list[str]:
    """What is wrong with a template, one line each."""
    if code not in TEMPLATES:
        return [f"{code!r} is not a code; codes are {', '.join(TEMPLATES)}"]
    try:
        used = [name for _, name in _parsed(template) if name]
        plain = all(not spec and not conversion for _, _, spec, conversion in Formatter().parse(template))
    except ValueError as error:
        return [f"{code}: {template!r}: {error} (a brace as such is written twice)"]
    known = [name for _, name in _parsed(TEMPLATES[code]) if name]
    wrong = [f"{{{name}}}" for name in used if name not in known]
    if not template.strip():
        return [f"{code}: the template is empty"]
    if wrong or not plain or "{}" in template:
        has = ", ".join(f"{{{name}}}" for name in known) or "no placeholder"
        return [f"{code}: {template!r} uses {', '.join(wrong) or 'a format'}; this code has {has}"]
    return []
