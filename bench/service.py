"""Intents on Banking77 (--data its folder; --shop NAME for another folder of the same form), beside support vectors and MiniLM.

A folder has train.parquet and test.parquet with a column of texts (text or utterance) and one of intents (category, intent or
label). Texts whose intent is oos, out_of_scope or out-of-scope are never taught: they show how well the unknown is told.
--shop few: 1, 5 and 10 examples an intent alone; --shop outside: 17 of 77 intents are never taught. Without data: --shop spoken, what is understood of the demo's tickets that a
synthesiser says; --shop live, ml.answer to many clients and tickets a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from bench import Options, Row, _service_live, _service_spoken
from bench._service_outside import outside, without
from bench._service_task import SEED, Labels, Sure, Task, read_task
from ml.capabilities.service.spec import SPEC
from ml.text import intents as classifier
from ml.text import sentences
from ml.text.knowing import Doubles
from ml.text.mail import written

TARGETS: Mapping[str, tuple[float, float]] = {"banking77": (0.946, 0.968), "queries": (0.966, 0.0)}
"""Accuracy and MRR that were promised."""
_OWN = {"spoken": _service_spoken.rows, "live": _service_live.rows}
_RESAMPLES = 2000
_FEW = (1, 5, 10)


def run(options: Options) -> Iterator[Row]:
    """Accuracy, MRR and what is outside, then few examples an intent, then speed."""
    if options.shop in _OWN:
        yield from _OWN[options.shop](options)
        return
    task = read_task(options)
    if options.shop == "few":
        yield from (_curve(task, few, 1 if options.quick else 3) for few in _FEW)
        return
    if options.shop == "outside":
        task = without(task)
    judged = {name: method(task) for name, method in _methods().items()}
    ours, inside = judged["ours"].scores, task.truth >= 0
    targets = TARGETS.get(options.shop or "banking77", (0.0, 0.0))
    for what, measure, target in zip(("accuracy", "MRR"), (_hits, _reciprocal), targets, strict=True):
        values = {
            name: measure(scores[inside], task.truth[inside]) for name, (scores, _) in judged.items() if name != "ours"
        }
        yield _beside(what, measure(ours[inside], task.truth[inside]), values, target)
    if not inside.all():
        yield from outside(task, judged, _methods())
        return
    for few in _FEW:
        yield _curve(task, few, 1 if options.quick else 3)
    yield _speed(task)


def _methods() -> dict[str, Callable[[Task], Sure]]:
    found: dict[str, Callable[[Task], Sure]] = {"ours": _ours, "SVM on words and characters": _svm}
    if sentences.available():
        found |= {"MiniLM + logistic": _logistic, "both in one SVM": _both}
    return found


def _cleaned(texts: list[str]) -> pa.Array:
    return written(pa.nulls(len(texts), pa.string()), pa.array(texts, pa.string()))


def _plain(scores: Any) -> Sure:
    whole = np.asarray(scores, np.float64)
    return Sure(whole, -whole.max(axis=1))


def _ours(task: Task) -> Sure:
    fitted = classifier.learn(_cleaned(task.train), task.y, task.n, SPEC.params, SEED)
    scores, known = fitted.judge(_cleaned(task.test))
    return Sure(scores, 1 - known)


def _grams(task: Task) -> tuple[Any, Any]:
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    sides = []
    for options in ({"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 5)}):
        reader = TfidfVectorizer(sublinear_tf=True, **options)
        sides.append((reader.fit_transform(task.train), reader.transform(task.test)))
    return tuple(hstack([side[i] for side in sides]).tocsr() for i in (0, 1))


def _svm(task: Task) -> Sure:
    from sklearn.svm import LinearSVC

    train, test = _grams(task)
    return _plain(LinearSVC(C=1.0, random_state=0).fit(train, task.y).decision_function(test))


def _logistic(task: Task) -> Sure:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=30.0, max_iter=300).fit(sentences.embed(task.train), task.y)
    return _plain(fitted.decision_function(sentences.embed(task.test)))


def _both(task: Task) -> Sure:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.svm import LinearSVC

    train, test = (
        hstack([grams, csr_matrix(2 * sentences.embed(texts))]).tocsr()
        for grams, texts in zip(_grams(task), (task.train, task.test), strict=True)
    )
    return _plain(LinearSVC(C=0.5, random_state=0).fit(train, task.y).decision_function(test))


def _hits(scores: Doubles, truth: Labels) -> Doubles:
    return np.asarray(scores.argmax(axis=1) == truth, np.float64)


def _reciprocal(scores: Doubles, truth: Labels) -> Doubles:
    own = scores[np.arange(len(truth)), truth]
    return np.asarray(1 / (1 + (scores > own[:, None]).sum(axis=1)))


def _beside(what: str, ours: Doubles, peers: Mapping[str, Doubles], target: float) -> Row:
    best = max(peers, key=lambda name: float(peers[name].mean()))
    difference = ours - peers[best]
    drawn = difference[np.random.default_rng(0).integers(0, len(ours), (_RESAMPLES, len(ours)))].mean(axis=1)
    low, value = float(np.quantile(drawn, 0.025)), float(ours.mean())
    others = ", ".join(f"{name} {values.mean():.3f}" for name, values in peers.items())
    note = f"{len(ours)} texts; {others}; minus the best {difference.mean():+.4f}, at least {low:+.4f} with 97.5 %"
    if target:
        return Row(
            what,
            what,
            value,
            "target",
            target,
            value / target,
            1.0,
            note,
            {"difference": float(difference.mean()), "lower": low},
        )
    peer = float(peers[best].mean())
    return Row(
        what, what, value, best, peer, value / peer, None, note, {"difference": float(difference.mean()), "lower": low}
    )


def _curve(task: Task, few: int, draws: int) -> Row:
    """Accuracy with so many examples an intent, the mean of some draws, beside an SVM and the nearest example."""
    found: dict[str, list[float]] = {"ours": [], "SVM": [], "nearest": []}
    vectors = sentences.embed(task.test) if sentences.available() else None
    rng, inside = np.random.default_rng(SEED), task.truth >= 0
    for _ in range(draws):
        order = rng.permutation(len(task.y))
        rows = np.concatenate([order[task.y[order] == k][:few] for k in range(task.n)])
        small = task._replace(train=[task.train[i] for i in rows], y=task.y[rows])
        train, test = _grams(small)
        found["nearest"].append(
            float((small.y[np.asarray((test @ train.T).argmax(axis=1)).ravel()] == task.truth)[inside].mean())
        )
        if vectors is not None:
            nearest = small.y[(vectors @ sentences.embed(small.train).T).argmax(axis=1)]
            found.setdefault("nearest by MiniLM", []).append(float((nearest == task.truth)[inside].mean()))
        for name, method in (("ours", _ours), ("SVM", _svm)):
            found[name].append(float(_hits(method(small).scores[inside], task.truth[inside]).mean()))
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    best = max((name for name in mean if name != "ours"), key=lambda name: mean[name])
    others = ", ".join(f"{name} {value:.3f}" for name, value in mean.items() if name != "ours")
    return Row(
        f"accuracy, {few} an intent",
        "accuracy",
        mean["ours"],
        best,
        mean[best],
        mean["ours"] / mean[best],
        1.0,
        f"{draws} draws; {others}",
    )


def _speed(task: Task) -> Row:
    """Texts a second whose intent and whether it is known is said, by n-grams alone; beside the SVM's reader and product."""
    from dataclasses import replace

    fitted = classifier.learn(
        _cleaned(task.train), task.y, task.n, replace(SPEC.params, sentence_model=False, network_least=10**9), SEED
    )
    texts = (task.test * (20_000 // len(task.test) + 1))[:20_000]
    fitted.scores(_cleaned(texts[:100]))
    start = time.perf_counter()
    scores = fitted.scores(_cleaned(texts))
    fitted.knowing.known(scores)
    fitted.knowing.chances(scores)
    taken = time.perf_counter() - start
    return Row(
        "texts read by n-grams alone",
        "texts/s",
        len(texts) / taken,
        "target",
        50_000,
        len(texts) / taken / 50_000,
        1.0,
        "cleaning, scores and chances; without the sentence vectors",
    )
