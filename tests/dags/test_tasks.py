"""The tasks without Airflow: which night, which faults end a task, and what counts as whole."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ml.core.errors import (
    ArtifactError,
    Busy,
    ContractError,
    DataRefused,
    NightshiftError,
    StorageError,
    Unreachable,
    WrongUse,
)
from ml.registry import CAPABILITIES
from nightshift_airflow.params import check_capabilities, night_of
from nightshift_airflow.tasks import no_vain_retry
from nightshift_airflow.whole import complete, shortfalls

LATE = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


def due(logical=None, after=LATE):
    """A run as Airflow tells of it."""
    return SimpleNamespace(logical_date=logical, run_after=after)


@pytest.mark.parametrize(
    ("params", "run", "zone", "expected"),
    [
        ({"night": "2011-11-09"}, due(), "UTC", date(2011, 11, 9)),
        ({"night": None}, due(), "UTC", date(2026, 3, 31)),
        ({"night": None}, due(), "Europe/Paris", date(2026, 4, 1)),
        ({}, due(logical=datetime(2020, 1, 1, 0, 30, tzinfo=UTC)), "America/Sao_Paulo", date(2019, 12, 31)),
    ],
)
def test_night_of(params, run, zone, expected):
    """The night asked for, else the day on the shop's clock when the run was due; by Trigger there is no logical date."""
    assert night_of(params, run, zone) == expected


@pytest.mark.parametrize("requested", [["recommender", "nope"], [], "nope", None])
def test_unknown_capabilities_are_refused(requested):
    """A name that the registry does not know, or none at all, is an error that lists what there is."""
    with pytest.raises(NightshiftError, match="recommender"):
        check_capabilities(requested, CAPABILITIES)


@pytest.mark.parametrize("kind", [ContractError, DataRefused, ArtifactError, WrongUse, NightshiftError])
def test_faults_that_need_a_person_are_not_tried_again(kind):
    """The task fails at once, with the fault's own text."""
    fault = kind("Broken.", came="this", do="that")
    with pytest.raises(AirflowFailException, match=r"do: +that") as raised, no_vain_retry():
        raise fault
    assert raised.value.__cause__ is fault


@pytest.mark.parametrize("error", [Busy("Taken."), StorageError("Full."), Unreachable("Gone."), KeyError("gone")])
def test_faults_that_pass_are_tried_again(error):
    """What may be gone at the next try stays the error that it is."""
    with pytest.raises(type(error)), no_vain_retry():
        raise error


def test_an_outage_is_tried_again_and_said_in_words():
    """A lost connection in the words of a driver becomes words for a person; the task is tried again."""
    with pytest.raises(Unreachable, match="mends by itself"), no_vain_retry():
        raise ConnectionResetError("Connection reset by peer")


def scored(shard, shards=2, version="3", rows=5):
    """What a score task hands on."""
    return {"shard": shard, "shards": shards, "version": version, "rows": {"recommendation": rows}}


def test_complete_adds_up_the_shards():
    """Rows by table over all shards."""
    assert complete("recommender", [scored(1, rows=7), scored(0)]) == {"recommendation": 12}


@pytest.mark.parametrize(
    "results",
    [
        [],
        [None, None],
        [scored(0)],
        [scored(0), None],
        [scored(0), scored(0)],
        [scored(0), scored(1, version="4")],
    ],
)
def test_incomplete_scores_are_not_published(results):
    """A shard that is missing, doubled or scored by another model version stops the publication."""
    with pytest.raises(NightshiftError, match="not whole"):
        complete("recommender", results)


def test_shortfalls_tells_failures_and_silence():
    """A failed task is named, and so is a capability that neither published nor was skipped."""
    states = {"extract": "success", "a.publish": "success", "b.publish": "skipped", "c.score_1": "failed"}
    assert shortfalls(states, {"a": None, "b": None}) == ["c.score_1 failed", "a published nothing"]
    assert shortfalls({"a.publish": "success"}, {"a": {"t": 1}}) == []
