"""The compiled readers against slow and obvious ones."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.capabilities.sentiment.spec import Params
from ml.learn.class_calibration import calibrate, chances, choose, macro_f1, of_steps
from ml.text import svm
from ml.text.classifier import fingerprints, learn
from ml.text.clauses import clause_end, find_joints, room_for_joints
from ml.text.function_words import NEGATORS
from ml.text.lexicon import examples
from ml.text.marked_words import fold, roles
from ml.text.ngrams import CHARS, WORDS
from ml.text.reader import cut
from ml.text.svm import Linear
from ml.text.tokens import HEADLINE, SCOPE, Texts, folds, room, tokenise

BITS = 16


def _hash(text: str, seed: int) -> int:
    h = seed
    for letter in text:
        h = ((h ^ ord(letter)) * 0x01000193) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = ((h ^ (h >> shift)) * factor) & 0xFFFFFFFF
    return (h ^ (h >> 16)) & ((1 << BITS) - 1)


def _turned(tokens: list[str]) -> list[bool]:
    """Whether each token stands at most two tokens after a 'not'; for a text without signs."""
    nots = [token in NEGATORS or (len(token) > 3 and token.endswith("'t")) for token in tokens]
    return [not now and any(nots[max(0, i - SCOPE) : i]) for i, now in enumerate(nots)]


def slow_grams(text: str) -> tuple[set[int], set[int], set[int], set[int]]:
    """Buckets of the word and of the character n-grams, and of the headline's own, by the book; for a text without signs."""
    head, mark, _ = text.partition(HEADLINE)
    return *_grams(fold(text), 0), *_grams(fold(head) if mark else [], 0x3C6EF372)


def _grams(tokens: list[str], own: int) -> tuple[set[int], set[int]]:
    words, chars = set(), set()
    for i, turned in enumerate(_turned(tokens)):
        change = own ^ (0x5BD1E995 if turned else 0)
        words |= {
            _hash(" ".join(tokens[i : i + n]), 0x811C9DC5 ^ change) for n in range(1, WORDS + 1) if i + n <= len(tokens)
        }
        padded = f" {tokens[i]} "
        most = CHARS if len(tokens[i]) > 1 else 0
        pieces = {padded[k : k + n] for n in range(2, most + 1) for k in range(len(padded) - n + 1)}
        chars |= {_hash(piece, 0x2B7E1516 ^ change) for piece in pieces}
    return words, chars


TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=40) | st.text(alphabet="ab é'!?.,😀\n", max_size=40)


HEADED = st.text(alphabet="ab é ", max_size=20).map(lambda text: f"{text}{HEADLINE} {text} a")
WORDS_ONLY = (
    HEADED
    | TEXT.map(lambda text: re.sub(r"[\n!,.:;?。]", " ", unicodedata.normalize("NFKC", text)))
    | st.lists(st.sampled_from(["not", "don't", "nao", "good", "é", "b", "😀", "不", "很好"]), max_size=8).map(" ".join)
)


@given(st.lists(WORDS_ONLY, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_grams_are_those_of_the_slow_reader(texts):
    """The buckets of a text are those of its word and character n-grams, each once."""
    buckets, _, ends = svm.presence(Texts.of(pa.array(texts, pa.large_string())), BITS)
    for i, text in enumerate(texts):
        found = buckets[ends[i] : ends[i + 1]].tolist()
        assert len(found) == len(set(found))
        assert set(found) == set().union(*slow_grams(text))


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("not good at all", [0, 1, 1, 0]),
        ("not, good", [0, 0]),
        ("I don't recommend it. Good", [0, 0, 1, 1, 0]),
        ("não é bom!", [0, 1, 1, 0]),
        ("not not good", [0, 0, 1]),
        ("no prazo", [0, 0]),
        ("不好用的", [0, 1, 1, 0]),
        ("不，好", [0, 0]),
        ("不。好", [0, 0]),
    ],
)
def test_what_a_not_turns_round(text, turned):
    """The two tokens after a 'not' are turned round, within its sentence."""
    texts = Texts.of(pa.array([text]))
    found = room(texts.ends)
    _, n = tokenise(texts.data, 0, int(texts.ends[1]), folds(), found)
    assert found.negated[:n].tolist() == turned


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("质量很好！！", ["质", "量", "很", "好", "!"]),
        ("ＯＫ 5星", ["ok", "5", "星"]),
        ("だめ、ため", ["だ", "め", "た", "め"]),
        ("좋아요 감사합니다", [unicodedata.normalize("NFD", word) for word in ("좋아요", "감사합니다")]),
    ],
)
def test_scripts_without_spaces_are_read_by_characters(text, tokens):
    """A Chinese or Japanese character is a token; a Korean syllable is its letters, and the parts of が are no accents."""
    assert fold(text) == tokens


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("质量很好，但是包装破损。非常失望", ["质量很好", "但是包装破损", "非常失望"]),
        ("质量很好 包装很精美", ["质量很好", "包装很精美"]),
        ("배송이 아주 빨라요, 품질이 정말 좋아요", ["배송이 아주 빨라요", "품질이 정말 좋아요"]),
        ("good quality here, box was broken", ["good quality here", "box was broken"]),
        ("quality and price are great", ["quality and price are great"]),
    ],
)
def test_where_clauses_end(text, clauses):
    """Signs part clauses in each script; a space does only where words have none between them."""
    texts = Texts.of(pa.array([text]))
    found = room(texts.ends)
    n, t = tokenise(texts.data, 0, int(texts.ends[1]), folds(), found)
    joints, first, parts = room_for_joints(found), 0, []
    find_joints(found, n, t, roles(()).words, joints)
    while first < t:
        last = clause_end(joints, first, t)
        begin, end = found.froms[found.starts[first]], found.froms[found.starts[last] - 1] + 1
        parts.append(text[begin:end])
        first = last
    assert parts == clauses


@given(TEXT)
@settings(max_examples=60, deadline=None)
def test_folding_forgets_accents_and_capitals(text):
    """A text, its capitals and its decomposed form have the same tokens."""
    plain = "".join(c for c in text if c.lower().upper() == c.upper() and len(c.upper()) == 1 == len(c.lower()))
    plain = "".join(c for c in plain if c.isascii() or c in "éÄçß"[:3])
    assert fold(plain) == fold(plain.upper()) == fold(unicodedata.normalize("NFD", plain))


def test_scores_are_the_formula():
    """A text's scores are the weights of its n-grams over the length of each group, by the definition."""
    rng = np.random.default_rng(0)
    texts = [
        "good and bad",
        "bad bad bad",
        "",
        "é 😀",
        "not so bad as not",
        f"bad{HEADLINE}\ngood one",
        f"good{HEADLINE}",
    ]
    model = Linear(
        rng.random(1 << BITS).astype(np.float32),
        rng.normal(size=(1 << BITS, 3)).astype(np.float32),
        np.array([0.1, 0.2, 0.3], np.float32),
        np.array([1.0, 0.5, 0.75, 0.25], np.float32),
    )
    expected = []
    for text in texts:
        z = model.bias.astype(np.float64)
        for grams, factor in zip(slow_grams(text), model.shares.tolist(), strict=True):
            places = sorted(grams)
            if places:
                idf = model.idf[places].astype(np.float64)
                z = z + factor * (idf @ model.weights[places]) / np.sqrt(idf @ idf)
        expected.append(z)
    np.testing.assert_allclose(svm.logits(model, Texts.of(pa.array(texts))), expected, rtol=1e-5, atol=1e-5)


def test_counted_texts_score_as_read_ones():
    """What training sees of a text is what scoring sees."""
    written = ["good one", f"bad one{HEADLINE}\nit is", "good good good", f"not bad{HEADLINE}\nat all", "bad"]
    texts = Texts.of(pa.array(written * 3))
    labels = np.array([1, 0, 1, 1, 0] * 3)
    params = Params(bits=BITS)
    counted = svm.count(texts, params)
    fitted = svm.solve(counted, np.arange(15), labels, np.ones(15, np.float32), 2, params)
    np.testing.assert_allclose(
        svm.logits(fitted, texts), svm.predict(counted, np.arange(15), fitted), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(("enough", "fits"), [(10_000, 4), (30, 2)])
def test_the_calibration_costs_no_more_fits_than_it_needs(enough, fits, monkeypatch):
    """Parts are left out of a fit until enough reviews were: many reviews need one such fit, few need all."""
    solved, solve = [], svm.solve
    monkeypatch.setattr(svm, "solve", lambda *args: solved.append(args) or solve(*args))
    texts = pa.array([f"{('bad', 'so so', 'good')[i % 3]} thing no {i}" for i in range(180)])
    stars = np.arange(180) % 3 * 2
    params = Params(network=False, folds=3, calibrate_reviews=enough)
    fitted = learn(texts, stars, np.array([0, 0, 1, 2, 2]), params, 7, hints=tuple(examples()))
    assert len(solved) == fits
    assert (fitted.label(fitted.chances(Texts.of(texts))) == stars // 2).mean() > 0.9


def test_labels_are_chosen_for_the_mean_over_classes():
    """A rare class is named before its chance is the largest; chances that are certain leave nothing to choose."""
    rng = np.random.default_rng(7)
    truth = (rng.random(4_000) < 0.1).astype(np.int64)
    scores = (rng.normal(size=(4_000, 1)) + 1.5 * truth[:, None]).astype(np.float32)
    usual = of_steps(np.array([0, 1]))
    fitted = calibrate(scores[:2_000], truth[:2_000], usual)
    rest = chances(fitted, scores[2_000:])
    chosen, likeliest = (macro_f1(truth[2_000:], guess, 2) for guess in (choose(fitted, rest), rest.argmax(axis=1)))
    assert fitted.offset[1] > 0
    assert chosen > likeliest + 0.02
    assert calibrate((20 * truth[:, None] - 10).astype(np.float32), truth, usual).offset.tolist() == [0, 0]


@given(st.text(max_size=30), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_a_cut_text_is_a_beginning_of_it(text, most):
    """A piece that is too long ends at a whole character, and says that it was cut."""
    texts = Texts.of(pa.array([text], pa.large_string()))
    size = int(texts.ends[1])
    (piece,) = cut(texts, np.array([0]), np.array([0]), np.array([size]), most).to_pylist()
    assert text.startswith(piece.removesuffix("…") if size > most else piece)
    assert (piece == text) or (size > most and len(piece.removesuffix("…").encode()) <= most)


def test_fingerprints_tell_texts_apart():
    """Ten thousand texts have ten thousand fingerprints, and the same text the same one."""
    texts = pa.array([f"review {i}" for i in range(10_000)], pa.large_string())
    found = fingerprints(texts)
    assert len(np.unique(found)) == 10_000
    assert (fingerprints(texts) == found).all()
    assert (found >= 0).all()
