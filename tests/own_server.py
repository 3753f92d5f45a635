"""A Postgres server of a test's own, in a folder of its own, for what changes the logins of a server."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli import ports, postgres
from cli.environment import Stack
from cli.home import Home


@contextmanager
def own_server() -> Iterator[tuple[Stack, dict[str, str]]]:
    """Start the embedded server as ``./nightshift up`` does, without a login but the superuser; its secrets."""
    folder = Path(tempfile.mkdtemp(prefix="nightshift-own-"))
    folder.chmod(0o755)
    home = Home(folder / "home")
    home.ensure()
    secrets = home.secrets()
    server = postgres.arrange(home, secrets)
    chosen = ports.choose(42_931)
    chosen.held.close()
    process = subprocess.Popen(
        [*postgres.command(server, chosen.port), "-c", "fsync=off"],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **postgres.identity(server.os_user),
    )
    try:
        for _ in range(200):
            if subprocess.run(postgres.ready_command(server, chosen.port), check=False, timeout=30).returncode == 0:
                break
        yield Stack({"postgres": chosen.port}, {}, server), secrets
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
