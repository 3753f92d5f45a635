"""Makes the Python environment. Runs before anything is installed, so it uses the standard library only."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG_LINES = 20


class InstallError(Exception):
    """The environment could not be made."""


def say(text: str) -> None:
    """Write one line to the terminal; standard output belongs to the command that follows."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def find_uv() -> str | None:
    """Path of a uv that runs, or None."""
    uv = shutil.which(os.environ.get("NIGHTSHIFT_UV") or "uv")
    if uv and subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0:
        return uv
    return None


def python_version(environment: Path) -> str:
    """Version that ``pyvenv.cfg`` names, or an empty text."""
    config = environment / "pyvenv.cfg"
    lines = config.read_text().splitlines() if config.exists() else []
    found = (line.partition("=") for line in lines)
    return next((value.strip() for key, _, value in found if key.strip() in {"version", "version_info"}), "")


def stamp_of(environment: Path, requirements: Path) -> str:
    """What the stamp says once ``requirements`` are installed: hash of the file and version of Python."""
    return f"{hashlib.sha256(requirements.read_bytes()).hexdigest()} {python_version(environment)}\n"


def is_installed(environment: Path, requirements: Path) -> bool:
    """Whether the stamp of ``requirements`` matches."""
    stamp = environment / f"nightshift-{requirements.stem}.stamp"
    return stamp.exists() and stamp.read_text() == stamp_of(environment, requirements) and runs(environment)


def runs(environment: Path) -> bool:
    """Whether the environment's Python starts and has a version that Nightshift runs on."""
    check = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    try:
        return subprocess.run([environment / "bin/python", "-c", check], check=False).returncode == 0
    except OSError:
        return False


@contextmanager
def alone(environment: Path) -> Iterator[None]:
    """Hold the installation's lock. The kernel frees it when its holders die, however that happens.

    uv and pip inherit it: one that outlives us is waited for, not raced.
    """
    environment.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{environment}.lock").open("a") as lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./nightshift is installing the Python environment; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(environment: Path, *, with_pip: bool) -> None:
    """Make the environment unless a whole one is there.

    An installation that was cut short leaves packages of which nobody knows whether they are whole, so it starts again.
    """
    marker = environment / "nightshift-installing"
    if runs(environment) and not marker.exists():
        if with_pip and not list(environment.glob("lib/python3*/site-packages/pip")):
            run([str(environment / "bin/python"), "-m", "ensurepip"], environment / "nightshift-install.log")
        marker.touch()
        return
    if environment.exists() and any(environment.iterdir()):
        if not (environment / "pyvenv.cfg").exists():
            raise InstallError(
                f"The folder for the Python environment holds something else.\n  came: {environment}\n"
                "  do:   name another folder with NIGHTSHIFT_VENV"
            )
        say(f"Making {environment} anew: it is incomplete or was made by another Python.")
        shutil.rmtree(environment)
    say(f"Making {environment} with Python {sys.version.split()[0]} …")
    environment.mkdir(parents=True, exist_ok=True)
    (environment / "pyvenv.cfg").touch()
    marker.touch()
    try:
        venv.create(environment, with_pip=with_pip, symlinks=True)
    except subprocess.CalledProcessError as error:
        raise InstallError(
            f"Python's venv module could not make {environment}.\n  came: {error}\n"
            "  do:   install it (Debian, Ubuntu: apt install python3-venv), or install uv"
        ) from None


def install(environment: Path, requirements: Path, uv: str | None) -> None:
    """Install the hash-pinned file."""
    python = str(environment / "bin/python")
    count = sum(line[:1].isalnum() for line in requirements.read_text().splitlines())
    say(f"Installing {count} packages of {requirements.name} (the first time takes some minutes) …")
    if uv:
        run(
            [
                uv,
                "pip",
                "install",
                "--python",
                python,
                "--compile-bytecode",
                "--require-hashes",
                "-r",
                str(requirements),
            ]
        )
        return
    log = environment / "nightshift-install.log"
    run(
        [
            python,
            "-m",
            "pip",
            "install",
            "--no-compile",
            "--no-deps",
            "--require-hashes",
            "--no-input",
            "--disable-pip-version-check",
            "-r",
            str(requirements),
        ],
        log,
        count,
    )
    say("Compiling bytecode …")
    # Some packages ship templates that are not Python, so a failure here says nothing.
    packages = [str(folder) for folder in environment.glob("lib/python3*/site-packages")]
    subprocess.run([python, "-m", "compileall", "-q", "-j", "0", *packages], check=False, capture_output=True)


def lend_openmp(environment: Path) -> None:
    """Give LightGBM the OpenMP library that scikit-learn brings along, on a Linux that has none of its own.

    Its wheel asks for ``libgomp.so.1`` by name; ``./nightshift`` puts this folder into ``LD_LIBRARY_PATH`` if it is there.
    """
    folder = environment / "lib/openmp"
    brought = next(iter(environment.glob("lib/python3*/site-packages/scikit_learn.libs/libgomp-*.so*")), None)
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        if brought:
            folder.mkdir(exist_ok=True)
            (folder / "libgomp.so.1").unlink(missing_ok=True)
            (folder / "libgomp.so.1").symlink_to(brought)


def run(command: list[str], log: Path | None = None, count: int = 0) -> None:
    """Run the installer; with ``log`` its output goes there and the terminal shows how far it is."""
    if log is None:
        code, tail = subprocess.run(command, check=False, close_fds=False).returncode, ""
    else:
        fetched = 0
        with (
            log.open("w") as out,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, close_fds=False
            ) as process,
        ):
            for line in process.stdout or ():
                out.write(line)
                fetched += line.startswith("Collecting")
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r  {fetched}/{count} packages fetched ")
        code = process.returncode
        tail = "\n".join(log.read_text().splitlines()[-LOG_LINES:])
    if code:
        raise InstallError(
            f"The packages could not be installed.\n{tail}\n"
            f"  came: exit code {code} of {' '.join(command[:4])} …\n"
            "  do:   check the network (or the mirror that pip or uv is set to) and start again"
        )


def main(project: Path, environment: Path, names: list[str]) -> int:
    """Install what is missing; the stamps are written last."""
    try:
        with alone(environment):
            missing = [n for n in names if not is_installed(environment, project / f"{n}.txt")]
            if not missing:
                return 0
            uv = find_uv()
            make(environment, with_pip=uv is None)
            # Made anew: then even those that were installed are gone.
            for name in [n for n in names if not is_installed(environment, project / f"{n}.txt")]:
                requirements = project / f"{name}.txt"
                stamp = environment / f"nightshift-{name}.stamp"
                stamp.unlink(missing_ok=True)
                install(environment, requirements, uv)
                lend_openmp(environment)
                stamp.write_text(stamp_of(environment, requirements))
            (environment / "nightshift-installing").unlink()
    except InstallError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"The Python environment could not be made.\n  came: {error}\n  do:   free space, or set NIGHTSHIFT_VENV")
        return 6
    except KeyboardInterrupt:
        say("Stopped; the next ./nightshift goes on.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
