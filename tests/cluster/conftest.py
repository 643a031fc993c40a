"""What the tests on a cluster share: Katib's own SDK, and experiments of busybox."""

import json
import os
import random
import shutil
import string
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

import kinds
import pytest
import stage
from kubeflow.katib import KatibClient
from kubernetes import client, config
from operators import OPERATORS

NAMESPACE = "default"
# Where the controller that `test` starts listens, as pods and the host reach it.
DB_MANAGER = os.environ["DIWAN_TEST_DB_MANAGER"]


@pytest.fixture(scope="session")
def katib():
    return KatibClient(namespace=NAMESPACE)


@pytest.fixture(scope="session")
def core():
    config.load_kube_config()
    return client.CoreV1Api()


@pytest.fixture(scope="session")
def batch():
    config.load_kube_config()
    return client.BatchV1Api()


@pytest.fixture(scope="session")
def objects():
    config.load_kube_config()
    return client.CustomObjectsApi()


@pytest.fixture(scope="session")
def katib_image(tmp_path_factory):
    """An image with this environment's packages, and bash, which the commands call that the SDKs make of functions.

    Another, `collector`, has the same files, and runs a collector.
    """
    here, root = Path(__file__).parent, tmp_path_factory.mktemp("root")
    packages = sysconfig.get_path("purelib", vars={"base": sys.base_prefix})
    left_out = shutil.ignore_patterns("pip", "setuptools", "pkg_resources", "pygments", "*pytest*", "__pycache__")
    shutil.copytree(sysconfig.get_path("purelib"), root / packages.lstrip("/"), ignore=left_out)
    for part in (["busybox"], ["program", "/bin/bash"], ["python"]):
        subprocess.run([here / "root", part[0], root, *part[1:]], check=True)
    (root / "bash").rename(root / "bin/bash")
    shutil.copy(here / "collector.py", root)
    for image, command in (("katib", ["python3"]), ("collector", ["--entrypoint", "python3", "/collector.py"])):
        subprocess.run([here / "image", image, root, *command], check=True)
    shutil.rmtree(root)
    return "katib"


@pytest.fixture(scope="session")
def operators(core, objects):
    """Custom kinds of job, operators that play them, and a runtime for TrainJobs."""
    kinds.install()
    eventually(kinds.are_served)
    container = {"name": "node", "image": "diwan.test/busybox:1"}
    kinds.make_runtime("plain", container)
    stopping = threading.Event()
    threading.Thread(target=stage.run, args=(OPERATORS, stopping), daemon=True).start()
    yield
    stopping.set()


@pytest.fixture
def katib_config(core):
    """Sets what katib-config says of the runtime, for as long as the test takes."""
    place = ("katib-config", "kubeflow")
    found = core.list_namespaced_config_map("kubeflow", field_selector="metadata.name=katib-config").items
    before = found[0].data if found else {}
    if not found:
        core.create_namespaced_config_map("kubeflow", {"metadata": {"name": "katib-config"}})

    def set_runtime(**runtime):
        text = json.dumps({"runtime": runtime})
        core.patch_namespaced_config_map(*place, {"data": {"katib-config.yaml": text}})

    yield set_runtime
    core.patch_namespaced_config_map(*place, {"data": {"katib-config.yaml": (before or {}).get("katib-config.yaml")}})


@pytest.fixture
def name(request):
    """A name of this test alone."""
    words = request.node.originalname.removeprefix("test_").replace("_", "-")[:24].strip("-")
    return words + "-" + "".join(random.choices(string.ascii_lowercase, k=5))


@pytest.fixture
def controller():
    """Kills the controller, and starts it again."""

    def restart():
        subprocess.run([os.environ["DIWAN_TEST_CONTROLLER"], "restart"], check=True)

    return restart


# The points of an experiment whose first trial is good and whose second is bad.
BOTH_ENDS = [{"parameterAssignments": [{"name": "x", "value": value}]} for value in ("0.9", "0.1")]


def container(script, image="busybox", command=None, **more):
    command = command or ["/bin/sh", "-c", script]
    # A template must use its parameters.
    env = [{"name": "X", "value": "${trialParameters.x}"}]
    return {"name": "main", "image": f"diwan.test/{image}:1", "command": command, "env": env, **more}


def job(container, **pod):
    spec = {"restartPolicy": "Never", "containers": [container], **pod}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": {"spec": spec}}}


def experiment(name, job, trials=3, parallel=2, **spec):
    """An experiment that maximises `score` over a number `x` from 0 to 1."""
    template = {
        "primaryContainerName": "main",
        "trialParameters": [{"name": "x", "reference": "x"}],
        "trialSpec": job,
        **spec.pop("template", {}),
    }
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "objective": {"type": "maximize", "objectiveMetricName": "score"},
            "algorithm": {"algorithmName": "random"},
            "parallelTrialCount": parallel,
            "maxTrialCount": trials,
            "maxFailedTrialCount": trials,
            "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
            "trialTemplate": template,
            **spec,
        },
    }


def ended(katib, name, timeout=180):
    """Waits until an experiment has ended well, and returns it."""
    katib.wait_for_experiment_condition(name, expected_condition="Succeeded", timeout=timeout, polling_interval=1)
    return katib.get_experiment(name)


def eventually(holds, seconds=120):
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.5)


def last_condition(trial):
    return trial.status.conditions[-1]


def each_once(katib, core, name, trials):
    """Every trial was launched once, and what it reported is there."""
    status = katib.get_experiment(name).status
    assert status.trials == status.trials_succeeded == trials
    found = katib.list_trials(name)
    # By the label of Jobs: a pod that was created while the webhook was down has none of ours.
    jobs = {trial.metadata.name for trial in found}
    pods = core.list_namespaced_pod("default", label_selector="batch.kubernetes.io/job-name").items
    launched = [pod.metadata.labels["batch.kubernetes.io/job-name"] for pod in pods]
    assert sorted(one for one in launched if one in jobs) == sorted(jobs)
    assert len(jobs) == trials
    for trial in found:
        assert trial.status.observation.metrics[0].latest == trial.spec.parameter_assignments[0].value
