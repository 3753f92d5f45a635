"""docker/kubernetes without a cluster: read by Kubernetes' own models, and each container's settings as a process of ours reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.environment import GIVEN
from ml.core import sizes
from ml.core.version import VERSION
from ml.settings import PROJECT
from nightshift_airflow import pods
from tests.docker import composition

FOLDER = PROJECT / "docker" / "kubernetes"
RELEASE = "nightshift"
CHART = os.environ.get("NIGHTSHIFT_CHART_SCHEMA", "")
MANIFESTS = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("pods/*.yaml")])
KINDS = {
    "Pod": "V1Pod",
    "ConfigMap": "V1ConfigMap",
    "Secret": "V1Secret",
    "Deployment": "V1Deployment",
    "Service": "V1Service",
    "NetworkPolicy": "V1NetworkPolicy",
    "ServiceAccount": "V1ServiceAccount",
    "PersistentVolumeClaim": "V1PersistentVolumeClaim",
}


def documents(name: str) -> list[dict[str, Any]]:
    """The objects in a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


VALUES = documents("values.yaml")[0]
SIZES = {path.stem: documents(f"pods/{path.name}")[0] for path in FOLDER.glob("pods/*.yaml")}
SERVICES = composition.services()
MLFLOW = documents("mlflow.yaml")[0]["spec"]["template"]
PODS = {**SIZES, "mlflow": MLFLOW}
SETTINGS, SECRET = documents("settings.yaml")[0]["data"], documents("secret.example.yaml")[0]["stringData"]


@pytest.mark.parametrize("path", [path for path in MANIFESTS if path.name != "values.yaml"], ids=lambda path: path.name)
def test_every_object_is_as_kubernetes_has_it(path: Path) -> None:
    """Read and written by the client's models an object is the same: no field is unknown, of another type or missing."""
    client = pytest.importorskip("kubernetes.client", reason="kubernetes is not installed (requirements-dev.txt)")
    api = client.ApiClient()
    for found in documents(str(path.relative_to(FOLDER))):
        # Quantities are texts to Kubernetes, and ports may be names: the model takes both as they are.
        read = api.deserialize(_Answer(json.dumps(found)), KINDS[found["kind"]])
        assert api.sanitize_for_serialization(read) == found


class _Answer:
    def __init__(self, data: str) -> None:
        self.data = data


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_no_rights_that_it_does_not_need(name: str) -> None:
    """Not root, a read-only root, no capability, no token of the cluster's; memory has a limit."""
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def _gib(text: str) -> float:
    return float(text.removesuffix("Gi"))


def test_the_sizes_differ_in_what_they_give_only() -> None:
    """The three templates are one but for name and resources; what a step believes to have is less than the pod's limit."""
    bare = []
    assert {
        name: _gib(pod["spec"]["containers"][0]["resources"]["limits"]["memory"]) for name, pod in SIZES.items()
    } == sizes.MEMORY_GIB
    for pod in SIZES.values():
        container = pod["spec"]["containers"][0]
        given = {entry["name"]: entry["value"] for entry in container["env"]}
        assert float(given["NIGHTSHIFT_MEMORY_GB"]) < _gib(container["resources"]["limits"]["memory"])
        assert given["NIGHTSHIFT_THREADS"] == given["OMP_NUM_THREADS"] == given["OPENBLAS_NUM_THREADS"]
        container = {name: value for name, value in container.items() if name not in {"env", "resources"}}
        bare.append({**pod["spec"], "containers": [container]})
    assert bare[0] == bare[1] == bare[2]


def test_each_step_names_a_template_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the KubernetesExecutor every task of a night has its template, and without it none."""
    from nightshift_airflow import factory

    assert {task.executor_config.get("pod_template_file") for task in factory.night().tasks} == {None}
    folder = next(entry["value"] for entry in VALUES["env"] if entry["name"] == pods.FOLDER)
    assert folder == f"/opt/nightshift/{(FOLDER / 'pods').relative_to(PROJECT)}"
    monkeypatch.setenv(pods.FOLDER, folder)
    made = [*factory.night().tasks, *factory.train("risk").tasks]
    templates = {task.task_id.split(".")[-1]: task.executor_config["pod_template_file"] for task in made}
    assert {Path(path).stem for path in templates.values()} == set(SIZES)
    assert templates["train"] == f"{folder}/heavy.yaml"


@pytest.mark.parametrize("name", PODS)
def test_a_pods_settings_are_what_its_process_reads(name: str, tmp_path: Path) -> None:
    """In the environment that a container gets, a process of ours finds all settings, of the container's size."""
    container = PODS[name]["spec"]["containers"][0]
    assert container["envFrom"] == [{"configMapRef": {"name": "nightshift"}}, {"secretRef": {"name": "nightshift"}}]
    own = {entry["name"]: entry["value"] for entry in container["env"]}
    filled = {key: value or "s3cret" for key, value in SECRET.items()}
    program = (
        "import os, json, importlib.util; from ml.settings import Settings; s = Settings.from_env(os.environ);"
        "print(json.dumps([s.lake_uri, s.memory_gb, s.threads, importlib.util.find_spec('cli.mlflow_server') is not None]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **SETTINGS, **filled, **own},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    lake, memory, threads, server = json.loads(done.stdout)
    assert (lake, server) == (SETTINGS["NIGHTSHIFT_LAKE_URI"], True)
    if name in SIZES:
        assert (memory, threads) == (float(own["NIGHTSHIFT_MEMORY_GB"]), int(own["NIGHTSHIFT_THREADS"]))


def test_a_task_reaches_the_api_server_and_nobody_a_task() -> None:
    """It is told the address of the chart's service, its labels are let in there, and nothing is let in to it."""
    assert SETTINGS["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"http://{RELEASE}-api-server:8080/execution/"
    assert f"helm install {RELEASE} " in (PROJECT / "docs" / "production.md").read_text(encoding="utf-8")
    peers = [peer["podSelector"]["matchLabels"] for peer in VALUES["apiServer"]["networkPolicy"]["ingress"]["from"]]
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in documents("network.yaml")}
    closed = policies["nightshift-tasks"]
    assert "ingress" not in closed
    for pod in SIZES.values():
        labels = pod["metadata"]["labels"].items()
        assert any(peer.items() <= labels for peer in peers)
        assert closed["podSelector"]["matchLabels"].items() <= labels
    assert policies["nightshift-mlflow"]["podSelector"]["matchLabels"].items() <= MLFLOW["metadata"]["labels"].items()


@pytest.mark.skipif(
    not CHART, reason="NIGHTSHIFT_CHART_SCHEMA names no values.schema.json of Airflow's chart (helm pull)"
)
def test_the_values_are_what_the_chart_allows() -> None:
    """Held against the schema that ``helm install`` holds them against."""
    import jsonschema

    schema = json.loads(Path(CHART).read_text(encoding="utf-8"))
    faults = jsonschema.Draft7Validator(schema).iter_errors(VALUES)
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_the_names_are_those_that_the_code_and_compose_know() -> None:
    """Nothing is set that nobody reads, and the image is of this version."""
    known = {
        *GIVEN,
        *composition.services()["scheduler"]["environment"],
        *composition.services()["mlflow"]["environment"],
    }
    assert {name for name in (*SETTINGS, *SECRET) if name.startswith(("NIGHTSHIFT", "MLFLOW"))} <= known
    assert VALUES["images"]["airflow"]["tag"] == VERSION
    assert MLFLOW["spec"]["containers"][0]["image"].endswith(f":{VERSION}")
    assert {key for key in SECRET if "-" in key} | {"connection"} == {
        "connection",
        "fernet-key",
        "api-secret-key",
        "jwt-secret",
    }
