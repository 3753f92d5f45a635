"""The environment of every process of a Nightshift, made in this one place.

What a person sets (``NIGHTSHIFT_*`` in the environment, else in ``<home>/nightshift.env``), the ports and the secrets
go in; variables for the pipeline, for Airflow and for MLflow come out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cli.home import Home, read_json
from cli.urls import asynchronous, check_url, database_urls, sqlalchemy
from ml.core import machine
from ml.core.errors import NightshiftError, WrongUse
from ml.settings import ENGINES, PROJECT, Settings, artifact_root, check_engine, check_speech, check_zone

MARKER = "NIGHTSHIFT_STACK_ID"
"""Set in every process of a stack; ``down`` finds by it what a killed supervisor left behind."""

GIVEN = (
    "NIGHTSHIFT_DATABASE_URL",
    "NIGHTSHIFT_SHOP_URL",
    "NIGHTSHIFT_LAKE_URI",
    "NIGHTSHIFT_TIMEZONE",
    "NIGHTSHIFT_CURRENCY",
    "NIGHTSHIFT_PICTURES",
    "NIGHTSHIFT_RECORDINGS",
    "NIGHTSHIFT_SPEECH",
    "NIGHTSHIFT_SCHEDULE",
    "NIGHTSHIFT_HASH_KEY",
    "NIGHTSHIFT_THREADS",
    "NIGHTSHIFT_MEMORY_GB",
    "NIGHTSHIFT_LEARN_CUSTOMERS",
    "NIGHTSHIFT_ENGINE",
    "NIGHTSHIFT_SPARK_MASTER",
    "NIGHTSHIFT_SPARK_PROPERTIES",
    "NIGHTSHIFT_PARALLEL_TASKS",
    "NIGHTSHIFT_SHARDS_AT_ONCE",
    "NIGHTSHIFT_DEADLINE_HOURS",
    "NIGHTSHIFT_ALERT_URL",
    "NIGHTSHIFT_BACKUP_URI",
    "NIGHTSHIFT_BACKUP_KEY",
    "NIGHTSHIFT_BACKUP_KEEP",
)
"""What a person may set for a stack."""

AIRFLOW = {
    # How long a task whose process was killed with its supervisor (or with the scheduler) is thought to run: 300 s each by
    # default, in which the night stands still (bench kills).
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",
    # While tasks run; the plugin makes it a second while nothing does.
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
    # A task's supervisor sees that its process has ended at its next heartbeat: 5 s late by default.
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # By default a parse may take 30 s, a file 50 s, and a DAG that was not parsed for 50 s is deactivated: on a machine
    # that was busy the DAGs were gone. Parsing all takes half a second (bench parse), so these are for a machine that
    # stands still.
    "CORE__DAGBAG_IMPORT_TIMEOUT": "300",
    "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "600",
    "DAG_PROCESSOR__STALE_DAG_THRESHOLD": "3600",
    "DAG_PROCESSOR__HEALTH_CHECK_THRESHOLD": "120",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "120",
    # The files change with a new version only, and a start parses them at once.
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
    "DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
}
"""What is Airflow's own to choose, the same here and in docker/compose.yaml."""


@dataclass(frozen=True)
class Server:
    """The embedded PostgreSQL: its data, its programs, and the OS user it runs as (empty: ours)."""

    data: str
    programs: str
    os_user: str = ""


@dataclass(frozen=True)
class Stack:
    """What a stack was started with; kept in ``stack.json``."""

    ports: dict[str, int]
    given: dict[str, str]
    postgres: Server | None

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def read(cls, home: Home) -> Stack | None:
        """The stack of ``home`` that was started last."""
        raw = read_json(home.stack_file)
        if raw is None:
            return None
        return cls(raw["ports"], raw["given"], Server(**raw["postgres"]) if raw["postgres"] else None)

    @classmethod
    def last(cls, home: Home) -> Stack:
        """As :meth:`read`, for those who cannot do without."""
        stack = cls.read(home)
        if stack is None:
            raise NightshiftError(
                "The stack was never started.", came=f"no {home.stack_file}", do="run ./nightshift up"
            )
        return stack


def given(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """What the person set: the environment first, then ``nightshift.env``."""
    lines = home.config_file.read_text().splitlines() if home.config_file.exists() else []
    pairs = [line.partition("=") for line in lines if line.strip() and not line.lstrip().startswith("#")]
    known = {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}
    unknown = sorted(set(known) - set(GIVEN))
    if unknown:
        raise WrongUse(
            "A setting is not known.", came=f"{home.config_file}: {', '.join(unknown)}", do="known: " + ", ".join(GIVEN)
        )
    known |= {name: environ[name] for name in GIVEN if environ.get(name)}
    for name in ("NIGHTSHIFT_DATABASE_URL", "NIGHTSHIFT_SHOP_URL"):
        if name in known:
            check_url(known[name], name)
    check_zone(known.get("NIGHTSHIFT_TIMEZONE", "UTC"))
    check_engine(known.get("NIGHTSHIFT_ENGINE", ENGINES[0]))
    check_speech(known.get("NIGHTSHIFT_SPEECH", ""))
    if file := known.get("NIGHTSHIFT_SPARK_PROPERTIES"):
        known["NIGHTSHIFT_SPARK_PROPERTIES"] = str(Path(file).resolve())  # the stack's processes run elsewhere
    return known


def pipeline(home: Home, stack: Stack, secrets: Mapping[str, str]) -> dict[str, str]:
    """Variables that ``ml/`` reads (see :class:`ml.settings.Settings`), and those that keep its libraries in bounds."""
    urls = database_urls(stack, secrets)
    threads = stack.given.get("NIGHTSHIFT_THREADS") or str(machine.cores())
    third_of_memory = max(1, round(machine.memory_gib() / 3))
    defaults = {
        "NIGHTSHIFT_TIMEZONE": "UTC",
        "NIGHTSHIFT_HASH_KEY": secrets["hash_key"],
        "NIGHTSHIFT_THREADS": threads,
        "NIGHTSHIFT_MEMORY_GB": str(third_of_memory),
        "NIGHTSHIFT_LAKE_URI": str(home.root / "lake"),
    }
    return {
        **defaults,
        **stack.given,
        "NIGHTSHIFT_HOME": str(home.root),
        "NIGHTSHIFT_DATABASE_URL": urls["nightshift"],
        "NIGHTSHIFT_MLFLOW_URI": sqlalchemy(urls["mlflow"]),
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": artifact_root(stack.given.get("NIGHTSHIFT_LAKE_URI", ""), home.root),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "OMP_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "PASSIVE",
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
    }


def services(home: Home, stack: Stack, secrets: Mapping[str, str]) -> dict[str, str]:
    """Variables of the stack's own processes: those of the pipeline, Airflow's, MLflow's, and the marker."""
    mlflow = {
        "MLFLOW_BACKEND_STORE_URI": sqlalchemy(database_urls(stack, secrets)["mlflow"]),
        # Job execution starts seven more processes that outlive the server's SIGTERM.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "NIGHTSHIFT_MLFLOW_WEB": f"http://127.0.0.1:{stack.ports['mlflow']}",
    }
    python = {
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        # setproctitle would write over the memory that the marker is read from.
        "SPT_NOENV": "1",
        # A dozen Python processes: fewer malloc arenas save some 20 % of their memory.
        "MALLOC_ARENA_MAX": "2",
    }
    marker = {MARKER: secrets["stack_id"]}
    return pipeline(home, stack, secrets) | mlflow | python | marker | _airflow(home, stack, secrets)


def _airflow(home: Home, stack: Stack, secrets: Mapping[str, str]) -> dict[str, str]:
    url = database_urls(stack, secrets)["airflow"]
    web = f"http://127.0.0.1:{stack.ports['airflow']}"
    config = {
        "DATABASE__SQL_ALCHEMY_CONN": sqlalchemy(url),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": asynchronous(url),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": stack.given.get("NIGHTSHIFT_PARALLEL_TASKS", "4"),
        "CORE__FERNET_KEY": secrets["airflow_fernet_key"],
        "CORE__EXECUTION_API_SERVER_URL": f"{web}/execution/",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords_file),
        "API__HOST": "127.0.0.1",
        "API__PORT": str(stack.ports["airflow"]),
        "API__BASE_URL": web,
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets["airflow_secret_key"],
        "API_AUTH__JWT_SECRET": secrets["airflow_jwt_secret"],
        # A task whose process was killed is found and tried again after a minute, not after five.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",
        "LOGGING__BASE_LOG_FOLDER": str(home.logs / "airflow"),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home.logs / "airflow" / "dag_processor"),
    }
    if "://" in stack.given.get("NIGHTSHIFT_LAKE_URI", ""):
        config["LOGGING__LOGGING_CONFIG_CLASS"] = "ml.adapters.logs.LOGGING_CONFIG"
    if not stack.postgres:
        config["DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC"] = "cli.asyncpg_arguments.ARGUMENTS"
    return {"AIRFLOW_HOME": str(home.airflow)} | {
        f"AIRFLOW__{name}": value for name, value in (AIRFLOW | config).items()
    }


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would change a child's behaviour behind our back."""
    prefixes = ("AIRFLOW", "MLFLOW", "NIGHTSHIFT_", "PYTHON", "PG", "_AIRFLOW", "_MLFLOW")
    kept = {name: value for name, value in environ.items() if not name.startswith(prefixes)}
    # Airflow starts helpers by name; they must come from this environment.
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"}


def settings(environ: Mapping[str, str] | None = None, *, may_differ: Collection[str] = ()) -> tuple[Home, Settings]:
    """Settings for pipeline calls in this process; sets the environment of the libraries as in the stack's processes.

    A setting of ``may_differ`` may be another one than the stack was started with, and then is taken.
    """
    environ = os.environ if environ is None else environ
    home = Home.find(environ)
    stack, wanted = Stack.last(home), given(home, environ)
    refuse_other_settings(stack, wanted, may_differ)
    own = {name: wanted[name] for name in may_differ if name in wanted}
    stack = replace(stack, given=stack.given | own)
    variables = pipeline(home, stack, home.secrets())
    # For the libraries; ours get Settings, and the person's own NIGHTSHIFT_* stay what the person set.
    os.environ.update({name: value for name, value in variables.items() if not name.startswith("NIGHTSHIFT_")})
    return home, Settings.from_env(variables)


def zone(home: Home, environ: Mapping[str, str]) -> str:
    """The shop's time zone: of the stack that was started last, else as the person sets it."""
    stack = Stack.read(home)
    return (stack.given if stack else given(home, environ)).get("NIGHTSHIFT_TIMEZONE") or "UTC"


def refuse_other_settings(stack: Stack, wanted: Mapping[str, str], may_differ: Collection[str] = ()) -> None:
    """Raise if ``wanted`` says anything else than what the stack was started with, ``may_differ`` aside."""
    differ = sorted(name for name, value in wanted.items() if stack.given.get(name) != value and name not in may_differ)
    if differ:
        raise NightshiftError(
            "The stack was started with other settings.",
            came="different now: " + ", ".join(differ),
            do="run ./nightshift down, then ./nightshift up",
        )
