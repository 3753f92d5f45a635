"""The processes of the local stack."""

from __future__ import annotations

import signal
import sys

from cli.environment import Stack
from cli.postgres import command, ready_command
from cli.service import Command, Heartbeat, Http, Service

MODELS = "/#/experiments?workflowType=machine_learning"
"""MLflow's page of models; its first page is about prompts and traces."""
# -P: Python puts no folder of the process before our own modules.
PYTHON = (sys.executable, "-P", "-m")


def stack_services(stack: Stack) -> list[Service]:
    """The services of ``stack``: the database (unless it is a server elsewhere), MLflow and Airflow's three."""
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
    port = stack.ports["mlflow"]
    address = f"http://127.0.0.1:{port}"
    # The nights write to its database by themselves; the server is for people.
    line = (*PYTHON, "cli.mlflow_server")
    return Service("mlflow", line, Http(f"{address}/health"), ("prepare",), address=address, on_demand=port)


def _airflow(stack: Stack) -> list[Service]:
    address = f"http://127.0.0.1:{stack.ports['airflow']}"
    health = f"{address}/api/v2/monitor/health"
    # No triggerer: nothing of ours waits in one.
    parts = {"scheduler": "scheduler", "dag-processor": "dag_processor"}
    # Its log server listens on every address of the machine; here the api-server reads the files.
    more = {"scheduler": ("--skip-serve-logs",)}
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
