"""Starts the stack's processes, watches them, restarts them, ends them.

It is the parent of all of them and (on Linux) of what they leave behind. It holds ``supervisor.lock`` while it lives:
the kernel frees it however it ends, so nobody takes a dead supervisor for a living one.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import psutil

from cli.environment import Stack, services
from cli.home import Home, try_lock, write_private
from cli.postgres import identity
from cli.service import ON_DEMAND, OPENING, UP, Child, Service

TICK = 0.1
STEADY = 60.0
"""Seconds after which a service that runs is forgiven its earlier failures."""
LONGEST_WAIT = 30.0
GRACE = 8.0
"""Seconds from the request to end until the kill; the database gets as many after the others."""
LOG_LIMIT = 20 * 2**20
LOG_CHECK = 30.0


class Supervisor:
    """Runs ``services`` with ``environ``; writes what it knows to ``home.state_file``."""

    def __init__(self, home: Home, services: Sequence[Service], environ: Mapping[str, str]) -> None:
        self.home, self.environ = home, dict(environ)
        self.children = {service.name: Child(service) for service in services}
        self.stopping = False
        self._written = ""
        self._logs_checked = 0.0

    def run(self) -> None:
        """Work until somebody asks for the end, then end everything."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        while not self.stopping:
            self.reap()
            for child in self.children.values():
                self.advance(child)
            self.write()
            self.trim_logs()
            time.sleep(TICK)
        self.stop()

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def advance(self, child: Child) -> None:
        """Start a service whose time has come; see whether one that starts is ready."""
        now = time.time()
        if child.state in {"waiting", "restarting"}:
            if now >= child.next_start and all(self._is_up(name) for name in child.service.after):
                (self.listen if child.service.on_demand else self.start)(child)
        elif child.state == ON_DEMAND:
            if child.door and select.select([child.door], [], [], 0)[0]:
                self.start(child)
        elif child.state in {"starting", OPENING} and not child.service.once:
            if child.service.ready is None or child.service.ready(child.since):
                child.state = "ready"
        elif child.state == "ready" and child.failures and now - child.since > STEADY:
            child.failures = 0

    def _is_up(self, name: str) -> bool:
        return name not in self.children or self.children[name].state in UP

    def listen(self, child: Child) -> None:
        """Open the address of a service on demand, and keep it open."""
        try:
            child.door = child.door or socket.create_server(("127.0.0.1", child.service.on_demand))
            child.state = ON_DEMAND
        except OSError as error:
            self.home.log(child.service.name).write_text(f"port {child.service.on_demand}: {error}\n")
            self.ended(child, 127)

    def start(self, child: Child) -> None:
        """Start a service in a session of its own, so that a signal to a terminal does not reach it."""
        service = child.service
        path = self.home.log(service.name)
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if service.once else os.O_APPEND)
        log = os.open(path, flags, 0o600)
        child.since, child.starts, child.exit_code = time.time(), child.starts + 1, None
        handed = (child.door.fileno(),) if child.door else ()
        try:
            child.process = subprocess.Popen(
                (*service.line, *map(str, handed)),
                pass_fds=handed,
                env=self.environ,
                cwd="/" if service.os_user else self.home.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **identity(service.os_user),
            )
            child.state = OPENING if handed else "starting"
        except OSError as error:
            os.write(log, f"{service.line[0]} could not be started: {error}\n".encode())
            self.ended(child, 127)
        finally:
            os.close(log)

    def reap(self) -> None:
        """Take note of every process that ended, ours and those we adopted."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self.children.values():
                if child.process is not None and child.process.pid == pid:
                    child.process.returncode = os.waitstatus_to_exitcode(status)
                    self.ended(child, child.process.returncode)

    def ended(self, child: Child, code: int) -> None:
        """Plan what follows the end of a service; what it started ends with it."""
        pid = child.process.pid if child.process else None
        child.process, child.exit_code = None, code
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            self.kill_adopted()
        if child.service.once:
            child.state = "done" if code == 0 else "failed"
            return
        if child.service.on_demand and code == 0:
            child.state, child.starts = ON_DEMAND, 0
            return
        child.failures += 1
        child.state = "restarting"
        child.next_start = time.time() + min(LONGEST_WAIT, 2.0 ** (child.failures - 1) / 2)

    def kill_adopted(self) -> None:
        """Kill what a dead service left to us: its workers would go on beside those of its successor."""
        own = {child.process.pid for child in self.children.values() if child.process}
        for process in psutil.Process().children():
            if process.pid not in own:
                _kill([process, *_family(process)])

    def stop(self) -> None:
        """End everything, the database last."""
        for last in (False, True):
            living = [c for c in self.children.values() if c.process and c.service.last == last]
            families = [p for c in living if c.process for p in _family_of(c.process.pid)]
            for child in living:
                child.state = "stopping"
                if child.process is not None:
                    with suppress(ProcessLookupError):
                        child.process.send_signal(child.service.stop)
            self.write()
            until = time.monotonic() + GRACE
            while any(child.alive for child in living) and time.monotonic() < until:
                self._reap_stopped(living)
                time.sleep(TICK / 2)
            for child in living:
                if child.process is not None:
                    child.process.kill()
            _kill(families)
            self._reap_stopped(living)
        _kill(psutil.Process().children(recursive=True))
        self.home.state_file.unlink(missing_ok=True)

    def _reap_stopped(self, living: Sequence[Child]) -> None:
        for child in living:
            if child.process is not None and child.process.poll() is not None:
                child.process, child.state = None, "stopped"

    def write(self) -> None:
        """Write the state if it changed; readers see a whole file always."""
        me = psutil.Process()
        document = {
            "supervisor": {"pid": me.pid, "created": me.create_time()},
            "services": {name: child.as_json() for name, child in self.children.items()},
        }
        text = json.dumps(document, indent=1)
        if text != self._written:
            write_private(self.home.state_file, text)
            self._written = text

    def trim_logs(self) -> None:
        """Keep each log below a limit: its content moves to ``.1`` and its writer goes on at the start of the file."""
        if time.monotonic() - self._logs_checked < LOG_CHECK:
            return
        self._logs_checked = time.monotonic()
        for path in self.home.logs.glob("*.log"):
            with suppress(OSError):
                if path.stat().st_size > LOG_LIMIT:
                    shutil.copyfile(path, path.with_name(path.name + ".1"))
                    os.truncate(path, 0)


def _family_of(pid: int) -> list[psutil.Process]:
    try:
        return _family(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return []


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _kill(processes: Sequence[psutil.Process]) -> None:
    # psutil compares the start time before it signals, so a number that was given out again is safe.
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()


def adopt_orphans() -> None:
    """Become the parent of what our children leave behind (Linux only; elsewhere ``down`` finds them by the marker)."""
    if sys.platform == "linux":
        pr_set_child_subreaper = 36
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def main() -> int:
    """Run the stack that ``stack.json`` describes."""
    from cli.services import stack_services

    os.umask(0o077)
    home = Home.find(os.environ)
    lock = (home.root / "supervisor.lock").open("a")
    until = time.monotonic() + 3
    # Someone who looks whether we live holds the lock for a moment.
    while not try_lock(lock.fileno()):
        if time.monotonic() > until:
            return 5
        time.sleep(TICK)
    stack = Stack.last(home)
    adopt_orphans()
    secrets = home.secrets()
    Supervisor(home, stack_services(stack), {**os.environ, **services(home, stack, secrets)}).run()
    lock.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
