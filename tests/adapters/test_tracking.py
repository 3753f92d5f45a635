"""MLflow keeps runs and versions; a model file is used only if it is the one that was registered."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ml.adapters.books import versions
from ml.adapters.mlflow import champions, fetching, tracking
from ml.adapters.mlflow.champions import Registered
from ml.adapters.mlflow.tracking import client_of
from ml.core.errors import ArtifactError
from ml.core.gate import Decision, Difference
from ml.pipeline.maintenance import promote
from ml.pipeline.summary import registry_differences
from ml.registry import CAPABILITIES
from ml.settings import PROJECT, Settings

METRICS = {"challenger": {"ndcg@10": 0.3, "coverage@10": 0.9}, "recent popularity": {"ndcg@10": 0.2}}
SPEC = CAPABILITIES["recommender"]
STARTED = datetime.now(UTC) - timedelta(minutes=3)
TAGS = {
    "ref": "2026-01-01/001",
    "night": "2026-01-01",
    "snapshot_sha256": "ab",
    "decision": "promote",
    "why": "It beats both.",
}
TABLES = {"order": {"rows": 12, "sha256": "cd" * 32, "columns": {"order_id": "text", "total": "number"}}}
DECISION = Decision("promote", "it beats", {"baseline": Difference(0.1, 0.05, 0.15)}, 500)


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MLflow's empty tables, which take seconds to make."""
    folder = tmp_path_factory.mktemp("mlflow")
    client_of(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return folder


@pytest.fixture
def uri(books: Path, settings: Settings) -> str:
    """MLflow's URI with books of the test's own."""
    own = settings.home / "mlflow.db"
    own.write_bytes((books / "mlflow.db").read_bytes())
    return f"sqlite:///{own}"


def train(uri: str, settings: Settings, content: str = "tree") -> tuple[str, int]:
    """A run whose model has two files, registered in MLflow and in our books."""
    folder = settings.home / "made"
    (folder / "part").mkdir(parents=True, exist_ok=True)
    (folder / "model.txt").write_text(content)
    np.savez(folder / "part" / "items.npz", x=np.arange(3))
    run_id = tracking.log_run(
        uri,
        SPEC,
        artifact_root=settings.home / "artifacts",
        params={"k": 20, "half_life_days": 180.0},
        metrics=METRICS,
        tags=TAGS,
        decision=DECISION,
        folder=folder,
        started=STARTED,
        tables=TABLES,
        source="/lake/clean",
    )
    version = tracking.register(uri, SPEC, run_id, versions.latest(settings.database_url, SPEC.name))
    registered = versions.Registered(
        "recommender",
        version,
        run_id=run_id,
        shop="s",
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        params={},
        recipe="r",
        baseline=False,
        decision="promote",
        why="w",
        metrics=METRICS,
    )
    versions.record_version(settings.database_url, registered, folder)
    return run_id, version


def fetch(uri: str, settings: Settings, version: int) -> Path:
    """Fetch into the test's own cache."""
    return fetching.fetch(uri, settings.database_url, "recommender", version, settings.home / "cache")


def stored(uri: str, run_id: str) -> Path:
    """Return the folder where MLflow keeps the run's files."""
    return Path(client_of(uri).get_run(run_id).info.artifact_uri.removeprefix("file://"))


def test_a_run_keeps_what_a_person_asks_for(uri, settings):
    """Parameters, figures of each model, tags, model files and a picture are in the run."""
    run_id, _ = train(uri, settings)
    run = client_of(uri).get_run(run_id)
    assert run.data.params == {"k": "20", "half_life_days": "180.0"}
    assert run.data.metrics == {
        "challenger/ndcg_at_10": 0.3,
        "challenger/coverage_at_10": 0.9,
        "recent popularity/ndcg_at_10": 0.2,
    }
    assert TAGS.items() <= run.data.tags.items()
    assert run.info.status == "FINISHED"
    kept = sorted(str(path.relative_to(stored(uri, run_id))) for path in stored(uri, run_id).rglob("*.*"))
    assert kept == ["model/model.txt", "model/part/items.npz", "plots/comparison.png"]


def test_mlflows_pages_say_what_a_person_wants_to_know(uri, settings):
    """The run's name, its words, its duration and its data; what the experiment, the model and the version are."""
    run_id, version = train(uri, settings)
    client = client_of(uri)
    run = client.get_run(run_id)
    assert run.info.run_name == "2026-01-01, serves"
    assert run.info.end_time - run.info.start_time >= 180_000
    words = run.data.tags["mlflow.note.content"]
    assert words == "Night 2026-01-01: **serves**. It beats both.\n\n`ndcg@10`: challenger 0.3, recent popularity 0.2."
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest, data.tags[0].value) == ("shop.order", "cd" * 18, "training")
    assert json.loads(data.dataset.profile) == {"num_rows": 12}
    assert json.loads(data.dataset.source) == {"uri": "/lake/clean/order"}
    assert [column["type"] for column in json.loads(data.dataset.schema)["mlflow_colspec"]] == ["string", "double"]
    assert SPEC.question in client.get_experiment(run.info.experiment_id).tags["mlflow.note.content"]
    assert client.get_experiment(run.info.experiment_id).tags["mlflow.experimentKind"] == "custom_model_development"
    assert SPEC.question in client.get_registered_model("recommender").description
    assert client.get_model_version("recommender", str(version)).description == words


def test_versions_count_up_and_a_run_is_one_version(uri, settings):
    """Each run is a version; registering it again gives the same."""
    run_id, first = train(uri, settings)
    _, second = train(uri, settings)
    assert (first, second, tracking.register(uri, SPEC, run_id)) == (1, 2, 1)


def test_an_alias_names_one_version(uri, settings):
    """An alias moves; one that was never set names none, also of a model that is not there."""
    assert champions.ask(uri, ["recommender"]) == {"recommender": Registered()}
    train(uri, settings)
    train(uri, settings)
    assert champions.ask(uri, ["recommender"]) == {"recommender": Registered(None, frozenset({1, 2}))}
    assert tracking.set_alias(uri, "recommender", 1, "champion")
    assert tracking.set_alias(uri, "recommender", 2, "champion")
    assert champions.ask(uri, ["recommender"]) == {"recommender": Registered(2, frozenset({1, 2}))}


def test_a_champion_moved_in_mlflow_is_told(uri, settings):
    """MLflow's alias on another version, or on none: which serves, and the commands that make them one."""
    for _ in range(2):
        _, version = train(uri, settings)
        tracking.set_alias(uri, "recommender", version, "champion")
    assert registry_differences(settings) == {}

    client_of(uri).set_registered_model_alias("recommender", "champion", "1")
    words = registry_differences(settings)["recommender"]
    assert words.startswith("MLflow's champion of recommender is version 1, but version 2 serves")
    assert "./nightshift promote recommender 1 lets that one serve" in words

    client_of(uri).delete_registered_model_alias("recommender", "champion")
    words = registry_differences(settings)["recommender"]
    assert words.startswith("MLflow's champion of recommender is none, but version 2 serves")

    assert promote(settings, "recommender", 2)["note"] == ""
    assert registry_differences(settings) == {}


def test_a_version_deleted_in_mlflow_serves_from_its_files(uri, settings):
    """It is told; its files are still fetched and checked; promoting it says what MLflow cannot show."""
    _, version = train(uri, settings)
    client_of(uri).delete_model_version("recommender", str(version))

    assert "MLflow has no version 1 of recommender any more" in registry_differences(settings)["recommender"]
    assert (fetch(uri, settings, version) / "model.txt").read_text() == "tree"
    assert not tracking.set_alias(uri, "recommender", version, "champion")
    assert "no version 1" in promote(settings, "recommender", version)["note"]


def test_the_number_of_a_deleted_version_is_not_given_again(uri, settings):
    """MLflow counts on from what is left, or from 1 when the model was deleted; a version of ours has one number for ever."""
    train(uri, settings)
    train(uri, settings)
    client_of(uri).delete_model_version("recommender", "2")
    assert train(uri, settings)[1] == 3
    client_of(uri).delete_registered_model("recommender")
    assert train(uri, settings)[1] == 4
    assert champions.ask(uri, ["recommender"])["recommender"].versions == {4}


def test_mlflow_that_is_away_stops_no_report(settings):
    """The night is told that MLflow was not asked."""
    versions_of = replace(settings, mlflow_uri="http://127.0.0.1:9")
    train(settings.mlflow_uri, settings)
    assert "MLflow was not asked" in registry_differences(versions_of)["recommender"]


def test_what_is_fetched_is_what_was_saved(uri, settings):
    """The fetched folder holds the version's files, and a second fetch does not ask MLflow."""
    _, version = train(uri, settings)
    folder = fetch(uri, settings, version)
    assert sorted(versions.files(folder)) == ["model.txt", "part/items.npz"]
    assert (folder / "model.txt").read_text() == "tree"
    assert fetch("http://127.0.0.1:9", settings, version) == folder


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda model: (model / "model.txt").write_text("evil"), "model.txt: its sha256 differs"),
        (lambda model: (model / "model.txt").unlink(), "model.txt: missing"),
        (lambda model: (model / "hook.py").write_text("evil"), "hook.py: never registered"),
    ],
    ids=["changed", "missing", "added"],
)
def test_a_changed_artifact_is_not_loaded(uri, settings, harm, says):
    """A file that was changed, removed or added in MLflow's folder is named and stops the fetch."""
    run_id, version = train(uri, settings)
    harm(stored(uri, run_id) / "model")
    with pytest.raises(ArtifactError, match=says):
        fetch(uri, settings, version)
    assert not (settings.home / "cache" / "recommender" / str(version)).exists()


def test_a_changed_cache_is_replaced(uri, settings):
    """A cached file that was changed is fetched anew."""
    _, version = train(uri, settings)
    (fetch(uri, settings, version) / "model.txt").write_text("evil")
    assert (fetch(uri, settings, version) / "model.txt").read_text() == "tree"


def test_an_unknown_version_is_not_loaded(uri, settings):
    """A version that MLflow has but our books have not is refused."""
    run_id, _ = train(uri, settings)
    client = client_of(uri)
    client.create_model_version("recommender", f"{stored(uri, run_id)}/model", run_id)
    with pytest.raises(ArtifactError, match="version 2 is not known"):
        fetch(uri, settings, 2)


def test_a_lost_artifact_folder_is_named(uri, settings):
    """When MLflow's files are gone the message says where they were looked for."""
    run_id, version = train(uri, settings)
    stored(uri, run_id).rename(settings.home / "lost")
    with pytest.raises(ArtifactError, match="cannot be read from MLflow"):
        fetch(uri, settings, version)


def test_names_and_cards_fit_mlflows_database():
    """Postgres, unlike SQLite, refuses a longer description; MLflow refuses other letters in a metric's name."""
    card = "\n".join(f"line {number} of a long card" for number in range(400))
    short = tracking._short(card)
    assert len(short) <= tracking.MOST
    assert short.endswith("The rest is in the file card.md of the version's run.\n")
    assert set(short.splitlines()[:-2]) <= set(card.splitlines())
    assert tracking._short("short") == "short"
    assert tracking._named("challenger/new ndcg@10, simple orders' customers") == (
        "challenger/new ndcg_at_10_ simple orders_ customers"
    )


def test_importing_does_not_import_mlflow():
    """The module costs nothing until it is used."""
    program = (
        "import sys, ml.adapters.mlflow.tracking; sys.exit('mlflow' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=PROJECT).returncode == 0
