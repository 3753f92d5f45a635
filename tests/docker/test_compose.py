"""docker/ without an engine: the files' structure, and that they speak of what the code knows."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import kombu.utils.scheduling
import pytest

from cli.environment import AIRFLOW
from ml.settings import PROJECT, Settings
from tests.docker import composition

SERVICES = composition.services()
SECRETS, OPTIONS = composition.example()
FILLED = dict.fromkeys(SECRETS, "s3cret")
ONE_SHOT = {"airflow-init"}
OURS = sorted(name for name, service in SERVICES.items() if "nightshift" in service["image"])


def test_the_services_are_the_stack():
    """Everything that ./nightshift up starts, plus Redis and workers."""
    assert set(SERVICES) == {
        "postgres",
        "redis",
        "airflow-init",
        "api-server",
        "scheduler",
        "dag-processor",
        "worker",
        "mlflow",
    }


def test_airflow_is_tuned_as_in_the_local_stack():
    """What was measured there holds here: pauses, limits of parsing, thresholds."""
    made = SERVICES["scheduler"]["environment"]
    assert {name: made.get(f"AIRFLOW__{name}") for name in AIRFLOW} == AIRFLOW


def test_it_follows_the_compose_specification():
    """compose.yaml is valid by the specification's own schema, which check-jsonschema carries."""
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed (requirements-dev.txt)")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.compose-spec",
            str(composition.FOLDER / "compose.yaml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_no_rights_that_it_does_not_need(name):
    """A user that is not root, a read-only root, no capability, no way to gain one."""
    service = SERVICES[name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert not service.get("cap_add")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_loopback_is_published(name):
    """A published port is bound to 127.0.0.1."""
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_every_service_tells_its_health(name):
    """A health check with bounds; who depends on a service waits until it is healthy."""
    assert set(SERVICES[name]["healthcheck"]) >= {"test", "interval", "timeout", "retries"}
    for other, how in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how == {"condition": expected}


def test_the_worker_can_be_scaled():
    """No name and no port of its own stands in the way of --scale worker=N."""
    assert "container_name" not in SERVICES["worker"]
    assert "ports" not in SERVICES["worker"]


def test_a_worker_empties_the_queue_of_the_lanes_first():
    """It takes from the lanes' queue and from Airflow's own, in the order of their names."""
    environ = composition.environment("worker", FILLED)
    queues = SERVICES["worker"]["command"][-1].split(",")
    assert queues == sorted([environ["NIGHTSHIFT_LANE_QUEUE"], "default"])
    assert queues[0] == environ["NIGHTSHIFT_LANE_QUEUE"]
    strategy = environ["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__QUEUE_ORDER_STRATEGY"]
    cycle = kombu.utils.scheduling.cycle_by_name(strategy)([])
    cycle.update(reversed(queues))
    assert cycle.consume(2) == queues


def test_no_secret_is_written_down():
    """Every secret comes from the environment, and compose refuses to start without it."""
    text = (composition.FOLDER / "compose.yaml").read_text()
    for secret in SECRETS:
        assert f"${{{secret}:?" in text
        assert re.search(rf"^{secret}=$", (composition.FOLDER / ".env.example").read_text(), re.MULTILINE)
    with pytest.raises(KeyError, match="NIGHTSHIFT_DB_PASSWORD"):
        composition.environment("worker", {})


def test_the_example_lists_every_variable():
    """.env.example names all that compose.yaml reads, and nothing that it does not."""
    text = (composition.FOLDER / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+)", text)) == (SECRETS | OPTIONS) - {"NIGHTSHIFT_HOME"}


def test_every_nightshift_variable_is_read_by_somebody():
    """A NIGHTSHIFT_ name in compose.yaml is one that the code knows, and settings can be made from them."""
    environ = composition.environment("api-server", FILLED)
    sources = [*PROJECT.glob("ml/*.py"), *PROJECT.glob("plugins/**/*.py"), composition.FOLDER / "api_server.py"]
    code = "".join(path.read_text() for path in sources)
    assert [name for name in environ if name.startswith("NIGHTSHIFT_") and f'"{name}"' not in code] == []
    settings = Settings.from_env(environ)
    assert settings.database_url == "postgresql://nightshift:s3cret@postgres:5432/nightshift"
    assert settings.shop_url == settings.database_url
    assert (settings.threads, settings.memory_gb, settings.timezone) == (2, 8.0, "UTC")


def test_every_airflow_variable_is_an_option_of_airflow(tmp_path):
    """AIRFLOW__SECTION__KEY in compose.yaml is an option that this Airflow has; the broker's options are Kombu's, not listed by Airflow."""
    broker = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__"
    names = [
        n for n in composition.environment("worker", FILLED) if n.startswith("AIRFLOW__") and not n.startswith(broker)
    ]
    script = """
import sys
from airflow.configuration import conf
from airflow.providers_manager import ProvidersManager
known = {}
for section, told in [*conf.configuration_description.items(), *ProvidersManager().provider_configs]:
    known.setdefault(section.lower(), set()).update(key.lower() for key in told.get("options", ()))
split = {name: name.removeprefix("AIRFLOW__").lower().split("__") for name in sys.argv[1:]}
print("UNKNOWN", [name for name, (section, key) in split.items() if key not in known.get(section, ())])
"""
    environ = os.environ | {"AIRFLOW_HOME": str(tmp_path)}
    command = [sys.executable, "-c", script, *names]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert "UNKNOWN []" in done.stdout, done.stdout + done.stderr


def test_the_image_holds_what_it_runs():
    """The Dockerfile pins by hash, ends as a user without rights, and its ignore file lets the code through."""
    dockerfile = (composition.FOLDER / "Dockerfile").read_text()
    assert "--require-hashes" in dockerfile
    assert re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE) == [SERVICES["worker"]["user"]]
    assert "HEALTHCHECK" in dockerfile
    ignore = (composition.FOLDER / "Dockerfile.dockerignore").read_text().split()
    assert ignore[0] == "*"
    for name in ("ml", "plugins", "dags", "expectations"):
        assert f"!{name}" in ignore
    let_through = [line[1:] for line in ignore if line.startswith("!")]
    for path in PROJECT.glob("requirements*.txt"):  # --build-arg EXTRAS names one
        assert any(path.match(pattern) for pattern in let_through), path.name


def test_the_password_file_is_written_for_its_owner_alone(tmp_path):
    """The API server finds the passwords of the environment, mode 0600, and no process after it sees them there."""
    fake = tmp_path / "airflow"
    fake.write_text("#!/bin/sh\nenv\n")
    fake.chmod(0o755)
    path = tmp_path / "state" / "passwords.json"
    environ = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(path),
        "NIGHTSHIFT_ADMIN_PASSWORD": 'a "quoted" one',
        "NIGHTSHIFT_VIEWER_PASSWORD": "b",
    }
    command = [sys.executable, str(composition.FOLDER / "api_server.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert json.loads(path.read_text()) == {"admin": 'a "quoted" one', "viewer": "b"}
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert "quoted" not in done.stdout
    short = {k: v for k, v in environ.items() if "VIEWER" not in k}
    done = subprocess.run(command, env=short, capture_output=True, text=True, check=False)
    assert (done.returncode, "NIGHTSHIFT_VIEWER_PASSWORD" in done.stderr) == (1, True)
