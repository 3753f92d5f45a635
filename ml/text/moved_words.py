"""The words of a text that moved its score: whole words, none that says nothing, none across the end of a sentence."""

from __future__ import annotations

from typing import Any

from ml.kernels.compiled import compiled
from ml.text.clauses import HARD
from ml.text.marked_words import Words, says_nothing
from ml.text.ngrams import token_grams
from ml.text.svm import Linear, Sums, factor
from ml.text.tokens import Tokens, spaceless

REASONS = 4
HIRAGANA, KATAKANA, HAN = 1, 2, 3
PARTICLES = (0x304C, 0x306E, 0x306F, 0x3092, 0x306B, 0x3078, 0x3068, 0x3082, 0x3067)
"""Hiragana が の は を に へ と も で: what a word is to its sentence."""
WORD = 3
"""Marks a token that is the rest of a word."""
LEAST = 0.2
"""A word with less than this share of the strongest word's part did not move the score."""


@compiled
def parts_of(text: Tokens, n_tokens: int, model: Linear, toward: Any, stamp: int, sums: Sums, parts: Any) -> None:
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
def known_share(text: Tokens, n_tokens: int, model: Linear, sums: Sums) -> float:
    """Share of the words that the model has read before; signs and single letters of scripts with spaces are no words.

    Of a word that was read all parts were: a bucket alone may be that of another word.
    """
    words, known = 0, 0
    for k in range(n_tokens):
        first = text.starts[k]
        if text.letters[first] > 64 and (text.starts[k + 1] - first > 1 or spaceless(text.letters[first])):
            words += 1
            of_word, of_chars = token_grams(text, k, k + 1, 0, len(model.idf) - 1, sums.grams)
            is_known = True
            for j in range(of_word + of_chars):
                is_known &= model.idf[sums.grams[j]] > 0
            known += is_known
    return known / words if words else 1.0


@compiled
def choose(text: Tokens, n_tokens: int, parts: Any, words: Words, chosen: Any) -> None:
    """Mark the tokens with the largest parts, but for words that say nothing by themselves."""
    chosen[:n_tokens] = 0
    for k in range(n_tokens):
        if says_nothing(text, k, words):
            chosen[k] = -1
    most = 0.0
    for pick in range(min(REASONS, n_tokens)):
        best = -1
        for k in range(n_tokens):
            if chosen[k] == 0 and (best < 0 or abs(parts[k]) > abs(parts[best])):
                best = k
        if pick == 0 and best >= 0:
            most = abs(parts[best])
        if best < 0 or most == 0 or abs(parts[best]) < LEAST * most:
            break
        chosen[best] = 1
    for k in range(n_tokens):
        chosen[k] = max(chosen[k], 0)


@compiled
def complete(text: Tokens, n_tokens: int, parts: Any, chosen: Any) -> None:
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
def _script(text: Tokens, k: int) -> int:
    """What a token of Japanese is written in: hiragana (1), katakana (2), a character of Chinese (3); 0: another token."""
    letter = text.letters[text.starts[k]]
    if 0x3041 <= letter <= 0x309F:
        return HIRAGANA
    if 0x30A0 <= letter <= 0x30FF or letter == 0x30FC:
        return KATAKANA
    return HAN if 0x3400 <= letter <= 0x9FFF else 0


@compiled
def whole_words(text: Tokens, n_tokens: int, chosen: Any) -> None:
    """Mark the rest of each marked word of Japanese: a run of katakana, or characters with the hiragana that end them.

    A particle behind a word is not of it. Where no hiragana stands in the text, it is Chinese, and nothing is done.
    """
    kana = False
    for k in range(n_tokens):
        kana |= _script(text, k) in (HIRAGANA, KATAKANA)
    if not kana:
        return
    first = 0
    while first < n_tokens:
        last, begun = first + 1, _script(text, first)
        while begun and last < n_tokens and _joined(text, last - 1, n_tokens):
            now, before = _script(text, last), _script(text, last - 1)
            if now != before and not (now == HIRAGANA and begun == HAN):
                break
            last += 1
        end = last
        while begun == HAN and end > first + 1 and text.letters[text.starts[end - 1]] in PARTICLES:
            end -= 1
        found = False
        for k in range(first, last):
            found |= chosen[k] > 0
        if begun and found:
            for k in range(first, last):
                chosen[k] = 0 if k >= end else WORD if k > first else 1
        first = last


@compiled
def _joined(text: Tokens, k: int, n_tokens: int) -> bool:
    """Whether token ``k`` and the next are two characters of a script without spaces, side by side."""
    if not 0 <= k < n_tokens - 1:
        return False
    first, second = text.starts[k], text.starts[k + 1]
    both = spaceless(text.letters[first]) and spaceless(text.letters[second])
    return both and text.froms[second] - text.froms[first] == 1  # type: ignore[no-any-return]


@compiled
def tell(text: Tokens, n_tokens: int, parts: Any, chosen: Any, pause: Any, moved: Any, words: Any) -> None:
    """Write the chosen tokens in the order of the text, neighbours of one direction in one sentence as a phrase."""
    at, begin = 0, text.places[0]
    for k in range(n_tokens):
        if chosen[k] == 0:
            continue
        until = text.places[text.froms[text.starts[k + 1] - 1] + 1] - begin
        whole = k > 0 and chosen[k] == WORD and chosen[k - 1] > 0  # the rest of a word, whichever way it goes
        alike = k > 0 and chosen[k - 1] > 0 and pause[k] != HARD and (parts[k] > 0) == (parts[k - 1] > 0)
        if whole or (alike and k != text.head[0]):
            moved[at - 1] += parts[k]
        elif at == REASONS:
            break
        else:
            moved[at], words[at, 0] = parts[k], text.places[text.froms[text.starts[k]]] - begin
            at += 1
        words[at - 1, 1] = until
