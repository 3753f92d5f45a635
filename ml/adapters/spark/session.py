"""A Spark session for a night, and in words whatever stands against one: the packages, Java, the master, its executors."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ml.adapters.spark.properties import DEFAULTS, OURS, properties
from ml.core.errors import NightshiftError, WrongUse

PROJECT = Path(__file__).resolve().parents[3]

if TYPE_CHECKING:
    from ml.core.spread import Spread
    from ml.settings import Settings

MASTER = re.compile(r"local(\[[^\]]+\])?|spark://\S+|sc://\S+|yarn|k8s://\S+")
JAVA = 17
"""The oldest version that PySpark 4.0 runs on."""
SCRATCH = "scratch"
"""Folder of the lake for what a session's executors compute once; each session has its own in it."""
REACHED_S = 5.0
EXECUTORS_S = 60.0
"""How long a cluster may take to give the first executor."""


def refuse(master: str, file: Path | None) -> None:
    """Raise unless a session could be opened: the extra, Java, the file of properties, the master's form, and that it answers.

    Parameters
    ----------
    master : str
        Empty: this process.
    file : Path, optional
        The properties.
    """
    master = master or "local"
    if not MASTER.fullmatch(master):
        raise WrongUse(
            "The Spark master is none.",
            came=f"NIGHTSHIFT_SPARK_MASTER={master!r}",
            do="write local[*], spark://HOST:PORT, yarn, k8s://HTTPS-ADDRESS, or sc://HOST:PORT for Spark Connect",
        )
    if find_spec("pyspark") is None:
        raise NightshiftError(
            "The engine is Spark, and PySpark is not installed.",
            came=f"NIGHTSHIFT_ENGINE=spark, no package pyspark in {sys.prefix}",
            do="start with ./nightshift up --engine spark, which installs requirements-spark.txt; an image: --build-arg EXTRAS=spark",
        )
    properties(file)
    if master.startswith("sc://"):
        if missing := [name for name in ("grpc", "grpc_status", "google.rpc") if not _installed(name)]:
            raise NightshiftError(
                "The master is a Spark Connect server, and what PySpark needs to speak to it is not installed.",
                came=f"NIGHTSHIFT_SPARK_MASTER={master}, no {', '.join(missing)}",
                do="install requirements-spark.txt anew, or name the cluster itself (spark://, yarn, k8s://)",
            )
    else:
        _java()
    _reach(master)


_kept: list[Any] = []
"""The session that is open in this process."""


@contextmanager
def opened(settings: Settings) -> Iterator[Any]:
    """An Ibis backend on a session of the cluster, once an executor has shown that it runs what is asked of it."""
    with kept(settings) as session:
        from ml.adapters.lake import Lake
        from ml.adapters.spark.backend import SparkBackend

        lake, folder = Lake(settings.lake_uri), f"{SCRATCH}/{uuid4().hex}"
        try:
            yield SparkBackend.of(session, lake.join(folder))
        finally:
            lake.remove(folder)


@contextmanager
def spreading(settings: Settings) -> Iterator[Spread]:
    """Pieces of work on the executors of a session, once they have shown that they have our packages."""
    with kept(settings) as session:
        from ml.adapters.spark.spread import SparkSpread

        yield SparkSpread(session, settings)


def is_kept() -> bool:
    """Whether this process has a session."""
    return bool(_kept)


@contextmanager
def kept(settings: Settings) -> Iterator[Any]:
    """A session for a block; a block inside of it has the same one."""
    if _kept:
        yield _kept[-1]
        return
    refuse(settings.spark_master, settings.spark_properties)
    session = _session(settings)
    try:
        _executors(session, master_of(settings))
        _kept.append(session)
        yield session
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"py4j", "pyspark", "grpc"}:
            raise
        raise NightshiftError(
            "Spark could not do its part of the night.",
            came=f"NIGHTSHIFT_SPARK_MASTER={master_of(settings)}: {_first_line(error)}",
            do="look at the page of its master and the logs of its executors, then run the step again: it begins anew",
        ) from error
    finally:
        _kept.clear()
        with suppress(Exception):  # a cluster that is gone cannot be left
            session.stop()


def master_of(settings: Settings) -> str:
    """What the settings name, or this process."""
    return settings.spark_master or f"local[{settings.threads}]"


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    try:
        output = subprocess.run([java or "java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        raise NightshiftError(
            "The engine is Spark, and no Java runs.",
            came=f"JAVA_HOME={home or 'not set'} ({error})",
            do=f"install Java {JAVA} or later (Debian, Ubuntu: apt install openjdk-17-jre-headless), or set JAVA_HOME",
        ) from error
    version = re.search(r'version "(?:1\.)?(\d+)', output)
    if not version or int(version[1]) < JAVA:
        raise NightshiftError(
            "This Java is too old for Spark.",
            came=output.splitlines()[0] if output else "no version",
            do=f"install Java {JAVA} or later, or set JAVA_HOME to one",
        )


def _reach(master: str) -> None:
    """Raise unless one of the master's addresses takes a connection; one without an address is Spark's own to find."""
    if not master.startswith(("spark://", "sc://")):
        return
    scheme, _, rest = master.partition("://")
    faults = []
    for place in rest.partition("/")[0].split(","):
        host, _, port = place.rpartition(":") if ":" in place else (place, "", {"sc": "15002"}.get(scheme, "7077"))
        try:
            socket.create_connection((host, int(port)), REACHED_S).close()
        except (OSError, ValueError) as error:
            faults.append(f"{place}: {error}")
        else:
            return
    raise NightshiftError(
        "The Spark master does not answer.",
        came=f"NIGHTSHIFT_SPARK_MASTER={master}\n" + "\n".join(faults),
        do="start it, or name the right address; NIGHTSHIFT_ENGINE=duckdb needs none",
    )


def _session(settings: Settings) -> Any:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    master, given = master_of(settings), properties(settings.spark_properties)
    if master.startswith("sc://"):
        builder = SparkSession.builder.remote(master)
        options = {name: DEFAULTS[name] for name in OURS} | given
    else:
        builder = SparkSession.builder.master(master)
        # Where the executors have the same folder, as on one machine, they find Nightshift in it.
        options = DEFAULTS | {"spark.executorEnv.PYTHONPATH": str(PROJECT)} | _local(master, settings) | given
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        return builder.config(map=options).getOrCreate()
    except Exception as error:  # py4j's, gRPC's or PySpark's own
        kind = "" if isinstance(error, PySparkException) else f"{type(error).__name__}: "
        raise _no_session(master, f"{kind}{_first_line(error)}") from error


def _local(master: str, settings: Settings) -> dict[str, str]:
    """Without a cluster the driver does the work: it has the night's memory, and listens to this machine alone."""
    if not master.startswith("local"):
        return {}
    return {
        "spark.driver.memory": f"{max(512, round(settings.memory_gb * 1024))}m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(settings.home / "tmp" / "spark"),
        "spark.sql.shuffle.partitions": str(max(2, settings.threads)),
    }


def _executors(session: Any, master: str) -> None:
    """Raise unless an executor does what it is asked, and the server has our version of Spark; no Python runs there."""
    import pyspark

    ours, theirs = pyspark.__version__, session.version
    if ours.split(".")[:2] != theirs.split(".")[:2]:
        raise NightshiftError(
            "The Spark of the cluster is another version than PySpark here.",
            came=f"{master} runs {theirs}; installed is {ours}",
            do=f"use a cluster of Spark {'.'.join(ours.split('.')[:2])}",
        )
    if master.startswith("local"):
        return
    if master.startswith("spark://"):
        _wait_for_executors(session, master)
    try:
        session.range(0, 8, 1, 4).count()
    except Exception as error:
        raise _no_session(master, _first_line(error)) from error


def _wait_for_executors(session: Any, master: str) -> None:
    until = time.monotonic() + EXECUTORS_S
    while session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 2:  # noqa: SLF001  # the driver is one
        if time.monotonic() > until:
            raise _no_session(master, f"the master gave no executor in {EXECUTORS_S:.0f} s")
        time.sleep(0.2)


def _no_session(master: str, came: str) -> NightshiftError:
    return NightshiftError(
        "Spark gives no session that a night could work in.",
        came=f"NIGHTSHIFT_SPARK_MASTER={master}: {came}",
        do="look at the master's page: free cores and memory, the version of Spark; the file of properties "
        "(NIGHTSHIFT_SPARK_PROPERTIES) says what is asked of it",
    )


def _first_line(error: BaseException) -> str:
    """What happened; Java's error comes after a line that says that there was one."""
    lines = [line.strip(": \t") for line in str(error).splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith("An error occurred while calling")]
    return (own or [type(error).__name__])[0][:500]
