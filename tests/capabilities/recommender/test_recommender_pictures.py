"""Pictures in the recommender: a product without words is found by its picture, and pictures count only where they tell more."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from ml.capabilities.recommender import features as known_features
from ml.capabilities.recommender import model, score
from ml.capabilities.recommender.candidates import content, content_state
from ml.capabilities.recommender.model import tonights_log
from ml.capabilities.recommender.sample import AS_OF, sample
from ml.capabilities.recommender.spec import Params
from tests.capabilities.recommender.shops import features

COLOURS = {"red": (200, 30, 30), "blue": (30, 40, 200), "green": (30, 160, 60), "black": (20, 20, 20)}
PARAMS = Params(ranker=False, topics=2, factors=2, linear_products=50)


def picture(colour: str, seed: int) -> str:
    """A field of a colour with a little noise, as the lake keeps it."""
    rng = np.random.default_rng(seed)
    pixels = np.array(COLOURS[colour]) + rng.integers(-15, 15, (96, 72, 3))
    file = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")


def with_pictures(known: Mapping[str, pa.Table], shown: Sequence[str | None]) -> dict[str, pa.Table]:
    """The features with a picture of a colour for each product; None: it has none."""
    pictures = [(no, picture(colour, no)) for no, colour in enumerate(shown) if colour]
    columns = {
        "product_no": pa.array([no for no, _ in pictures], pa.int32()),
        "content": [text for _, text in pictures],
    }
    return {**known, "picture": pa.table(columns)}


def shirts() -> dict[str, pa.Table]:
    """Six red and six blue shirts of the same price, in words; a newcomer without any, which is red; one buyer of red."""
    facts = {
        f"{colour}{i}": {"title": f"{colour} {kind} {i}"}
        for colour, kind in (("red", "shirt"), ("blue", "trousers"))
        for i in range(6)
    }
    facts["newcomer"] = {"title": "newcomer", "listed": 0.5}
    known = features(facts, [("ann", 3, ["red0", "red1"]), ("bob", 3, ["blue0", "blue1"])])
    return with_pictures(known, ["red"] * 6 + ["blue"] * 6 + ["red"])


def test_a_product_without_a_sale_or_a_word_is_found_by_its_picture() -> None:
    """It stands among the substitutes of red shirts and of no blue trousers, has its own, and is proposed to the buyer of red."""
    known = shirts()
    old = {**known, "product": known["product"].slice(0, 12)}
    fitted = model.fit(old, PARAMS, 1)  # the newcomer was listed after the fit
    batches = score.score_all(fitted, known, {}, PARAMS)["similar_product"]
    rows = [row for batch in batches for row in batch.to_pylist()]
    alike = {row["similar_product_id"] for row in rows if row["product_id"] == "newcomer"}
    assert alike
    assert all(name.startswith("red") for name in alike)
    assert {row["product_id"] for row in rows if row["similar_product_id"] == "newcomer"} == {
        f"red{i}" for i in range(6)
    }
    assert {row["reason"] for row in rows if row["product_id"] == "newcomer"} == {"looks like newcomer"}
    log = tonights_log(known)
    ids, scores = content.propose(fitted.learnt_.content, log, np.arange(2, dtype=np.int32), 13)
    worth = [dict(zip(row, values, strict=True)).get(12, 0.0) for row, values in zip(ids, scores, strict=True)]
    assert worth[0] > 2 * worth[1]


def test_without_pictures_nothing_is_known_of_it() -> None:
    """The same shop without the table of pictures: the newcomer is like nothing but by its price."""
    known = {name: table for name, table in shirts().items() if name != "picture"}
    fitted = model.fit(known, PARAMS, 1)
    batches = score.score_all(fitted, known, {}, PARAMS)["similar_product"]
    assert not [row for batch in batches for row in batch.to_pylist() if "newcomer" in row.values()]


def bought_by(colour_of_taste: bool) -> dict[str, pa.Table]:
    """Eighty products whose words say nothing; 200 customers who buy one colour each, or any."""
    rng = np.random.default_rng(5)
    shown = [list(COLOURS)[i % 4] for i in range(80)]
    orders = []
    for who in range(200):
        for day in range(6):
            what = rng.integers(20) * 4 + who % 4 if colour_of_taste else rng.integers(80)
            orders.append((f"c{who:03d}", float(60 - 10 * day + rng.random()), [f"p{what:02d}"]))
    titles = {f"p{i:02d}": {"title": f"thing {rng.choice(['one', 'two', 'three'])}"} for i in range(80)}
    return with_pictures(features(titles, orders), shown)


@pytest.mark.parametrize("taste", [True, False])
def test_pictures_count_where_they_find_what_is_bought(taste: bool) -> None:
    """Customers who keep to a colour: pictures get a share; customers who do not: none, and the lists are those of words."""
    known = bought_by(taste)
    log = tonights_log(known)
    state = content.fit(log, log.until, content_state.Params(), 1)
    plain = content.fit(replace(log, pictures=type(log.pictures)()), log.until, content_state.Params(), 1)
    users = np.arange(200, dtype=np.int32)
    ids, _ = content.propose(state, log, users, 10)
    if taste:
        assert state.share > 0
        assert np.mean(ids % 4 == users[:, None] % 4) > 0.9
    else:
        assert state.share == 0
        assert (ids == content.propose(plain, log, users, 10)[0]).all()


def test_what_is_saved_knows_the_pictures(tmp_path: Path) -> None:
    """A state that was read again places newcomers and scores as the one that was written."""
    log = tonights_log(bought_by(colour_of_taste=True))
    state = content.fit(log, log.until, content_state.Params(), 1)
    content_state.save(state, tmp_path)
    loaded, users = content_state.load(tmp_path), np.arange(20, dtype=np.int32)
    for ours, theirs in zip(content.propose(loaded, log, users, 9), content.propose(state, log, users, 9), strict=True):
        assert (ours == theirs).all()


def test_the_first_picture_that_can_be_read_stands_for_the_product() -> None:
    """Of a broken first and two readable ones the second; a product of which nobody knows has none."""
    tables = {name: ibis.memtable(table) for name, table in sample(1).tables.items()}
    tables["product"] = tables["product"].mutate(
        brand=ibis.null("string"), description=ibis.null("string"), price=ibis.null("float64")
    )
    images = pa.table(
        {
            "product_id": ["p003", "p003", "p003", "nobody"],
            "image_no": [1, 2, 3, 1],
            "content": [None, "second", "third", "x"],
            "content_hash": [None, "2", "3", "4"],
        }
    )
    built = known_features.build({**tables, "product_image": ibis.memtable(images)}, AS_OF, Params())
    assert built["picture"].execute().to_dict("records") == [{"product_no": 3, "content": "second"}]
