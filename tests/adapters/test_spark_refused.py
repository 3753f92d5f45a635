"""Spark as the engine: what stands against it is said before a night begins."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ml.adapters import spark
from ml.adapters.spark import session
from ml.adapters.spark.properties import properties
from ml.core.errors import NightshiftError
from ml.settings import Settings

NEEDED = {"NIGHTSHIFT_HOME": "/h", "NIGHTSHIFT_DATABASE_URL": "postgresql:///x", "NIGHTSHIFT_HASH_KEY": "k"}


def test_an_engine_that_is_none_is_refused() -> None:
    """Only DuckDB and Spark compute features."""
    with pytest.raises(NightshiftError, match=r"no such engine(.|\n)*'polars'(.|\n)*duckdb or spark"):
        Settings.from_env(NEEDED | {"NIGHTSHIFT_ENGINE": "polars"})


def test_the_settings_name_the_cluster() -> None:
    """The engine is DuckDB unless something else is said; the master and the properties are taken as they are."""
    assert Settings.from_env(NEEDED).engine == "duckdb"
    given = {
        "NIGHTSHIFT_ENGINE": "spark",
        "NIGHTSHIFT_SPARK_MASTER": "spark://a:7077",
        "NIGHTSHIFT_SPARK_PROPERTIES": "/p",
    }
    made = Settings.from_env(NEEDED | given)
    assert (made.engine, made.spark_master, made.spark_properties) == ("spark", "spark://a:7077", Path("/p"))


def test_a_master_that_is_none_is_refused() -> None:
    """Another scheme than Spark's is named, with those that there are."""
    with pytest.raises(NightshiftError, match=r"master is none(.|\n)*'mesos://x'(.|\n)*spark://HOST"):
        spark.refuse("mesos://x", None)


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PySpark the message says how it is installed."""
    monkeypatch.setattr(session, "find_spec", lambda _: None)
    with pytest.raises(NightshiftError, match=r"PySpark is not installed(.|\n)*up --engine spark"):
        spark.refuse("local[1]", None)


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if PySpark were installed."""
    monkeypatch.setattr(session, "find_spec", lambda _: object())


@pytest.mark.usefixtures("ready")
def test_no_java_and_an_old_java_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Java is looked for where Spark looks: JAVA_HOME first."""
    java = tmp_path / "bin" / "java"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(NightshiftError, match="no Java runs"):
        spark.refuse("local[1]", None)
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    java.chmod(0o755)
    with pytest.raises(NightshiftError, match=r"too old(.|\n)*1\.8\.0_402"):
        spark.refuse("local[1]", None)


@pytest.mark.usefixtures("ready")
def test_a_master_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several addresses each is named with what came; one that answers is enough."""
    monkeypatch.setattr(session, "_java", lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as there, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{nobody.getsockname()[1]}"
        spark.refuse(f"spark://{gone},127.0.0.1:{there.getsockname()[1]}", None)
        for scheme in ("spark", "sc"):
            with pytest.raises(NightshiftError, match=rf"does not answer(.|\n)*{gone}: .*refused"):
                spark.refuse(f"{scheme}://{gone}", None)


def test_lines_of_the_properties_that_are_none_are_all_named(tmp_path: Path) -> None:
    """Names that are not Spark's, names without a value, and what the results rest on."""
    file = tmp_path / "spark.conf"
    file.write_text("# ours\n\nspark.executor.memory  2g\nspark.a.b=c d\n")
    assert properties(file) == {"spark.executor.memory": "2g", "spark.a.b": "c d"}
    file.write_text("executor.memory 2g\nspark.x\nspark.sql.session.timeZone Europe/Paris\n")
    with pytest.raises(NightshiftError, match=r"line 1: executor(.|\n)*line 2: spark\.x(.|\n)*line 3: .*rest on UTC"):
        properties(file)
    with pytest.raises(NightshiftError, match="cannot be read"):
        properties(tmp_path / "none")


def test_what_spark_says_in_the_middle_reaches_a_person_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An error of Java names its cause, not that there was one; an error of ours stays as it is."""
    pytest.importorskip("pyspark", reason="pip install -r requirements-spark.txt")
    from py4j.protocol import Py4JError

    from ml.adapters.spark.backend import SparkBackend

    for name in ("refuse", "_session", "_executors"):
        monkeypatch.setattr(session, name, lambda *_: None)
    monkeypatch.setattr(SparkBackend, "of", lambda *_: None)
    settings = Settings.from_env(NEEDED | {"NIGHTSHIFT_HOME": str(tmp_path), "NIGHTSHIFT_SPARK_MASTER": "spark://a:1"})
    java = "An error occurred while calling o1.parquet.\n: org.apache.spark.SparkException: lost all executors\n\tat x"
    with (
        pytest.raises(NightshiftError, match=r"spark://a:1: org\.apache\.spark\.SparkException: lost all"),
        spark.opened(settings),
    ):
        raise Py4JError(java)
    with pytest.raises(ZeroDivisionError), spark.opened(settings):
        raise ZeroDivisionError
