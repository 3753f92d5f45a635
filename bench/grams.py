"""Word and character n-grams of texts, hashed: texts a second, beside scikit-learn's HashingVectorizer."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from sklearn.feature_extraction.text import HashingVectorizer

from bench import Options, Row, in_turn
from ml.kernels.threads import limited
from ml.shop.sources import demo
from ml.text import svm
from ml.text.clean import clean
from ml.text.ngrams import CHARS, WORDS
from ml.text.tokens import Texts

BITS = 20


def run(options: Options) -> Iterator[Row]:
    """The demo shop's reviews, cleaned, on one thread."""
    reviews = [
        pa.Table.from_batches([rows])
        for name, rows in demo.tables(customers=500 if options.quick else 20_000, faults=0.0)
        if name == "review"
    ]
    table = pa.concat_tables(reviews)
    texts = clean(table["title"], table["text"])
    words, ours = texts.to_pylist(), Texts.of(texts)
    shared = {"n_features": 1 << BITS, "binary": True, "norm": None, "alternate_sign": False}
    peers = [
        HashingVectorizer(analyzer="word", ngram_range=(1, WORDS), **shared),
        HashingVectorizer(analyzer="char_wb", ngram_range=(2, CHARS), **shared),
    ]
    svm.presence(ours, BITS)
    with limited(1):
        taken = in_turn(
            {"ours": lambda: svm.presence(ours, BITS), "theirs": lambda: [p.transform(words) for p in peers]}
        )
    n = len(words)
    yield Row(
        f"n-grams of {n:,} reviews, one thread",
        "texts/s",
        n / taken["ours"],
        "HashingVectorizer, words and characters",
        n / taken["theirs"],
        taken["theirs"] / taken["ours"],
        1.0,
        note="ours also folds accents, turns words after a 'not' and tells the headline apart",
    )
