"""What runs, where, and what is wrong if something is."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import psutil
from rich.markup import escape
from rich.table import Table

from cli import stack as stacks
from cli.airflow import Airflow, why_missing
from cli.environment import Stack
from cli.home import Home
from cli.output import out, seconds, size
from cli.service import UP
from cli.services import MODELS
from cli.urls import database_urls, login_url
from ml.core.errors import NightshiftError
from ml.registry import CAPABILITIES

NIGHTS = """
SELECT n.ref, n.status, date_trunc('second', n.started_at) AS started, date_trunc('second', n.ended_at) AS ended,
       (SELECT s.step || ': ' || split_part(s.message, E'\\n', 1) FROM ml_ops.step s
        WHERE s.ref = n.ref AND s.status = 'failed' AND n.status = 'failed' ORDER BY s.id DESC LIMIT 1) AS failed_at,
       array_to_string(ARRAY(SELECT jsonb_object_keys(n.summary -> 'rehearsals')), ', ') AS rehearsed
FROM ml_ops.night n ORDER BY n.started_at DESC LIMIT 5
"""
PARSED_AFTER_S = 90
"""Seconds after the DAG processor's start within which a DAG that is not known yet is no fault."""
COLOURS = dict.fromkeys(UP, "green") | dict.fromkeys(("starting", "waiting", "stopping"), "yellow")
ERROR_WORDS = ("error", "fatal", "critical", "exception", "panic")


def collect(home: Home) -> dict[str, Any]:
    """Everything that ``status`` tells, as plain data."""
    stack = Stack.read(home) if home.root.exists() else None
    running = home.root.exists() and stacks.is_running(home)
    services = stacks.state(home)["services"] if home.root.exists() else {}
    listed = [_service(home, name, services[name], running) for name in services]
    ours = dags(home, stack, listed) if running and stack else []
    return {
        "home": str(home.root),
        "running": running,
        "well": running
        and bool(listed)
        and all(s["state"] in UP for s in listed)
        and not any(dag["state"] == "missing" for dag in ours),
        "services": listed,
        "dags": ours,
        "links": _links(home, stack) if stack else {},
        "registry": _registry(home, stack) if running and stack else [],
        "nights": _nights(home, stack) if running and stack else [],
        "disk": _disk(home, stack),
    }


def _service(home: Home, name: str, child: dict[str, Any], running: bool) -> dict[str, Any]:
    state = child["state"] if running else _orphaned(child)
    family = _family(child["pid"]) if child["pid"] and state != "gone" else []
    log = home.log(name)
    return {
        "name": name,
        "state": state,
        "pid": child["pid"] if family else None,
        "uptime_s": round(time.time() - child["since"], 1) if family else None,
        "memory_bytes": sum(_memory(process) for process in family),
        "restarts": child["restarts"],
        "exit_code": child["exit_code"],
        "address": child["address"],
        "log": str(log),
        "wrong": _wrong(home, name) if state in {"restarting", "failed", "gone"} else "",
    }


def _orphaned(child: dict[str, Any]) -> str:
    if child["state"] == "done":
        return "done"
    return "unwatched" if child["pid"] and _family(child["pid"]) else "gone"


def _wrong(home: Home, name: str) -> str:
    lines = stacks.last_lines(home, name, 200).splitlines()
    errors = [line for line in lines if any(word in line.lower() for word in ERROR_WORDS)]
    return "\n".join((errors or lines)[-4:])


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _memory(process: psutil.Process) -> int:
    """Memory that would be free without the process (a share of what it shares with others)."""
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.uss))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _links(home: Home, stack: Stack) -> dict[str, str]:
    docs = sorted([*home.root.glob("docs/*/*/index.html"), *home.root.glob("lake/docs/*/*/index.html")])
    links = {
        "Logs": str(home.logs / "<service>.log"),
        "Airflow": f"http://127.0.0.1:{stack.ports['airflow']}",
        "Airflow passwords": str(home.passwords_file),
        "MLflow": f"http://127.0.0.1:{stack.ports['mlflow']}{MODELS}",
    }
    links["PostgreSQL"] = login_url(home, stack, home.secrets()) + "  (or ./nightshift psql)"
    if docs:
        links["Data Docs"] = docs[-1].as_uri()
    if stack.postgres:
        links["PostgreSQL data"] = stack.postgres.data
    return links


def _nights(home: Home, stack: Stack) -> list[dict[str, Any]]:
    from ml.adapters import postgres

    url = database_urls(stack, home.secrets())["nightshift"]
    try:
        if not postgres.query(url, "SELECT to_regclass('ml_ops.night') IS NOT NULL AS there")[0]["there"]:
            return []
        return [{name: _plain(value) for name, value in row.items()} for row in postgres.query(url, NIGHTS)]
    except NightshiftError:
        return []  # the table above says that the database is down


def _registry(home: Home, stack: Stack) -> list[str]:
    """In what MLflow differs from what serves. MLflow's tables are read: asking would start its server."""
    from ml.adapters.books import versions
    from ml.adapters.mlflow import champions

    urls = database_urls(stack, home.secrets())
    try:
        ours = versions.champions(urls["nightshift"])
    except Exception as error:
        if isinstance(error, NightshiftError) or type(error).__module__.startswith("psycopg2"):
            return []  # the database is down, or nothing was set up yet
        raise
    return list(champions.differences(ours, champions.look_up(urls["mlflow"])).values())


def dags(home: Home, stack: Stack, services: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The state of each of our DAGs: active, paused, starting (not parsed yet) or missing, and why."""
    by_name = {service["name"]: service for service in services}
    if by_name.get("airflow-api", {}).get("state") not in UP:
        return []  # the table of the services says why
    password = home.secrets()["airflow_admin_password"]
    airflow = Airflow(f"http://127.0.0.1:{stack.ports['airflow']}", "admin", password, patience=5)
    try:
        known, errors = airflow.dags(), airflow.import_errors()
    except NightshiftError as error:
        return [{"name": "(all)", "state": "missing", "why": f"Airflow does not tell: {error.came}"}]
    young = (by_name.get("airflow-dag-processor", {}).get("uptime_s") or 0) < PARSED_AFTER_S
    found = []
    for name in dag_names():
        dag = known.get(name)
        why = why_missing(dag, errors)
        if why and young and not errors:
            found.append({"name": name, "state": "starting", "why": "not parsed yet"})
        elif why:
            found.append({"name": name, "state": "missing", "why": why})
        else:
            paused = bool(dag and dag["is_paused"])
            found.append({"name": name, "state": "paused" if paused else "active", "why": ""})
    return found


def dag_names() -> list[str]:
    """The DAGs that a stack has."""
    lanes = [f"live_{name}" for name, capability in CAPABILITIES.items() if capability.live]
    return ["night", "maintenance", "backup", *(f"train_{name}" for name in CAPABILITIES), *lanes]


def _show_dags(dags: list[dict[str, str]]) -> None:
    active = [dag["name"] for dag in dags if dag["state"] == "active"]
    out.print(f"{'DAGs:':<22}{', '.join(active) or 'none is active'}", soft_wrap=True)
    for state in ("paused", "starting"):
        if names := [dag["name"] for dag in dags if dag["state"] == state]:
            out.print(f"{'DAGs ' + state + ':':<22}{', '.join(names)}", soft_wrap=True)
    for why in dict.fromkeys(dag["why"] for dag in dags if dag["state"] == "missing"):
        names = [dag["name"] for dag in dags if (dag["state"], dag["why"]) == ("missing", why)]
        out.print(f"[red]{'DAGs missing:':<22}{', '.join(names)}[/]: {escape(why)}", soft_wrap=True)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float, bool)) else str(value)


def _disk(home: Home, stack: Stack | None) -> dict[str, int]:
    if not home.root.exists():
        return {}
    folders = {"lake": home.root / "lake", "mlflow": home.root / "mlflow", "logs": home.logs, "database": home.postgres}
    if stack and stack.postgres:
        folders["database"] = Path(stack.postgres.data)
    used = {name: _usage(folder) for name, folder in folders.items() if folder.exists()}
    return used | {"free": shutil.disk_usage(home.root).free}


def _usage(folder: Path) -> int:
    total, open_folders = 0, [str(folder)]
    while open_folders:
        try:
            with os.scandir(open_folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        open_folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # gone meanwhile, or another user's
    return total


def show(report: dict[str, Any]) -> None:
    """Print what :func:`collect` found."""
    if not report["services"]:
        out.print(f"Nothing runs ({escape(report['home'])}). Start it with [bold]./nightshift up[/].")
        return
    out.print(_table(report["services"]))
    for service in report["services"]:
        if service["wrong"]:
            out.print(f"\n[red]{service['name']} is {service['state']}[/] (exit code {service['exit_code']}):")
            out.print(escape(service["wrong"]), soft_wrap=True)
    if not report["running"]:
        out.print("\n[red]The supervisor is dead.[/] Run ./nightshift up to start again, ./nightshift down to end all.")
    for name, target in report["links"].items():
        out.print(f"{name + ':':<22}{escape(target)}", soft_wrap=True)
    if report["dags"]:
        _show_dags(report["dags"])
    for words in report["registry"]:
        out.print(f"[yellow]{'MLflow differs:':<22}[/]{escape(words)}", soft_wrap=True)
    if report["nights"]:
        out.print(_nights_table(report["nights"]))
    out.print("Disk: " + ", ".join(f"{name} {size(value)}" for name, value in report["disk"].items()))


def _table(services: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("service", "state", "pid", "up", "memory", "restarts", "address"):
        table.add_column(title, no_wrap=True)
    for s in services:
        colour = COLOURS.get(s["state"], "red")
        up = seconds(s["uptime_s"]) if s["uptime_s"] is not None else ""
        memory = size(s["memory_bytes"]) if s["memory_bytes"] else ""
        table.add_row(
            s["name"],
            f"[{colour}]{s['state']}[/]",
            str(s["pid"] or ""),
            up,
            memory,
            str(s["restarts"] or ""),
            s["address"],
        )
    return table


def _nights_table(nights: list[dict[str, Any]]) -> Table:
    table = Table(*nights[0], title="Last nights", title_justify="left", box=None, pad_edge=False)
    for night in nights:
        table.add_row(*(str(value) if value is not None else "" for value in night.values()))
    return table
