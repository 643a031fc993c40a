"""What crds/ installs, in pods, with the rights that it gives itself."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import container, each_once, ended, eventually, experiment, job
from kubernetes import client
from kubernetes.client.exceptions import ApiException

ROOT = Path(__file__).parents[2]
CRDS, POSTGRES = ROOT / "crds", ROOT / "tests/postgres"
DEPLOYMENT = "deployment/katib-controller"
CLAIM = {"name": "diwan-data", "namespace": "kubeflow"}


def kubectl(*words):
    return subprocess.run(["kubectl", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def volume(core, tmp_path):
    """A folder of this machine: nothing here makes volumes for claims."""
    os.chmod(tmp_path, 0o777)
    spec = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce"],
        "claimRef": CLAIM,
        "hostPath": {"path": str(tmp_path)},
    }
    core.create_persistent_volume({"metadata": {"name": CLAIM["name"]}, "spec": spec})
    yield
    core.delete_namespaced_persistent_volume_claim(**CLAIM)
    core.delete_persistent_volume(CLAIM["name"])


@contextmanager
def controllers(core, folder):
    """Controllers in pods, in place of the one beside the cluster."""
    beside = os.environ["DIWAN_TEST_CONTROLLER"]
    subprocess.run([beside, "stop"], check=True)
    kubectl("apply", "-k", str(folder))
    # There is no DNS in the cluster.
    address = core.read_namespaced_service("katib-db-manager", "kubeflow").spec.cluster_ip
    place = "/spec/template/spec/containers/0/command/-"
    patch = [{"op": "add", "path": place, "value": word} for word in ("--db-manager", f"{address}:6789")]
    try:
        kubectl("-n", "kubeflow", "patch", DEPLOYMENT, "--type", "json", "-p", json.dumps(patch))
        kubectl("-n", "kubeflow", "rollout", "status", DEPLOYMENT, "--timeout", "120s")
        yield
    finally:
        kubectl("-n", "kubeflow", "delete", DEPLOYMENT, "--cascade=foreground")
        subprocess.run([beside, "start"], check=True)


@pytest.fixture
def installed(volume, core):
    with controllers(core, CRDS):
        yield


@pytest.fixture
def database(core):
    """A server that pods reach, and the secret that tells its URL."""
    host, network = os.environ["DIWAN_TEST_DB_MANAGER"].split(":")[0], "10.244.0.0/16"
    told = subprocess.run([POSTGRES, "up", host, network], check=True, capture_output=True, text=True).stdout
    url = told.strip().partition("=")[2].replace("127.0.0.1", host)
    core.create_namespaced_secret("kubeflow", {"metadata": {"name": "diwan-database"}, "stringData": {"url": url}})
    yield
    core.delete_namespaced_secret("diwan-database", "kubeflow")
    subprocess.run([POSTGRES, "down"], check=True)


def scraped(core):
    """What Prometheus gets, by the port that the Service names."""
    where = client.CoreV1Api(core.api_client)
    return where.connect_get_namespaced_service_proxy_with_path("katib-controller:metrics", "kubeflow", "metrics")


def answers(objects, namespace, made):
    """Whether the webhooks are reached: a Service has its endpoints a moment after its pod is ready."""
    try:
        return objects.create_namespaced_custom_object(
            "kubeflow.org", "v1beta1", namespace, "experiments", made, dry_run="All")
    except ApiException as error:
        assert error.status == 500
        return None


def test_an_experiment_runs_and_is_counted(katib, core, objects, installed, name):
    before = {one.metadata.name for one in core.list_namespaced_pod("default").items}
    core.create_namespace({"metadata": {"name": name}})
    made = experiment(name, job(container("echo score=$X")), trials=2)
    made["metadata"]["namespace"] = name
    eventually(lambda: answers(objects, name, made))
    katib.create_experiment(made, namespace=name)
    katib.wait_for_experiment_condition(name, namespace=name, timeout=120, polling_interval=1)
    for trial in katib.list_trials(name, namespace=name):
        assert trial.status.observation.metrics[0].latest == trial.spec.parameter_assignments[0].value
    lines = scraped(core).splitlines()
    for counter in ("experiment_created", "experiment_succeeded"):
        assert f'katib_{counter}_total{{namespace="{name}"}} 1' in lines
    for counter in ("trial_created", "trial_succeeded"):
        assert f'katib_{counter}_total{{namespace="{name}"}} 2' in lines
    assert f'katib_trials_current{{namespace="{name}",status="Succeeded"}} 2' in lines
    # Experiments that ended before its database was made are no work for it.
    after = {one.metadata.name for one in core.list_namespaced_pod("default").items}
    assert after <= before
    core.delete_namespace(name)


def test_two_replicas_share_a_database_server(katib, core, objects, database, name):
    with controllers(core, ROOT / "examples/two-controllers"):
        pods = core.list_namespaced_pod("kubeflow", label_selector="katib.kubeflow.org/component=controller").items
        replicas = [pod for pod in pods if not pod.metadata.deletion_timestamp]
        assert len(replicas) == 2
        names = [f"{name}-{index}" for index in range(4)]
        made = [experiment(one, job(container("echo score=$X")), trials=10, template={"retain": True}) for one in names]
        eventually(lambda: answers(objects, "default", made[0]))
        for one in made:
            katib.create_experiment(one)
        core.delete_namespaced_pod(replicas[0].metadata.name, "kubeflow", grace_period_seconds=0)
        for one in names:
            ended(katib, one)
            each_once(katib, core, one, 10)
            katib.delete_experiment(one)
