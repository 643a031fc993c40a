"""Optimizers in images that katib-config names."""

from pathlib import Path

import pytest
from conftest import container, ended, eventually, experiment, job, last_condition
from kubernetes import client
from kubernetes.client.exceptions import ApiException

PROGRAM = Path(__file__).with_name("optimizer.py").read_text()


@pytest.fixture
def halving(katib_config, katib_image):
    """The name of an algorithm that Diwan has not, of which katib-config names an image."""
    image = {"image": f"diwan.test/{katib_image}:1", "command": ["python3", "-c", PROGRAM]}
    katib_config(suggestions=[{"algorithmName": "halving", **image}])
    return "halving"


def create(objects, made):
    """Creates an experiment as soon as its algorithm is known."""

    def is_made():
        try:
            objects.create_namespaced_custom_object("kubeflow.org", "v1beta1", "default", "experiments", made)
        except ApiException as error:
            assert "algorithmName" in error.body, error.body
            return False
        return True

    eventually(is_made, seconds=30)


def points(katib, name):
    return sorted(float(trial.spec.parameter_assignments[0].value) for trial in katib.list_trials(name))


@pytest.fixture
def volume(core, name):
    """A volume that a claim can have: nothing makes them here."""
    spec = {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": f"/tmp/{name}", "type": "DirectoryOrCreate"},
    }
    core.create_persistent_volume({"metadata": {"name": name}, "spec": spec})
    yield
    core.delete_persistent_volume(name)


@pytest.mark.parametrize("policy", ["Never", "LongRunning", "FromVolume"])
def test_an_optimizer_in_a_pod_of_its_own(katib, objects, halving, volume, policy, name):
    algorithm = {"algorithmName": halving, "algorithmSettings": [{"name": "from", "value": "0.8"}]}
    given = [{"parameterAssignments": [{"name": "x", "value": "0.9"}]}]
    made = experiment(name, job(container("echo score=$X")), trials=3, parallel=1, algorithm=algorithm,
                      resumePolicy=policy, initialTrials=given)
    create(objects, made)
    ended(katib, name)
    assert points(katib, name) == [0.2, 0.4, 0.9]
    apps = client.AppsV1Api()
    deployments = lambda: [one.metadata.name for one in apps.list_namespaced_deployment("default").items]  # noqa: E731
    if policy != "LongRunning":
        eventually(lambda: f"{name}-halving" not in deployments())
    if policy == "Never":
        return
    katib.edit_experiment_budget(name, max_trial_count=4)
    eventually(lambda: katib.get_experiment(name).status.trials_succeeded == 4)
    assert points(katib, name) == [0.1, 0.2, 0.4, 0.9]
    katib.delete_experiment(name)
    eventually(lambda: f"{name}-halving" not in deployments())


def test_an_optimizer_refuses_its_experiment(katib, objects, halving, name):
    algorithm = {"algorithmName": halving, "algorithmSettings": [{"name": "form", "value": "0.8"}]}
    create(objects, experiment(name, job(container("echo score=$X")), algorithm=algorithm))
    katib.wait_for_experiment_condition(name, expected_condition="Failed", timeout=120, polling_interval=1)
    assert "form is no setting of halving" in last_condition(katib.get_experiment(name)).message
