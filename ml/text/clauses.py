"""Clauses of a text: where they begin, as a reader would pause."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled
from ml.text.marked_words import JOIN, TURN, Words, role
from ml.text.tokens import Tokens, spaceless

NONE, SOFT, HARD = 0, 1, 2
SHORT = 3
"""A piece of fewer tokens is no clause of its own beside a comma or an 'and': 'quality and price are great'."""


class Joints(NamedTuple):
    """Of each token: how hard the pause before it is (none, comma or 'and', full stop or 'but'), and its role."""

    pause: npt.NDArray[np.int8]
    roles: npt.NDArray[np.int64]


@compiled
def room_for_joints(text: Tokens) -> Joints:
    """Room for the joints of any text that ``text`` has room for."""
    return Joints(np.empty(len(text.points), np.int8), np.empty(len(text.points), np.int64))


@compiled
def find_joints(text: Tokens, n: int, n_tokens: int, words: Words, joints: Joints) -> None:
    """Write ``joints`` of a text of ``n`` code points; the tokens of a phrase all get its role."""
    t = 0
    while t < n_tokens:
        pause = _pause(text, n, t)
        found, length = role(text, t, n_tokens, words)
        if found == TURN:
            pause = HARD
        elif found == JOIN and pause == NONE:
            pause = SOFT
        joints.pause[t], joints.roles[t] = pause, found
        for k in range(t + 1, t + length):
            joints.pause[k], joints.roles[k] = NONE, found
        t += max(1, length)


@compiled
def _pause(text: Tokens, n: int, t: int) -> int:
    """The pause that the characters between token ``t`` and the one before it make."""
    if t == 0:
        return NONE
    first, since = text.starts[t], text.starts[t] - 1
    pause = HARD if text.letters[since] in (33, 63) else NONE  # ! ?
    for i in range(text.froms[since] + 1, text.froms[first]):
        code = text.points[i]
        following = text.points[i + 1] if i + 1 < n else 32
        if code in (10, 59) or (code in (46, 58, 0x3002) and not 48 <= following <= 57):  # \n ; . : 。
            pause = HARD
        elif code in (44, 40, 41, 0x3001, 0x2013, 0x2014) and pause == NONE:  # , ( ) 、 – —
            pause = SOFT
        elif code == 32 and pause == NONE and spaceless(text.letters[since]) and spaceless(text.letters[first]):
            pause = SOFT  # who writes without spaces pauses where one is
    return pause


@compiled
def clause_end(joints: Joints, first: int, n_tokens: int) -> int:
    """The first token after the clause that begins with token ``first``."""
    t = first + 1
    while t < n_tokens:
        if joints.pause[t] == HARD:
            break
        if joints.pause[t] == SOFT and t - first >= SHORT:
            ahead = t + 1
            while ahead < n_tokens and joints.pause[ahead] == NONE:
                ahead += 1
            if ahead - t >= SHORT:
                break
        t += 1
    return t
