"""A standalone Spark cluster on 127.0.0.1: a master and two workers, from the classes that PySpark's wheel carries."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from ml.core.errors import NightshiftError

WORKERS = 2
EXECUTOR_MIB = 1024
_PROPERTIES = """\
spark.executor.memory {memory}m
spark.executor.cores 1
spark.driver.memory 1g
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.sql.shuffle.partitions 4
spark.eventLog.enabled true
spark.eventLog.dir file://{events}
spark.eventLog.compress false
spark.eventLog.rolling.enabled false
"""


@dataclass
class Cluster:
    """A cluster that runs: where it is, what a driver must say, and its processes."""

    url: str
    properties: Path
    pids: list[int] = field(default_factory=list)

    def executors(self) -> list[psutil.Process]:
        """The executors of all workers."""
        found = []
        for pid in self.pids:
            with suppress(psutil.NoSuchProcess):
                found += [
                    p for p in psutil.Process(pid).children(recursive=True) if "Executor" in " ".join(p.cmdline())
                ]
        return found

    def kill_one(self) -> None:
        """Kill an executor once one has been at work for a while."""
        until = time.monotonic() + 300
        while time.monotonic() < until:
            with suppress(psutil.NoSuchProcess):
                for process in self.executors():
                    if process.cpu_times().user > 6:  # past its start, in the middle of the work
                        process.send_signal(signal.SIGKILL)
                        return
            time.sleep(0.2)
        raise NightshiftError("No executor worked.", came=self.url)


@contextmanager
def cluster(home: Path) -> Iterator[Cluster]:
    """Start a master and its workers; end them and what they started."""
    shutil.rmtree(home, ignore_errors=True)
    (home / "events").mkdir(parents=True)
    properties = home / "spark.conf"
    properties.write_text(_PROPERTIES.format(memory=EXECUTOR_MIB, events=home / "events"))
    port = _free()
    url, started = f"spark://127.0.0.1:{port}", []
    try:
        started.append(_start(home, "master", "Master", "--port", str(port), "--webui-port", str(_free())))
        _answering(port)
        for number in range(WORKERS):
            work = ("--cores", "1", "--memory", f"{EXECUTOR_MIB + 512}m", "--webui-port", str(_free()))
            started.append(_start(home, f"worker-{number}", "Worker", *work, "--work-dir", str(home / "work"), url))
        yield Cluster(url, properties, [one.pid for one in started])
    finally:
        for one in reversed(started):
            family = psutil.Process(one.pid).children(recursive=True) if one.poll() is None else []
            one.terminate()
            with suppress(subprocess.TimeoutExpired):
                one.wait(20)
            for left in family:
                with suppress(psutil.NoSuchProcess):
                    left.kill()


def _start(home: Path, name: str, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
    import pyspark

    spark = Path(pyspark.__file__).parent
    line = ["bash", f"{spark}/bin/spark-class", f"org.apache.spark.deploy.{kind.lower()}.{kind}", "--host", "127.0.0.1"]
    ours = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "SPARK_DAEMON_MEMORY": "512m"}
    given = os.environ | ours | {"SPARK_HOME": str(spark), "SPARK_LOCAL_DIRS": str(home / "local")}
    with (home / f"{name}.log").open("wb") as log:
        return subprocess.Popen([*line, *arguments], stdout=log, stderr=log, env=given)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


def _answering(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.2)
    raise NightshiftError("The Spark master did not start.", came=f"nothing on port {port}")


def shuffled(events: Path) -> int:
    """Bytes that the tasks of all applications wrote for others to read, from Spark's event logs."""
    total = 0
    for file in events.iterdir():
        if not file.name.startswith("."):
            with file.open() as lines:
                for line in lines:
                    if '"SparkListenerTaskEnd"' in line:
                        metrics = json.loads(line).get("Task Metrics") or {}
                        total += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
    return total


class Peaks:
    """The largest resident memory of each process of some families while a block runs."""

    def __init__(self, roots: Sequence[int]) -> None:
        self._roots, self._end = roots, threading.Event()
        self._peak: dict[tuple[str, int], int] = {}
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def largest(self) -> int:
        """Of one process, in bytes."""
        return max(self._peak.values(), default=0)

    @property
    def named(self) -> dict[str, int]:
        """The largest process of each kind."""
        found: dict[str, int] = {}
        for (name, _), value in self._peak.items():
            found[name] = max(value, found.get(name, 0))
        return found

    def _watch(self) -> None:
        while not self._end.wait(0.3):
            for root in self._roots:
                with suppress(psutil.NoSuchProcess):
                    parent = psutil.Process(root)
                    for process in (parent, *parent.children(recursive=True)):
                        with suppress(psutil.NoSuchProcess):
                            key = (_kind(" ".join(process.cmdline())), process.pid)
                            self._peak[key] = max(self._peak.get(key, 0), process.memory_info().rss)


def _kind(line: str) -> str:
    names = {"Executor": "executor", "SparkSubmit": "driver JVM", "deploy.worker": "worker", "deploy.master": "master"}
    return next((kind for word, kind in names.items() if word in line), "python")
