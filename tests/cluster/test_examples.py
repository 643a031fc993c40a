"""Katib's end-to-end driver: its examples, cut short as it cuts them short, and its checks of what they leave behind."""

import re
from pathlib import Path

import pytest
import yaml
from kubeflow.katib import ApiClient
from kubeflow.katib.utils.utils import FakeResponse
from kubernetes import client
from kubernetes.client.exceptions import ApiException

FILES = Path(__file__).parents[2] / "examples/katib"
NAMESPACE = "kubeflow"
NAMES = [
    "hp-tuning/random",
    "hp-tuning/grid",
    "hp-tuning/bayesian-optimization",
    "hp-tuning/tpe",
    "hp-tuning/multivariate-tpe",
    "hp-tuning/cma-es",
    "hp-tuning/sobol",
    "hp-tuning/hyperband",
    "hp-tuning/hyperopt-distribution",
    "hp-tuning/optuna-distribution",
    "early-stopping/median-stop",
    "early-stopping/median-stop-with-json-format",
    "metrics-collector/file-metrics-collector",
    "metrics-collector/file-metrics-collector-with-json-format",
    "metrics-collector/metrics-collection-strategy",
    "resume-experiment/long-running-resume",
    "resume-experiment/from-volume-resume",
]
# Images that the cluster has, and epochs of a tenth of a second.
REPLACED = {
    "docker.io/library/busybox:1.37": "diwan.test/busybox:1",
    "docker.io/library/python:3.12-alpine": "diwan.test/python:1",
    "sleep 1": "sleep 0.1",
    "time.sleep(1)": "time.sleep(0.1)",
}


def read(name):
    text = (FILES / f"{name}.yaml").read_text()
    for found, replacement in REPLACED.items():
        text = text.replace(found, replacement)
    # The awk of the cluster's busybox has no mathematics.
    text = re.sub(r"(\([^()]+\)) \^ 2", r"\1 * \1", text)
    return ApiClient().deserialize(FakeResponse(yaml.safe_load(text)), "V1beta1Experiment")


def cut_short(experiment):
    spec = experiment.spec
    if spec.algorithm.algorithm_name == "hyperband":
        # All rungs of the first bracket, which has nine trials.
        spec.max_trial_count = 13
        return
    spec.max_trial_count, spec.parallel_trial_count, spec.max_failed_trial_count = 2, 1, 0
    if experiment.metadata.name == "random":
        spec.max_trial_count, spec.parallel_trial_count = 3, 2


@pytest.fixture(scope="module")
def running(katib):
    """All examples, started together."""
    experiments = {name: read(name) for name in NAMES}
    for experiment in experiments.values():
        cut_short(experiment)
        katib.create_experiment(experiment, NAMESPACE)
    yield {name: experiment.metadata.name for name, experiment in experiments.items()}
    for experiment in experiments.values():
        katib.delete_experiment(experiment.metadata.name, NAMESPACE)


def reached(katib, name, condition="Succeeded"):
    return katib.wait_for_experiment_condition(name, NAMESPACE, condition, timeout=240, polling_interval=1)


@pytest.mark.parametrize("example", NAMES)
def test_an_example_leaves_what_the_driver_looks_for(katib, running, example):
    name = running[example]
    experiment = reached(katib, name)
    if experiment.spec.resume_policy != "Never":
        katib.edit_experiment_budget(name, NAMESPACE, max_trial_count=3, parallel_trial_count=2)
        reached(katib, name, "Restarting")
        experiment = reached(katib, name)
    verify_metrics(experiment)
    verify_count(experiment)
    verify_suggestion(katib, experiment)


def verify_metrics(experiment):
    objective = experiment.spec.objective
    metrics = {metric.name: metric for metric in experiment.status.current_optimal_trial.observation.metrics}
    assert objective.objective_metric_name in metrics
    if reason(experiment) == "ExperimentGoalReached":
        best = metrics[objective.objective_metric_name]
        is_minimal = objective.type == "minimize"
        assert float(best.min) <= objective.goal if is_minimal else float(best.max) >= objective.goal


def verify_count(experiment):
    status = experiment.status
    if reason(experiment) == "ExperimentMaxTrialsReached":
        completed = (status.trials_succeeded or 0) + (status.trials_early_stopped or 0)
        assert completed == experiment.spec.max_trial_count


def reason(experiment):
    held = {one.type: one.reason for one in experiment.status.conditions if one.status == "True"}
    return held["Succeeded"]


def verify_suggestion(katib, experiment):
    name, policy = experiment.metadata.name, experiment.spec.resume_policy
    conditions = katib.get_suggestion(name, NAMESPACE).status.conditions
    held = [condition.type for condition in conditions if condition.status == "True"]
    assert ("Succeeded" if policy == "LongRunning" else "Running") not in held
    if policy == "LongRunning":
        return
    resource = f"{name}-{experiment.spec.algorithm.algorithm_name}"
    for read in (client.AppsV1Api().read_namespaced_deployment, client.CoreV1Api().read_namespaced_service):
        with pytest.raises(ApiException) as missing:
            read(resource, NAMESPACE)
        assert missing.value.status == 404
    if policy == "FromVolume":
        client.CoreV1Api().read_namespaced_persistent_volume_claim(resource, NAMESPACE)
