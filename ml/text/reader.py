"""Read texts once more for what moved their score, and for what each clause says of which aspect."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.kernels.compiled import compiled, share
from ml.kernels.groups import ends_of
from ml.kernels.threads import threads
from ml.text.clauses import Joints, clause_end, find_joints, room_for_joints
from ml.text.marked_words import BESIDE, HINT, JOIN, OF_ORDER, TURN, Roles, Words
from ml.text.moved_words import REASONS, choose, complete, known_share, parts_of, tell, whole_words
from ml.text.svm import Linear, add_up, finish, nothing
from ml.text.tokens import (
    Bytes,
    Folds,
    Ints,
    Texts,
    Tokens,
    folds,
    room,
    tokenise,
)

STEP = 4_096
TRUST = 0.5
"""What a text without a 'but' tells of each of its clauses, beside the clause itself."""


class Read(NamedTuple):
    """What was found in texts; places are bytes from a text's beginning.

    Parameters
    ----------
    moved : ndarray of shape (n_texts, 4), float32
        Parts of the words that moved the score most, in the order of the text; above 0 upwards; 0: no more words.
    words : ndarray of shape (n_texts, 4, 2), int32
        From where to where each of them goes.
    aspect_score : ndarray of shape (n_texts, n_aspects), float32
        -1 to 1; NaN where nothing is said of an aspect.
    clause : ndarray of shape (n_texts, n_aspects, 2), int32
        The clause that says it.
    known : ndarray of shape (n_texts,), float32
        Share of its words that the model has read before; 1 where there are none.
    """

    moved: npt.NDArray[np.float32]
    words: npt.NDArray[np.int32]
    aspect_score: npt.NDArray[np.float32]
    clause: npt.NDArray[np.int32]
    known: npt.NDArray[np.float32]

    def between(self, start: int, end: int) -> Read:
        """The same of texts ``start … end - 1``; a view."""
        return Read(
            self.moved[start:end],
            self.words[start:end],
            self.aspect_score[start:end],
            self.clause[start:end],
            self.known[start:end],
        )


def read(texts: Texts, model: Linear, mixing: npt.NDArray[np.float64], roles: Roles) -> Read:
    """Read ``texts``.

    Parameters
    ----------
    mixing : ndarray of shape (n_classes, n_steps + 1)
        Calibration of a clause: its chances are softmax(mixing[:, :-1] z + mixing[:, -1]).
    """
    n, a = len(texts), len(roles.aspects)
    reading = Read(
        np.zeros((n, REASONS), np.float32),
        np.zeros((n, REASONS, 2), np.int32),
        np.full((n, a), np.nan, np.float32),
        np.zeros((n, a, 2), np.int32),
        np.zeros(n, np.float32),
    )

    def work(start: int, end: int) -> None:
        part = reading.between(start, end)
        _read(texts.data, texts.ends[start : end + 1], folds(), model, mixing, roles.words, part)

    share(work, n, max(STEP, n // (4 * threads())))
    return reading


def cut(texts: Texts, rows: Ints, froms: Ints, tos: Ints, most: int) -> pa.Array:
    """Pieces of texts as strings: bytes ``froms[i]:tos[i]`` of text ``rows[i]``, at most ``most`` of them and then an ellipsis."""
    begin = texts.ends[rows] + froms
    size = np.minimum(tos - froms, most)
    ends = ends_of(size + 3 * (tos - froms > most))
    out = np.empty(int(ends[-1]), np.uint8)
    _cut(texts.data, begin, tos - froms, most, out, ends)
    return pa.LargeStringArray.from_buffers(len(rows), pa.py_buffer(ends), pa.py_buffer(out))


@compiled
def _cut(data: Bytes, begin: Any, size: Any, most: int, out: Any, ends: Any) -> None:
    """Copy; a piece that is too long loses bytes until a code point ends, and its unused bytes are closed up."""
    at = 0
    for i in range(len(begin)):
        length = size[i]
        if length > most:
            length = most
            while length > 0 and data[begin[i] + length] >> 6 == 2:
                length -= 1
        out[at : at + length] = data[begin[i] : begin[i] + length]
        at += length
        if size[i] > most:
            out[at], out[at + 1], out[at + 2] = 0xE2, 0x80, 0xA6
            at += 3
        ends[i + 1] = at


@compiled
def log_chances(scores: Any, mixing: Any, out: Any) -> None:
    """Write mixing z, the logarithms of the chances but for a constant."""
    for c in range(len(out)):
        out[c] = mixing[c, len(scores)]
        for d in range(len(scores)):
            out[c] += mixing[c, d] * scores[d]


@compiled
def gap(of_clause: Any, of_text: Any, trust: float) -> float:
    """Chance of the last class less that of the first, for a clause of a text: most clauses feel as their text does."""
    mixed = of_clause + trust * of_text
    mixed = np.exp(mixed - mixed.max())
    return (mixed[-1] - mixed[0]) / mixed.sum()  # type: ignore[no-any-return]


@compiled
def _aspects(text: Tokens, first: int, last: int, joints: Joints, score: float, aspect_score: Any, clause: Any) -> None:
    """Give a clause's score to the aspects that it names; an aspect keeps its strongest clause."""
    listed, ordered = False, False
    for k in range(first, last):
        listed |= 0 < joints.roles[k] < HINT
        ordered |= joints.roles[k] == OF_ORDER
    for k in range(first, last):
        a = _named(joints.roles, first, last, k, listed, ordered) - 1
        if 0 <= a < len(aspect_score) and not abs(aspect_score[a]) >= abs(score):
            aspect_score[a] = score
            clause[a, 0] = text.places[text.froms[text.starts[first]]] - text.places[0]
            clause[a, 1] = text.places[text.froms[text.starts[last] - 1] + 1] - text.places[0]


@compiled
def _named(roles: Any, first: int, last: int, k: int, listed: bool, ordered: bool) -> int:
    """The aspect that token ``k`` speaks of in its clause; 0 or less: none."""
    if roles[k] < HINT:
        return roles[k]  # type: ignore[no-any-return]
    if listed:
        return 0
    if roles[k] < BESIDE:
        return roles[k] - HINT  # type: ignore[no-any-return]
    aspect = roles[k] - BESIDE
    for other in range(first, last):
        ordered |= roles[other] == HINT + aspect
    return aspect if ordered else 0


@compiled
def _read(data: Bytes, ends: Any, folds: Folds, model: Linear, mixing: Any, words: Words, reading: Read) -> None:
    text = room(ends)
    sums, joints = nothing(model, text), room_for_joints(text)
    parts, chosen = np.empty(len(text.points)), np.empty(len(text.points), np.int8)
    scores, stamp = np.zeros(len(model.bias)), 0
    of_text, of_clause = np.zeros(len(mixing)), np.zeros(len(mixing))
    toward = mixing[-1, : len(scores)] - mixing[0, : len(scores)]
    for r in range(len(ends) - 1):
        n, t = tokenise(data, ends[r], ends[r + 1], folds, text)
        add_up(text, 0, t, model, stamp, sums)
        finish(model, sums, scores)
        log_chances(scores, mixing, of_text)
        parts_of(text, t, model, toward, stamp + 1, sums, parts)
        reading.known[r] = known_share(text, t, model, sums)
        find_joints(text, n, t, words, joints)
        choose(text, t, parts, words, chosen)
        complete(text, t, parts, chosen)
        whole_words(text, t, chosen)
        tell(text, t, parts, chosen, joints.pause, reading.moved[r], reading.words[r])
        stamp, first = stamp + 2, 0
        trust = 0.0 if (joints.roles[:t] == TURN).any() else TRUST
        while first < t:
            last, named = clause_end(joints, first, t), False
            for k in range(first, last):
                named |= joints.roles[k] > 0
            if named:
                begin = first  # 'but' is the mark of a mixed text, not a word of the clause that it begins
                while begin < last - 1 and joints.roles[begin] in (TURN, JOIN):
                    begin += 1
                add_up(text, begin, last, model, stamp, sums)
                stamp += 1
                finish(model, sums, scores)
                log_chances(scores, mixing, of_clause)
                _aspects(
                    text,
                    first,
                    last,
                    joints,
                    gap(of_clause, of_text, trust),
                    reading.aspect_score[r],
                    reading.clause[r],
                )
            first = last
