"""What each review says: its row, the aspects that it speaks of, and what of it is known from the night before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment import aspect_words, contradictions, marked_labels
from ml.capabilities.sentiment.model import Sentiment
from ml.capabilities.sentiment.spec import LABELS, Params
from ml.kernels.groups import ends_of
from ml.text import language
from ml.text.classifier import fingerprints
from ml.text.clean import clean
from ml.text.marked_words import Roles
from ml.text.reader import Read, cut, read
from ml.text.tokens import Texts

BLOCK = 50_000
KNOWN = 0.5
"""Least share of known words in a text of a language that the model was not taught."""
READER = 3
"""To be counted up when the same model reads the same words otherwise: rows of the night before are then not taken."""
_SAYS = r"[\p{L}\p{N}\p{S}!?]"
_ASPECT = pa.schema(
    [
        ("row", pa.int64()),
        ("aspect", pa.string()),
        ("score", pa.float64()),
        ("quote", pa.string()),
    ]
)
_CARRIED = ("label", "score", "confidence", "language", "mismatch", "reason")

Strings = Any  # pyarrow string array


class Judged(NamedTuple):
    """Reviews in the order of their ids, with a row each of what they say, and a row per review and aspect.

    Parameters
    ----------
    reviews : pyarrow.Table
        review_id, product_id, stars, written_at (microseconds since 1970).
    predictions : pyarrow.Table
        label, score, confidence, language, mismatch, reason, fingerprint of each.
    aspects : pyarrow.Table
        row (of ``reviews``), aspect, score, quote; by row and aspect.
    """

    reviews: pa.Table
    predictions: pa.Table
    aspects: pa.Table


def judge(model: Sentiment, features: Mapping[str, pa.Table], reviews: pa.Table, params: Params) -> Judged:
    """Judge ``reviews``; those that the night before read in the same words are taken from there.

    That night's rows are ``before_review_sentiment`` and ``before_review_aspect`` among the features, if at all, and
    of the same version of the model.
    """
    label = marked_labels.marked(features, reviews)
    prints = _fingerprint(features, reviews) + label + 1
    source = _known(features, reviews, prints)
    fresh = np.flatnonzero(source < 0)
    parts = [_carried(features, reviews, source)] if len(fresh) < len(reviews) else []
    for start in range(0, len(fresh), BLOCK):
        rows = fresh[start : start + BLOCK]
        parts.append(_fresh(model, features, reviews.take(pa.array(rows)), rows, params))
    if not parts:
        parts = [_fresh(model, features, reviews, fresh, params)]
    predictions = pa.concat_tables([part[0] for part in parts]).sort_by("row").drop(["row"])
    predictions = marked_labels.publish(predictions, label)
    predictions = predictions.append_column("fingerprint", pa.array(prints))
    aspects = pa.concat_tables([part[1] for part in parts]).sort_by([("row", "ascending"), ("aspect", "ascending")])
    return Judged(reviews.select(["review_id", "product_id", "stars", "written_at"]), predictions, aspects)


def _fingerprint(features: Mapping[str, pa.Table], reviews: pa.Table) -> npt.NDArray[np.int64]:
    """A number for all that the reading of a review depends on, beside the version of the model."""
    words = aspect_words.entries(features)
    parts = [pc.fill_null(reviews[name].cast(pa.large_string()), "") for name in ("title", "text", "stars")]
    reader = hashlib.sha256(repr((READER, words)).encode()).hexdigest()[:16]
    whole = pc.binary_join_element_wise(
        *parts, pa.scalar(reader, pa.large_string()), pa.scalar("\0", pa.large_string())
    )
    return fingerprints(whole)


def _known(features: Mapping[str, pa.Table], reviews: pa.Table, prints: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Row of the night before for each review; -1: there is none, or other words."""
    before = features.get("before_review_sentiment")
    if before is None or not len(before) or not {"fingerprint", *_CARRIED} <= set(before.column_names):
        return np.full(len(reviews), -1, np.int64)
    found = pc.index_in(reviews["review_id"], before["review_id"].combine_chunks())
    place = np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)
    same = before["fingerprint"].to_numpy()[place] == prints
    return np.where((place >= 0) & same, place, -1)


def _carried(
    features: Mapping[str, pa.Table], reviews: pa.Table, source: npt.NDArray[np.int64]
) -> tuple[pa.Table, pa.Table]:
    rows = np.flatnonzero(source >= 0)
    old = features["before_review_sentiment"].select(list(_CARRIED)).take(pa.array(source[rows]))
    predictions = pa.table({"row": pa.array(rows)} | {name: old[name] for name in _CARRIED})
    ids = reviews["review_id"].take(pa.array(rows)).combine_chunks()
    old = features["before_review_aspect"]
    place = pc.index_in(old["review_id"], ids)
    matched = pc.is_valid(place)
    old = old.filter(matched)
    aspects = pa.table(
        {
            "row": pa.array(rows[place.filter(matched).to_numpy()]),
            **{name: old[name] for name in ("aspect", "score", "quote")},
        },
        schema=_ASPECT,
    )
    return predictions, aspects


def _fresh(
    model: Sentiment,
    features: Mapping[str, pa.Table],
    reviews: pa.Table,
    rows: npt.NDArray[np.int64],
    params: Params,
) -> tuple[pa.Table, pa.Table]:
    """Read ``reviews``, one language after the other: each has its own words of aspects."""
    whole = clean(reviews["title"], reviews["text"])
    codes = np.array(language.detect(whole, model.languages_), object)
    parts = []
    for code in sorted(set(codes.tolist())) or [language.NO_WORDS]:
        places = np.flatnonzero(codes == code)
        texts, some = whole.take(pa.array(places)), reviews.take(pa.array(places))
        parts.append(_of_language(model, model.roles(features, code), some, texts, (code, rows[places]), params))
    return pa.concat_tables([predictions for predictions, _ in parts]), pa.concat_tables(
        [aspects for _, aspects in parts]
    )


def _of_language(
    model: Sentiment,
    roles: Roles,
    reviews: pa.Table,
    texts: pa.Array,
    of: tuple[str, npt.NDArray[np.int64]],
    params: Params,
) -> tuple[pa.Table, pa.Table]:
    code, rows = of
    stars = np.asarray(pc.fill_null(reviews["stars"], 0).to_numpy(), np.int64)
    chance = model.chances(texts)
    label = model.classifier_.label(chance)
    chance = model.classifier_.agreeing(chance, label)
    bytes_ = Texts.of(texts)
    both = model.classifier_
    found = read(bytes_, both.linear, both.alone.of_clauses, roles)
    mute = ~np.asarray(pc.match_substring_regex(texts, _SAYS).to_numpy(zero_copy_only=False), bool)
    unread = ~mute & _unread(found, code, model)
    found.moved[unread], found.aspect_score[unread] = 0, np.nan
    mute |= unread
    _by_stars(chance, label, mute, stars)
    mismatch = contradictions.opposed(chance, stars, params)
    mismatch |= np.isin(contradictions.numbered(texts, stars), model.contradictions_)
    predictions = pa.table(
        {
            "row": pa.array(rows),
            "label": pa.array(LABELS).take(pa.array(label)),
            "score": pa.array(chance[:, 2] - chance[:, 0]),
            "confidence": pa.array(chance[np.arange(len(label)), label]),
            "language": pa.array([code] * len(rows), pa.string()),
            "mismatch": pa.array(mismatch & ~mute),
            "reason": _reasons(bytes_, found),
        }
    )
    return predictions, _aspects(bytes_, found, roles, rows, params)


def _unread(found: Read, code: str, model: Sentiment) -> npt.NDArray[np.bool_]:
    """Texts of which the model knows no word, or less than half in a language that the shop's reviews are not in.

    Few letters say something in every language; that a language is another one says nothing of words that are known. In a
    large shop a word that was never read often falls on the bucket of one that was: as many are expected to seem known.
    """
    strange = bool(model.languages_) and code not in {*model.languages_, language.UNKNOWN, language.NO_WORDS}
    filled = float((model.classifier_.linear.idf > 0).mean())
    known = np.clip((found.known - filled) / max(1 - filled, 1e-6), 0.0, 1.0)
    least = KNOWN if strange else np.float32(1e-9)
    return np.asarray((known < least) | ~found.moved.any(axis=1), bool)


def _by_stars(
    chance: npt.NDArray[np.float64],
    label: npt.NDArray[np.int64],
    mute: npt.NDArray[np.bool_],
    stars: npt.NDArray[np.int64],
) -> None:
    """Where there are no words, or none that are known, the stars speak, half a point each; without stars nothing is known."""
    down, up = np.clip((3 - stars) / 2, 0, 1), np.clip((stars - 3) / 2, 0, 1)
    by_stars = np.stack([down, 1 - down - up, up], axis=1)
    chance[mute] = np.where(stars[:, None] > 0, by_stars, 1 / 3)[mute]
    label[mute] = np.where(stars > 0, (stars >= 3).astype(np.int64) + (stars >= 4), 1)[mute]


def _reasons(texts: Texts, found: Read) -> pa.Array:
    """``+ soft, - late``: the words that moved the score, in the order of the text."""
    row, place = np.nonzero(found.moved)
    pieces = cut(
        texts, row, found.words[row, place, 0].astype(np.int64), found.words[row, place, 1].astype(np.int64), 60
    )
    signs = pa.array(np.where(found.moved[row, place] > 0, "+ ", "- ")).cast(pa.large_string())
    signed = pc.binary_join_element_wise(signs, pieces, pa.scalar("", pa.large_string()))
    ends = ends_of(np.bincount(row, minlength=len(texts)))
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), signed.cast(pa.string())), ", ")


def _aspects(texts: Texts, found: Read, roles: Roles, rows: npt.NDArray[np.int64], params: Params) -> pa.Table:
    row, aspect = np.nonzero(~np.isnan(found.aspect_score))
    clause = found.clause[row, aspect].astype(np.int64)
    quotes = cut(texts, row, clause[:, 0], clause[:, 1], params.quote_bytes)
    return pa.table(
        {
            "row": pa.array(rows[row]),
            "aspect": pa.array(roles.aspects, pa.string()).take(pa.array(aspect)),
            "score": pa.array(found.aspect_score[row, aspect].astype(np.float64)),
            "quote": pc.replace_substring_regex(quotes, r"\s+", " ").cast(pa.string()),
        },
        schema=_ASPECT,
    )
