"""Nights of the past, of the future, and of a snapshot that is used again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.adapters.batches.history import newer
from ml.core.errors import WrongUse
from ml.settings import refuse_future
from tests.live.conftest import NIGHT, Shop

DAY = timedelta(days=1)
SEEN = "SELECT batch_id, night FROM ml_ops.batch WHERE status = 'published'"


def seen(shop: Shop) -> list[dict[str, object]]:
    """The batch that the shop reads."""
    return postgres.query(shop.settings.database_url, SEEN)


def test_a_night_of_the_past_is_a_rehearsal(watched: Shop) -> None:
    """A night older than what the shop reads scores, publishes nothing, says why and where the scores are."""
    before, messages = seen(watched), []
    report = watched.night(NIGHT - 7 * DAY, progress=messages.append)
    assert seen(watched) == before
    assert report["batches"] == []
    (why,) = report["rehearsals"].values()
    assert why in messages
    assert "ml.order_watch (batch 1)" in why
    assert "--publish-past" in why
    folder = why.split("Its scores: ")[1].split("/<table>")[0]
    assert list((watched.settings.home / "lake").glob("predictions/2025-02-26/001/watch/order_watch/*.parquet"))
    assert folder.endswith("predictions/2025-02-26/001/watch")


def test_a_night_of_the_past_is_published_on_request(watched: Shop) -> None:
    """With publish_past it replaces the newer batch, which is named before and after."""
    past = NIGHT - 7 * DAY
    plan = pipeline.outlook(watched.settings, past, capabilities=["watch"], publish_past=True)
    assert "replaces it: of the night of 2025-03-05 ml.order_watch (batch 1)" in " ".join(plan.words)
    report = watched.night(past, publish_past=True)
    assert report["rehearsals"] == {}
    assert [row["night"] for row in seen(watched)] == [past]
    # What the shop reads is older now, so the night after it is not of the past.
    watched.night(past + DAY)
    assert [row["night"] for row in seen(watched)] == [past + DAY]


def test_the_same_and_later_nights_publish(watched: Shop) -> None:
    """A night run again, and the next one, are not of the past."""
    assert pipeline.outlook(watched.settings, NIGHT, capabilities=["watch"]).newer == {}
    watched.night(NIGHT + DAY)
    assert [row["night"] for row in seen(watched)] == [NIGHT + DAY]


def test_what_counts_as_newer(watched: Shop) -> None:
    """Another capability's batches tell where there is none of its own; another shop's, and those of the future, do not."""
    url, past = watched.settings.database_url, datetime(2025, 1, 1, tzinfo=UTC)
    shop = postgres.query(url, "SELECT DISTINCT shop FROM ml_ops.version")[0]["shop"]
    assert [row["table_name"] for row in newer(url, "risk", shop, past)] == ["order_watch"]
    assert newer(url, "watch", "elsewhere", past) == []
    watched.execute(f"UPDATE ml_ops.version SET shop = '{shop}/tables-0a'")
    assert len(newer(url, "watch", f"{shop}/tables-0b", past)) == 1
    assert newer(url, "watch", f"{shop}/demo-0b", past) == []
    watched.execute("UPDATE ml_ops.batch SET as_of = now() + interval '1 year'")
    assert newer(url, "watch", f"{shop}/tables-0a", past) == []


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_night_begins_with_its_day_in_the_shops_zone(zone: str) -> None:
    """Today's night may be asked for, tomorrow's may not, wherever the shop is."""
    now = datetime(2026, 11, 27, 10, 30, tzinfo=UTC)
    today = {"UTC": 27, "Pacific/Kiritimati": 28, "Pacific/Pago_Pago": 26}[zone]
    refuse_future(date(2026, 11, today), zone, now)
    with pytest.raises(WrongUse, match=f"today is 2026-11-{today}") as caught:
        refuse_future(date(2026, 11, today + 1), zone, now)
    assert caught.value.exit_code == 2


def test_a_night_of_the_future_is_refused(watched: Shop) -> None:
    """The library refuses it before it reads anything, and what the shop sees stays."""
    before = seen(watched)
    with pytest.raises(WrongUse, match="lies in the future"):
        watched.night(date(2127, 11, 27))
    assert seen(watched) == before
    assert not (watched.settings.home / "lake" / "snapshot" / "2127-11-27").exists()


def test_a_night_before_the_shop_says_when_it_begins(watched: Shop) -> None:
    """A night before the first order names that order's time and the first night, and leaves no snapshot."""
    for night in (date(2025, 1, 1), date(1999, 1, 1)):
        with pytest.raises(WrongUse, match=r"(?s)begins later.*2025-01-01 12:00 \(UTC\).*2025-01-02"):
            pipeline.extract(watched.settings, night)
        with pytest.raises(WrongUse, match="begins later"):
            pipeline.outlook(watched.settings, night)
        assert not (watched.settings.home / "lake" / "snapshot" / night.isoformat()).exists()
    assert pipeline.extract(watched.settings, date(2025, 1, 2)) == "2025-01-02/001"


def test_a_snapshot_that_is_used_again_is_named(watched: Shop) -> None:
    """It says which, how old, that nothing changed, and how to read anew; fresh says nothing."""
    messages: list[str] = []
    assert pipeline.extract(watched.settings, NIGHT, progress=messages.append) == f"{NIGHT}/001"
    (words,) = messages
    assert words.startswith(f"Uses the snapshot {NIGHT}/001, read at ")
    assert "No view, table or rule changed since." in words
    assert "--fresh" in words
    messages.clear()
    assert pipeline.extract(watched.settings, NIGHT, fresh=True, progress=messages.append) == f"{NIGHT}/002"
    assert messages == []


def test_what_changed_since_the_snapshot_is_told(watched: Shop) -> None:
    """A view that was mended, also beneath the shop's own, a new and a lost table, written rows and an edited rule."""
    watched.execute(
        'CREATE TABLE public.orders AS SELECT * FROM shop."order"',
        "CREATE VIEW public.beneath AS SELECT * FROM public.orders",
        'DROP TABLE shop."order" CASCADE',
        'CREATE VIEW shop."order" AS SELECT * FROM public.beneath',
    )
    assert pipeline.extract(watched.settings, NIGHT, fresh=True) == f"{NIGHT}/002"
    watched.execute(
        "CREATE OR REPLACE VIEW public.beneath AS SELECT * FROM public.orders WHERE order_id <> 'o1'",
        "INSERT INTO public.orders SELECT * FROM public.orders LIMIT 3",
        "CREATE TABLE shop.event (event_id text, kind text, occurred_at timestamptz)",
        "DROP TABLE shop.payment",
        "INSERT INTO ml_config.category_rule (category, max_per_list) VALUES ('Books', 2)",
    )
    messages: list[str] = []
    pipeline.extract(watched.settings, NIGHT, progress=messages.append)
    for words in (
        "shop.order was changed",
        "3 behind shop.order",
        "shop.event is new",
        "shop.payment is gone",
        "ml_config.category_rule was edited",
    ):
        assert words in messages[0]
