"""The processes of the local stack."""

from __future__ import annotations

import signal
import sys

from cli.environment import Stack
from cli.postgres import command, ready_command
from cli.service import Command, Heartbeat, Http, Service

# -P: Python puts no folder of the process before our own modules.
PYTHON = (sys.executable, "-P", "-m")


def stack_services(stack: Stack) -> list[Service]:
    """The services of ``stack``: the database (unless it is a server elsewhere), MLflow and Airflow's four."""
    return [*_database(stack), *_prepare(stack), _mlflow(stack), *_airflow(stack)]


def _database(stack: Stack) -> list[Service]:
    if stack.postgres is None:
        return []
    port = stack.ports["postgres"]
    return [
        Service(
            "postgres",
            tuple(command(stack.postgres, port)),
            Command(tuple(ready_command(stack.postgres, port))),
            stop=signal.SIGINT,  # "fast": does not wait for clients
            last=True,
            os_user=stack.postgres.os_user,
            address=f"127.0.0.1:{port}",
        )
    ]


def _prepare(stack: Stack) -> list[Service]:
    after = ("postgres",) if stack.postgres else ()
    return [Service("prepare", (*PYTHON, "cli.prepare"), after=after, once=True)]


def _mlflow(stack: Stack) -> Service:
    address = f"http://127.0.0.1:{stack.ports['mlflow']}"
    # The database's address comes by the environment: on the command line every user would see the password.
    line = (*PYTHON, "mlflow", "server", "--host", "127.0.0.1", "--port", str(stack.ports["mlflow"]),
            "--workers", "1", "--no-serve-artifacts")  # fmt: skip
    return Service("mlflow", line, Http(f"{address}/health"), ("prepare",), address=address)


def _airflow(stack: Stack) -> list[Service]:
    address = f"http://127.0.0.1:{stack.ports['airflow']}"
    health = f"{address}/api/v2/monitor/health"
    parts = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
    # Their log servers listen on every address of the machine; here the api-server reads the files.
    more = {"scheduler": ("--skip-serve-logs",), "triggerer": ("--skip-serve-logs",)}
    api = Service("airflow-api", (*PYTHON, "airflow", "api-server"), Http(health), ("prepare",), address=address)
    return [
        api,
        *(
            Service(
                f"airflow-{name}",
                (*PYTHON, "airflow", name, *more.get(name, ())),
                Heartbeat(health, component),
                ("prepare",),
            )
            for name, component in parts.items()
        ),
    ]
