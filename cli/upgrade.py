"""The command ``upgrade``: backs up, installs, migrates, checks, and goes back by itself where the check fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.backups import OWN
from cli.home import Home
from cli.output import Steps, err, out, steps
from ml.core.errors import NightshiftError, WrongUse
from ml.settings import PROJECT

READ = "SELECT table_name, batch_id, night, rows FROM ml_ops.batch WHERE status = 'published' ORDER BY 1"
"""What the shop reads: the same before and after."""

Run = Callable[[Sequence[str]], str]


def upgrade(
    to: Annotated[str, typer.Argument(metavar="VERSION", help="A tag of the repository as v0.2.0, or a commit.")] = "",
    backups: Annotated[
        str,
        typer.Option("--backup", metavar="TO", help="Where the backup goes; backups/ in the state folder if not said."),
    ] = "",
    back: Annotated[
        str,
        typer.Option("--back", metavar="FROM", help="Only the way back: the databases as the backup in FROM has them."),
    ] = "",
) -> None:
    """Take another version: a backup first, then its packages and migrations, then a check; if that fails, the way back.

    Yesterday's tables stay readable but for the restart of the embedded PostgreSQL. Needs the repository as git has it, without
    changes of your own.
    """
    home = Home.find(os.environ)
    if back:
        go_back(home, back)
        return
    if not to:
        raise WrongUse(
            "It is not said which version.", do="name a tag: " + (", ".join(_tags()[-5:]) or "there is none")
        )
    start = time.monotonic()
    with steps("Upgrading …") as progress:
        kept = backups or str(home.root / "backups")
        before = take(PROJECT, to, kept, _command, progress, keep_airflow=lambda: _keep_airflow(home))
    out.print(
        f"[bold]{to}[/] runs; what the shop reads is what it read before. The version before: {before}; its backup: {kept}",
        soft_wrap=True,
    )
    err.print(f"[dim]Done after {time.monotonic() - start:.1f} s.[/]")


def take(
    project: Path,
    to: str,
    backups: str,
    command: Run,
    progress: Steps,
    *,
    keep_airflow: Callable[[], None] = lambda: None,
) -> str:
    """Let ``project`` be the version ``to``; gives the commit before.

    Every step is a command of its own, of the version that is there at the time: this process has the old one's code.

    Raises
    ------
    NightshiftError
        The new version did not start, or the shop would read something else: the old one runs again.
    """
    before, target = _clean(project), _commit(project, to)
    progress.begin("make a backup")
    command(["backup", backups])
    keep_airflow()
    reads = command(["sql", "--csv", READ])
    command(["down"])
    _git(project, "checkout", "--quiet", target)
    try:
        progress.begin(f"install {to}, migrate, start")
        command(["up"])
        progress.begin("check")
        _check(command, reads)
    except (NightshiftError, KeyboardInterrupt) as error:
        progress.fail(f"{to} does not work here; going back.")
        _back(project, before, backups, command)
        raise NightshiftError(
            f"{to} did not work here; the version before runs again, with its data of before.",
            came=str(error) or "interrupted",
            do=f"read the logs in the state folder; the backup of before is in {backups}",
        ) from None
    return before


def _check(command: Run, reads: str) -> None:
    if (now := command(["sql", "--csv", READ])) != reads:
        raise NightshiftError("The shop would read something else.", came=f"before:\n{reads}now:\n{now}")
    command(["status"])


def _back(project: Path, before: str, backups: str, command: Run) -> None:
    command(["down"])
    _git(project, "checkout", "--quiet", before)
    command(["upgrade", "--back", backups])
    command(["up"])


def go_back(home: Home, source: str) -> None:
    """Put the databases back as the version that runs now knew them; a newer one has migrated them meanwhile."""
    from cli import stack as stacks
    from cli.environment import Stack, given, settings
    from cli.urls import database_urls
    from ml import pipeline
    from ml.adapters.backup import dump

    home.forget_version()
    with steps("Going back …") as progress:
        # The step prepare fails until the databases are those of this version again.
        stacks.up(home, os.environ, progress, wait_for=("postgres",), may_differ=OWN)
        chosen = settings(os.environ, may_differ=OWN)[1]
        key = given(home, os.environ).get(OWN[1], "")
        pipeline.restore(chosen, source, key=key, replace_data=True, migrates=False, progress=progress.begin)
        if (folder := _airflow_folder(home)).exists():
            dump.restore(database_urls(Stack.last(home), home.secrets())["airflow"], folder)
        stacks.down(home)


def _keep_airflow(home: Home) -> None:
    """Airflow's own database, which no backup has: another Airflow would migrate it for good."""
    from cli.environment import Stack
    from cli.urls import database_urls
    from ml.adapters.backup import dump

    shutil.rmtree(_airflow_folder(home), ignore_errors=True)
    dump.dump(database_urls(Stack.last(home), home.secrets())["airflow"], _airflow_folder(home))


def _airflow_folder(home: Home) -> Path:
    return home.root / "upgrade" / "airflow"


def _command(arguments: Sequence[str]) -> str:
    """Run ``./nightshift`` of the version that is there now; what it prints."""
    done = subprocess.run([str(PROJECT / "nightshift"), *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise NightshiftError(
            f"./nightshift {arguments[0]} failed.", came=done.stdout[-1500:] or f"exit code {done.returncode}"
        )
    return done.stdout


def _clean(project: Path) -> str:
    """The commit that is there; changes of one's own would be lost or in the way."""
    before = _git(project, "rev-parse", "HEAD")
    if changed := _git(project, "status", "--porcelain", "--untracked-files=no"):
        raise WrongUse("The repository has changes of your own.", came=changed, do="commit or stash them (git stash)")
    branch = _git(project, "rev-parse", "--abbrev-ref", "HEAD")
    return before if branch == "HEAD" else branch


def _commit(project: Path, to: str) -> str:
    if _git(project, "remote"):
        _git(project, "fetch", "--quiet", "--tags", must=False)
    if found := _git(project, "rev-parse", "--verify", "--quiet", f"{to}^{{commit}}", must=False):
        return found
    tags = _tags(project)
    raise WrongUse(
        "There is no such version.",
        came=to,
        do="choose one of " + ", ".join(tags[-5:]) if tags else "fetch the tags: git fetch --tags",
    )


def _tags(project: Path = PROJECT) -> list[str]:
    return _git(project, "tag", "--list", "v*", "--sort=v:refname", must=False).split()


def _git(project: Path, *arguments: str, must: bool = True) -> str:
    done = subprocess.run(["git", "-C", str(project), *arguments], capture_output=True, text=True, check=False)
    if done.returncode and must:
        raise NightshiftError(
            "git cannot do it.",
            came=f"git {' '.join(arguments)}: {done.stderr.strip()}",
            do="an upgrade needs the repository as git clone made it; an image or a wheel is upgraded by taking the newer one",
        )
    return done.stdout.strip() if not done.returncode else ""
