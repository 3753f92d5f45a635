"""Who let a model serve, by which numbers, and what made a published row: with a real database and registry."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml import pipeline
from ml.adapters import postgres as adapter
from ml.adapters.mlflow.fetching import fetch
from ml.adapters.mlflow.tracking import client_of
from ml.core.errors import WrongUse
from ml.core.spec import Guardrail
from ml.pipeline import training
from ml.registry import CAPABILITIES
from tests.live.conftest import NIGHT, Shop
from tests.live.watch import model, score
from tests.live.watch.spec import SPEC

REF = f"{NIGHT}/001"


def ask(shop: Shop, sql: str) -> list[dict[str, Any]]:
    """Rows of a query on the books."""
    return adapter.query(shop.settings.database_url, sql)


def last(shop: Shop) -> dict[str, Any]:
    """The latest decision."""
    return ask(shop, "SELECT * FROM ml_ops.promotion WHERE capability = 'watch' ORDER BY id DESC LIMIT 1")[0]


def train(shop: Shop) -> dict[str, Any]:
    """Learn anew."""
    return training.train(shop.settings, REF, "watch", force=True)


@pytest.fixture
def undecided(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A challenger that won, where a person is to be asked."""
    monkeypatch.setitem(CAPABILITIES, "watch", replace(SPEC, approval=True))
    return train(watched)


def test_a_challenger_waits_for_a_person(watched: Shop, undecided: dict[str, Any]) -> None:
    """Where the spec says so, what won serves only once a person approved; name and words are kept."""
    number = undecided["version"]
    assert (undecided["status"], undecided["hours"], undecided["otherwise"]) == ("asked", 24.0, False)
    assert number > 1
    assert last(watched)["decision"] == "waiting"
    assert pipeline.train(watched.settings, REF, "watch")["version"] == 1, "the champion serves meanwhile"
    with pytest.raises(WrongUse, match=f"waiting: {number}"):
        pipeline.approve(watched.settings, "watch", 1, approved=True, person="Ada")
    pipeline.approve(watched.settings, "watch", number, approved=True, person="Ada", words="figures checked")
    row = last(watched)
    assert (row["decision"], row["person"], row["why"]) == ("manual", "Ada", "approved by Ada: figures checked")
    assert pipeline.train(watched.settings, REF, "watch")["version"] == number
    assert str(client_of(watched.settings.mlflow_uri).get_model_version_by_alias("watch", "champion").version) == str(
        number
    )


def test_a_refusal_is_kept_and_nothing_changes(watched: Shop, undecided: dict[str, Any]) -> None:
    """A refused version does not serve, and is not asked about again."""
    pipeline.approve(
        watched.settings, "watch", undecided["version"], approved=False, person="Ada", words="too few orders"
    )
    assert (last(watched)["decision"], last(watched)["why"]) == ("refuse", "refused by Ada: too few orders")
    assert pipeline.train(watched.settings, REF, "watch")["version"] == 1
    with pytest.raises(WrongUse, match="waiting: none"):
        pipeline.approve(watched.settings, "watch", undecided["version"], approved=True, person="Ada")


def test_a_night_says_that_the_champion_was_moved_in_mlflow(watched: Shop) -> None:
    """The version of ``ml_ops.promotion`` goes on serving, and the night's summary names both and the commands that make them one."""
    number = train(watched)["version"]
    pipeline.promote(watched.settings, "watch", number)
    client_of(watched.settings.mlflow_uri).set_registered_model_alias("watch", "champion", "1")
    report = watched.night(NIGHT + timedelta(days=1), fresh=True)
    assert report["registry"]["watch"].startswith(
        f"MLflow's champion of watch is version 1, but version {number} serves"
    )
    assert {row["model_version"] for row in watched.seen().values()} == {number}


def test_nothing_serves_unapproved(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no champion and a person must approve, the night publishes nothing and says why."""
    monkeypatch.setitem(CAPABILITIES, "watch", replace(SPEC, approval=True))
    watched.execute("DELETE FROM ml_ops.promotion")
    ready = pipeline.prepare(watched.settings, REF, "watch")
    assert (ready["status"], ready["shards"]) == ("waiting", 0)
    assert "waits for a person" in ready["why"]


def test_the_verdict_has_all_numbers(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Differences, promise and guardrails stand in the books and in MLflow; a broken guardrail refuses."""
    rails = (Guardrail("hit", at_least=0.5), Guardrail("size", at_most=1.0), Guardrail("slice *", at_least=0.1))
    monkeypatch.setitem(CAPABILITIES, "watch", replace(SPEC, guardrails=rails))
    decision = train(watched)
    assert decision["status"] == "refuse"
    assert "slice * was not measured" in decision["why"]
    verdict = last(watched)["verdict"]
    assert [rail["held"] for rail in verdict["guardrails"]] == [True, True, False]
    assert verdict["promised"]["mean"] == 1.0
    assert verdict["differences"]["baseline"]["mean"] == 1.0
    files = client_of(watched.settings.mlflow_uri)
    path = files.download_artifacts(decision["run_id"], "verdict.json", str(watched.settings.home))
    assert json.loads(Path(path).read_text(encoding="utf-8")) == verdict


def test_a_stranger_can_judge_a_version_from_mlflow(watched: Shop) -> None:
    """The version's description is a card with data, figures, limits and the way back; it has a signature and an example."""
    client = client_of(watched.settings.mlflow_uri)
    version = client.get_model_version("watch", "1")
    for words in (
        "Which orders come fast?",
        "sha256",
        "## Figures",
        "baseline",
        "`shop.order`",
        "rollback",
        "## Limits",
    ):
        assert words in version.description, words
    folder = fetch(
        watched.settings.mlflow_uri, watched.settings.database_url, "watch", 1, watched.settings.home / "models"
    )
    from mlflow.models import Model

    signature = Model.load(str(folder)).signature
    assert "order.items" in signature.inputs.input_names()
    assert "order_watch.score" in signature.outputs.input_names()
    example = json.loads((folder / "input_example.json").read_text())
    assert set(example) == set(signature.inputs.input_names())
    assert not any(str(value).startswith("c1") for value in example.values()), "an example is nobody's row"
    assert "ml.order_watch" in client.get_registered_model("watch").description


def test_what_made_a_published_row(watched: Shop) -> None:
    """At any time of the past it is told which batch the shop saw, by which model, from which data, and who decided."""
    now = datetime.now(UTC).isoformat()
    (row,) = ask(watched, f"SELECT * FROM ml_ops.served('{now}') WHERE capability = 'watch'")
    assert (row["table_name"], row["version"], row["snapshot"], row["night"]) == ("order_watch", 1, REF, NIGHT)
    assert set(row["model_files"]) >= {"watch.json", "MLmodel"}
    assert row["decided"].startswith("promote: ")
    assert ask(watched, "SELECT * FROM ml_ops.served('2020-01-01Z')") == []


def test_a_rollback_stands_in_the_same_book(watched: Shop) -> None:
    """Who took a batch back, and why, is kept; the version that serves stays."""
    watched.night(NIGHT + timedelta(days=1))
    pipeline.rollback(watched.settings, "order_watch", person="Ada", words="scores looked odd")
    row = last(watched)
    assert (row["decision"], row["person"], row["version"]) == ("rollback", "Ada", 1)
    assert row["why"].endswith(f"the night of {NIGHT} is shown again: scores looked odd")
    assert pipeline.train(watched.settings, REF, "watch")["version"] == 1


def test_a_night_made_again_is_equal(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its snapshot and model come the rows that were published; a model that differs is seen row by row."""
    report = pipeline.rebuild(watched.settings, NIGHT, ["watch"])["order_watch"]
    assert (report["differ"], report["version"]) == (0, 1)
    assert report["rows"] > 50
    original = score.score
    monkeypatch.setattr(
        model.Watch, "__init__", lambda self, mean=1.0, hours=24: vars(self).update(mean_=2 * mean, hours=hours)
    )
    assert score.score is original
    assert pipeline.rebuild(watched.settings, NIGHT, ["watch"])["order_watch"]["differ"] == 2 * report["rows"]
    with pytest.raises(WrongUse, match="Nothing of the night of 2020-01-01"):
        pipeline.rebuild(watched.settings, date(2020, 1, 1), ["watch"])
