"""What a process may use: the least of the machine, its affinity and its control group."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from ml.core import machine
from ml.settings import Settings

NEEDED = {"NIGHTSHIFT_HOME": "/h", "NIGHTSHIFT_DATABASE_URL": "postgresql:///x", "NIGHTSHIFT_HASH_KEY": "k"}
GIB = 2**30


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of sixteen cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))


def files(root: Path, **contents: str) -> Path:
    """A file system with these files; ``__`` parts folders."""
    for name, text in contents.items():
        path = root / name.replace("__", "/").replace("-", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_without_a_control_group_it_is_the_machine(tmp_path: Path) -> None:
    """All cores of the affinity, all memory."""
    assert machine.cores(tmp_path) == len(os.sched_getaffinity(0))
    assert machine.memory_gib(tmp_path) == pytest.approx(psutil.virtual_memory().total / GIB)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("limit", "cores"), [("max 100000", 16), ("150000 100000", 2), ("25000 100000", 1), ("3200000 100000", 16)]
)
def test_version_2_limits_cores(tmp_path: Path, limit: str, cores: int) -> None:
    """A share of time counts as the next whole core, at least one."""
    root = files(tmp_path, proc__self__cgroup="0::/pod/box", **{"sys__fs__cgroup__pod__box__cpu-max": limit})
    assert machine.cores(root) == cores


@pytest.mark.usefixtures("many")
def test_the_group_around_holds_as_well(tmp_path: Path) -> None:
    """A pod's limit binds its containers that have none of their own."""
    root = files(
        tmp_path,
        proc__self__cgroup="0::/pod/box",
        **{
            "sys__fs__cgroup__pod__box__cpu-max": "max 100000",
            "sys__fs__cgroup__pod__cpu-max": "400000 100000",
            "sys__fs__cgroup__pod__box__memory-max": "max",
            "sys__fs__cgroup__pod__memory-max": str(GIB // 2),
        },
    )
    assert (machine.cores(root), machine.memory_gib(root)) == (4, 0.5)


@pytest.mark.usefixtures("many")
def test_version_1_limits_both(tmp_path: Path) -> None:
    """Each controller has its own tree; one that knows no limit says -1 or a number that no machine has."""
    root = files(
        tmp_path,
        proc__self__cgroup="4:memory:/x\n3:cpu,cpuacct:/x\n0::/",
        sys__fs__cgroup__cpu__x__cpu_cfs_quota_us="-1",
        sys__fs__cgroup__memory__x__memory_limit_in_bytes="-1",
        **{
            "sys__fs__cgroup__cpu__x__cpu-cfs_quota_us": "300000",
            "sys__fs__cgroup__cpu__x__cpu-cfs_period_us": "100000",
            "sys__fs__cgroup__memory__x__memory-limit_in_bytes": str(GIB // 4),
        },
    )
    assert (machine.cores(root), machine.memory_gib(root)) == (3, 0.25)


def test_settings_follow_the_machine_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the memory and every core; what is set is taken."""
    monkeypatch.setattr(machine, "cores", lambda: 5)
    monkeypatch.setattr(machine, "memory_gib", lambda: 6.0)
    settings = Settings.from_env(NEEDED)
    assert (settings.threads, settings.memory_gb) == (5, 3.0)
    settings = Settings.from_env(NEEDED | {"NIGHTSHIFT_THREADS": "2", "NIGHTSHIFT_MEMORY_GB": "1.5"})
    assert (settings.threads, settings.memory_gb) == (2, 1.5)
