"""What keeps trials from getting on is told, while it does; what becomes of them when all is deleted is not."""

import os
import urllib.request

import pytest
from conftest import container, ended, eventually, experiment, job, last_condition
from kubernetes import client
from kubernetes.client.exceptions import ApiException

KUEUE = "kueue.x-k8s.io/queue-name"


@pytest.mark.parametrize(
    ("change", "words"),
    [({"image": "diwan.test/missing:1"}, "ImagePull"), ({"resources": {"requests": {"cpu": "100"}}}, "Insufficient cpu")],
    ids=["image", "node"],
)
def test_a_trial_that_waits_says_for_what(katib, name, change, words):
    katib.create_experiment(experiment(name, job(container("echo score=1") | change), trials=1, parallel=1))
    trials = lambda: [trial for trial in katib.list_trials(name) if trial.status]  # noqa: E731
    eventually(lambda: any(words in last_condition(trial).message for trial in trials()), seconds=30)
    katib.delete_experiment(name)


def words_of(katib, name):
    """What the conditions of an experiment's trials say."""
    return " ".join(last_condition(trial).message for trial in katib.list_trials(name) if trial.status)


def test_a_quota_is_told_until_it_has_room(katib, core, name):
    core.create_namespace({"metadata": {"name": name}})
    core.create_namespaced_resource_quota(name, {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}})
    made = experiment(name, job(container("echo score=$X")), trials=1, parallel=1)
    made["metadata"]["namespace"] = name
    katib.create_experiment(made, namespace=name)

    def said():
        return [last_condition(one).message for one in katib.list_trials(name, namespace=name) if one.status]

    eventually(lambda: any("exceeded quota: full" in words for words in said()), seconds=30)
    core.delete_namespaced_resource_quota("full", name)
    katib.wait_for_experiment_condition(name, namespace=name, timeout=180, polling_interval=1)
    core.delete_namespace(name)


@pytest.fixture
def policy(core, name):
    """The cluster refuses pods with a label."""
    admission = client.AdmissionregistrationV1Api()
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    never = {"expression": "!has(object.metadata.labels) || !('unwanted' in object.metadata.labels)",
             "message": "pods like this are not wanted"}
    spec = {"matchConstraints": {"resourceRules": [pods]}, "validations": [never]}
    admission.create_validating_admission_policy({"metadata": {"name": name}, "spec": spec})
    binding = {"policyName": name, "validationActions": ["Deny"]}
    admission.create_validating_admission_policy_binding({"metadata": {"name": name}, "spec": binding})
    spec = {"containers": [{"name": "main", "image": "none"}]}
    pod = {"metadata": {"name": name, "labels": {"unwanted": "yes"}}, "spec": spec}

    def is_in_force():
        try:
            core.create_namespaced_pod("default", pod, dry_run="All")
        except ApiException as error:
            return "not wanted" in error.body
        return False

    eventually(is_in_force)
    yield
    admission.delete_validating_admission_policy_binding(name)
    admission.delete_validating_admission_policy(name)


def test_what_the_cluster_refuses_is_told_in_its_words(katib, policy, name):
    unwanted = job(container("echo score=1"))
    unwanted["spec"]["template"]["metadata"] = {"labels": {"unwanted": "yes"}}
    katib.create_experiment(experiment(name, unwanted, trials=1, parallel=1))
    eventually(lambda: "pods like this are not wanted" in words_of(katib, name), seconds=60)
    katib.delete_experiment(name)


def test_a_job_that_is_suspended_says_so(katib, batch, name):
    suspended = job(container("echo score=1"))
    suspended["metadata"] = {"labels": {KUEUE: "tuning"}}
    suspended["spec"]["suspend"] = True
    katib.create_experiment(experiment(name, suspended, trials=1, parallel=1))
    eventually(lambda: "waits for its turn in the queue tuning" in words_of(katib, name), seconds=30)
    [trial] = katib.list_trials(name)
    batch.patch_namespaced_job(trial.metadata.name, "default", {"spec": {"suspend": False}})
    ended(katib, name)
    assert words_of(katib, name) == "Trial has succeeded"


def test_a_job_that_begins_again_says_so(katib, name):
    fails = job(container("echo oh no >&2; exit 7"))
    fails["spec"]["backoffLimit"] = 1
    katib.create_experiment(experiment(name, fails, trials=1, parallel=1, maxFailedTrialCount=1))
    eventually(lambda: "its Job goes on after failures: 1" in words_of(katib, name), seconds=30)
    assert "exit code 7" in words_of(katib, name)
    katib.wait_for_experiment_condition(name, expected_condition="Failed", timeout=60, polling_interval=1)
    [trial] = katib.list_trials(name)
    last = katib.get_experiment(name).status.conditions[-1].message
    assert f"; the last was {trial.metadata.name}: Trial has failed. Job message: BackoffLimitExceeded" in last, last


def counted(what, namespace):
    """How often something has happened in a namespace, as the controller counts."""
    host, port = os.environ["DIWAN_TEST_DB_MANAGER"].split(":")
    with urllib.request.urlopen(f"http://{host}:8080/metrics") as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith(f"katib_{what}_total") and f'"{namespace}"' in line]
    return sum(float(line.split()[-1]) for line in found)


@pytest.mark.parametrize("how", ["foreground", "namespace"])
def test_nothing_fails_because_all_is_deleted(katib, core, name, how):
    core.create_namespace({"metadata": {"name": name}})
    made = experiment(name, job(container("echo score=1; sleep 600"), terminationGracePeriodSeconds=1), parallel=3)
    made["metadata"]["namespace"] = name
    katib.create_experiment(made, namespace=name)
    pods = lambda: core.list_namespaced_pod(name).items  # noqa: E731
    eventually(lambda: [pod.status.phase for pod in pods()] == ["Running"] * 3)
    if how == "namespace":
        core.delete_namespace(name)
        spaces = lambda: [one.metadata.name for one in core.list_namespace().items]  # noqa: E731
        eventually(lambda: name not in spaces())
    else:
        client.CustomObjectsApi().delete_namespaced_custom_object(
            "kubeflow.org", "v1beta1", name, "experiments", name, propagation_policy="Foreground")
        eventually(lambda: not pods())
        core.delete_namespace(name)
    eventually(lambda: counted("experiment_deleted", name) == 1)
    assert counted("trial_failed", name) == 0
    log = open("target/cluster/controller/0/log").read()
    assert not [line for line in log.splitlines() if name in line and "WARN" in line]
