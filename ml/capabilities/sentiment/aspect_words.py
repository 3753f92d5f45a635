"""Words that speak of an aspect: those of the staff by language, those that the shop's own reviews teach, and those that say nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ml.capabilities.sentiment.config import ASPECT_WORD
from ml.capabilities.sentiment.spec import Params
from ml.kernels.compiled import compiled
from ml.kernels.hashing import OFFSET_32
from ml.learn.intervals import wilson
from ml.text.clauses import clause_end, find_joints, room_for_joints
from ml.text.marked_words import AspectWord, Roles, Words, fold, key, role, table
from ml.text.reader import cut
from ml.text.tokens import Bytes, Folds, Texts, Tokens, folds, room, tokenise

_PLACES = 1 << 18
FEWEST, COMMON = 50, 0.5
"""Of so many reviews or more, a word in this share of them speaks of no aspect: it says what kind of shop it is."""
ANY = "*"
_BUILT_IN = {(row["word"], row["aspect"]): str(row["language"]) for row in ASPECT_WORD.rows}


def entries(features: Mapping[str, pa.Table]) -> list[tuple[AspectWord, str]]:
    """The words of ``ml_config.aspect_word`` with their languages (``*``: all), by word; the built-in ones where there is no such table.

    A word that came with the platform and whose language nobody wrote down counts in its own.
    """
    rows = features["aspect_word"].to_pylist() if "aspect_word" in features else list(ASPECT_WORD.rows)
    found = []
    for row in sorted(rows, key=lambda row: str(row["word"])):
        language = row.get("language") or _BUILT_IN.get((row["word"], row["aspect"]), ANY)
        word = AspectWord(row["word"], row["aspect"], bool(row["hint"]), bool(row.get("beside")))
        found.append((word, str(language)))
    return found


def of_language(
    found: Sequence[tuple[AspectWord, str]], languages: Collection[str], without: Collection[str] = ()
) -> list[AspectWord]:
    """The words that count in reviews of ``languages``."""
    return [
        word
        for word, spoken in found
        if word.word not in without and (spoken == ANY or not set(languages).isdisjoint(spoken.split()))
    ]


def common(texts: Texts, found: Sequence[AspectWord]) -> list[str]:
    """Those of some words that stand in half of ``texts`` or more."""
    if len(texts) < FEWEST or not found:
        return []
    counts = np.zeros(len(found), np.int64)
    places = table({key(one.word): i + 1 for i, one in enumerate(found)})
    _documents(texts.data, texts.ends, folds(), places, counts)
    return sorted(found[int(i)].word for i in np.flatnonzero(counts >= COMMON * len(texts)))


@compiled
def _documents(data: Bytes, ends: Any, folds: Folds, words: Words, counts: Any) -> None:
    """Count the texts in which each of ``words`` stands."""
    text, seen = room(ends), np.full(len(counts), -1, np.int64)
    for r in range(len(ends) - 1):
        _, t = tokenise(data, ends[r], ends[r + 1], folds, text)
        for k in range(t):
            found, _ = role(text, k, t, words)
            if found > 0 and seen[found - 1] != r:
                seen[found - 1] = r
                counts[found - 1] += 1


def learn(texts: Texts, roles: Roles, params: Params) -> dict[str, str]:
    """Find words with their aspects in texts whose clauses are named by the words of ``roles``.

    A word is learned when at least ``learn_aspect_share`` of the clauses that it stands in have a word of one and the same
    aspect: the lower end of Wilson's interval (JASA 1927) of that share counts, so that few clauses prove little.

    Returns
    -------
    dict of str to str
        Folded word -> aspect, in the order of the words.
    """
    n_aspects = len(roles.aspects)
    counts = np.zeros((_PLACES, n_aspects + 1), np.int32)
    where = np.full((_PLACES, 3), -1, np.int64)
    _count(texts.data, texts.ends, folds(), roles.words, counts, where)
    total, of = counts[:, -1], counts[:, :-1]
    if not n_aspects or not len(texts):
        return {}
    enough = np.flatnonzero(total >= params.learn_aspect_reviews)
    least = wilson(of[enough].max(axis=1), total[enough])[0]
    chosen = enough[least >= params.learn_aspect_share]
    found = cut(texts, where[chosen, 0], where[chosen, 1], where[chosen, 2], 1_000).to_pylist()
    words = [(fold(word), roles.aspects[int(of[place].argmax())]) for word, place in zip(found, chosen, strict=True)]
    return dict(sorted((tokens_[0], aspect) for tokens_, aspect in words if tokens_ and tokens_[0][0].isalpha()))


@compiled
def _count(data: Bytes, ends: Any, folds: Folds, words: Words, counts: Any, where: Any) -> None:
    """Count each word's clauses, all (last column) and those of each aspect, and keep one place where it stands."""
    text, n_aspects = room(ends), counts.shape[1] - 1
    joints, present = room_for_joints(text), np.zeros(max(1, n_aspects), np.bool_)
    for r in range(len(ends) - 1):
        n, t = tokenise(data, ends[r], ends[r + 1], folds, text)
        find_joints(text, n, t, words, joints)
        first = 0
        while first < t:
            last = clause_end(joints, first, t)
            present[:] = False
            for k in range(first, last):
                if 0 < joints.roles[k] <= n_aspects:
                    present[joints.roles[k] - 1] = True
            for k in range(first, last):
                if joints.roles[k] == 0:
                    place = _place(text, k, len(counts))
                    counts[place, n_aspects] += 1
                    for a in range(n_aspects):
                        counts[place, a] += present[a]
                    where[place, 0] = r
                    where[place, 1] = text.places[text.froms[text.starts[k]]] - ends[r]
                    where[place, 2] = text.places[text.froms[text.starts[k + 1] - 1] + 1] - ends[r]
            first = last


@compiled
def _place(text: Tokens, k: int, n: int) -> int:
    """Where the word of token ``k`` is counted; two words at one place are so rare that nothing is done about it."""
    h = np.int64(OFFSET_32)
    for i in range(text.starts[k], text.starts[k + 1]):
        h = ((h ^ text.letters[i]) * 0x01000193) & 0xFFFFFFFF
    return int((h ^ (h >> 15)) & (n - 1))
