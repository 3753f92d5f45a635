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
from ml.text.marked_words import HINT, TURN, Roles, Words
from ml.text.svm import Linear, Sums, add_up, factor, finish, nothing
from ml.text.tokens import (
    Bytes,
    Folds,
    Ints,
    Texts,
    Tokens,
    folds,
    room,
    spaceless,
    token_grams,
    tokenise,
)

REASONS = 4
STEP = 4_096
TRUST = 0.5
"""What a text without a 'but' tells of each of its clauses, beside the clause itself."""
LEAST = 0.2
"""A word with less than this share of the strongest word's part did not move the score."""


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
            self.moved[start:end], self.words[start:end], self.aspect_score[start:end], self.clause[start:end],
            self.known[start:end],
        )  # fmt: skip


def read(
    texts: Texts, model: Linear, mixing: npt.NDArray[np.float64], roles: Roles) -> Read:  # fmt: skip
    """Read ``texts``.

    Parameters
    ----------
    mixing : ndarray of shape (n_classes, n_steps + 1)
        Calibration of a clause: its chances are softmax(mixing[:, :-1] z + mixing[:, -1]).
    """
    n, a = len(texts), len(roles.aspects)
    made = Read(
        np.zeros((n, REASONS), np.float32), np.zeros((n, REASONS, 2), np.int32),
        np.full((n, a), np.nan, np.float32), np.zeros((n, a, 2), np.int32), np.zeros(n, np.float32),
    )  # fmt: skip

    def work(start: int, end: int) -> None:
        part = made.between(start, end)
        _read(texts.data, texts.ends[start : end + 1], folds(), model, mixing, roles.words, part)

    share(work, n, max(STEP, n // (4 * threads())))
    return made


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
def _parts(text: Tokens, n_tokens: int, model: Linear, toward: Any, stamp: int, sums: Sums, parts: Any) -> None:
    """Each token's part of the score: that of its character n-grams, and its share of the word n-grams it stands in.

    ``sums`` are those of the text; ``toward[k]`` says how step k moves the score.
    """
    parts[:n_tokens] = 0
    for head in range(2):
        of_words, of_characters = factor(model, sums, 2 * head), factor(model, sums, 2 * head + 1)
        last = text.head[0] if head else n_tokens
        for k in range(last):
            words, of_chars = token_grams(text, k, last, head, len(model.idf) - 1, sums.grams)
            for j in range(words + of_chars):
                i = sums.grams[j]
                if model.idf[i] == 0 or sums.seen[i] == stamp:
                    continue
                sums.seen[i] = stamp
                part = 0.0
                for c in range(len(toward)):
                    part += toward[c] * model.weights[i, c]
                part *= model.idf[i]
                if j >= words:
                    parts[k] += part * of_characters
                else:
                    for other in range(k, k + j + 1):
                        parts[other] += part * of_words / (j + 1)


@compiled
def _known(text: Tokens, n_tokens: int, model: Linear, sums: Sums) -> float:
    """Share of the words that the model has read before; signs and single letters of scripts with spaces are no words."""
    words, known = 0, 0
    for k in range(n_tokens):
        first = text.starts[k]
        if text.letters[first] > 64 and (text.starts[k + 1] - first > 1 or spaceless(text.letters[first])):
            words += 1
            token_grams(text, k, k + 1, 0, len(model.idf) - 1, sums.grams)
            known += model.idf[sums.grams[0]] > 0
    return known / words if words else 1.0


@compiled
def _choose(parts: Any, n_tokens: int, chosen: Any) -> None:
    """Mark the tokens with the largest parts."""
    chosen[:n_tokens] = 0
    most = 0.0
    for pick in range(min(REASONS, n_tokens)):
        best = -1
        for k in range(n_tokens):
            if chosen[k] == 0 and (best < 0 or abs(parts[k]) > abs(parts[best])):
                best = k
        if pick == 0:
            most = abs(parts[best])
        if most == 0 or abs(parts[best]) < LEAST * most:
            break
        chosen[best] = 1


@compiled
def _complete(text: Tokens, n_tokens: int, parts: Any, chosen: Any) -> None:
    """Mark beside each marked character of a script without spaces the neighbour that most likely is its word's other half."""
    for k in range(n_tokens):
        if chosen[k] == 1:
            best, most = k, 0.0
            for other in (k - 1, k + 1):
                if _joined(text, min(k, other), n_tokens) and parts[other] * parts[k] > most:
                    best, most = other, parts[other] * parts[k]
            if chosen[best] == 0:
                chosen[best] = 2


@compiled
def _joined(text: Tokens, k: int, n_tokens: int) -> bool:
    """Whether token ``k`` and the next are two characters of a script without spaces, side by side."""
    if not 0 <= k < n_tokens - 1:
        return False
    first, second = text.starts[k], text.starts[k + 1]
    both = spaceless(text.letters[first]) and spaceless(text.letters[second])
    return both and text.froms[second] - text.froms[first] == 1  # type: ignore[no-any-return]


@compiled
def _tell(text: Tokens, n_tokens: int, parts: Any, chosen: Any, moved: Any, words: Any) -> None:
    """Write the chosen tokens in the order of the text, neighbours of one direction as a phrase."""
    at, begin = 0, text.places[0]
    for k in range(n_tokens):
        if chosen[k] == 0:
            continue
        until = text.places[text.froms[text.starts[k + 1] - 1] + 1] - begin
        if k > 0 and k != text.head[0] and chosen[k - 1] > 0 and (parts[k] > 0) == (parts[k - 1] > 0):
            moved[at - 1] += parts[k]
        else:
            moved[at], words[at, 0] = parts[k], text.places[text.froms[text.starts[k]]] - begin
            at += 1
        words[at - 1, 1] = until


@compiled
def _aspects(text: Tokens, first: int, last: int, joints: Joints, score: float, aspect_score: Any, clause: Any) -> None:
    """Give a clause's score to the aspects that it names; an aspect keeps its strongest clause."""
    listed = False
    for k in range(first, last):
        listed |= 0 < joints.roles[k] < HINT
    for k in range(first, last):
        a = (joints.roles[k] if listed else joints.roles[k] - HINT) - 1
        if 0 <= a < len(aspect_score) and not abs(aspect_score[a]) >= abs(score):
            aspect_score[a] = score
            clause[a, 0] = text.places[text.froms[text.starts[first]]] - text.places[0]
            clause[a, 1] = text.places[text.froms[text.starts[last] - 1] + 1] - text.places[0]


@compiled
def _read(data: Bytes, ends: Any, folds: Folds, model: Linear, mixing: Any, words: Words, made: Read) -> None:
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
        _parts(text, t, model, toward, stamp + 1, sums, parts)
        made.known[r] = _known(text, t, model, sums)
        _choose(parts, t, chosen)
        _complete(text, t, parts, chosen)
        _tell(text, t, parts, chosen, made.moved[r], made.words[r])
        find_joints(text, n, t, words, joints)
        stamp, first = stamp + 2, 0
        trust = 0.0 if (joints.roles[:t] == TURN).any() else TRUST
        while first < t:
            last, named = clause_end(joints, first, t), False
            for k in range(first, last):
                named |= joints.roles[k] > 0
            if named:
                said = first  # 'but' is the mark of a mixed text, not a word of the clause that it begins
                while said < last - 1 and joints.roles[said] < 0:
                    said += 1
                add_up(text, said, last, model, stamp, sums)
                stamp += 1
                finish(model, sums, scores)
                log_chances(scores, mixing, of_clause)
                _aspects(
                    text, first, last, joints, gap(of_clause, of_text, trust), made.aspect_score[r], made.clause[r]
                )
            first = last
