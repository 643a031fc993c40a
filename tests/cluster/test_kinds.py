"""Trials that are custom resources: trials follow what their operators say, and the primary pod alone is collected."""

import random
import string
import time

import pytest
from conftest import BOTH_ENDS, NAMESPACE, ended, eventually, experiment, last_condition

COLLECTOR = "metrics-logger-and-collector"
IMAGE = "diwan.test/busybox:1"
# What is not collected prints better metrics.
OTHER = ["/bin/sh", "-c", "echo score=9"]
TRAINS = "echo score={x}; case {x} in 0.1) exit 3 ;; esac"
TRUE = "${trialParameters.x}"


def container(name, command):
    return {"name": name, "image": IMAGE, "command": command}


def shell(script):
    return ["/bin/sh", "-c", script]


def pod(container):
    return {"spec": {"restartPolicy": "Never", "containers": [container]}}


def ends(success, failure):
    return {"successCondition": success, "failureCondition": failure}


def workflow():
    def step(name, command, **labels):
        return {"name": name, "metadata": {"labels": labels}, "container": container("", command)}

    trains = shell(TRAINS.format(x="{{workflow.parameters.x}}"))
    steps = [[{"name": name, "template": name}] for name in ("prepare", "train")]
    spec = {
        "entrypoint": "all",
        "arguments": {"parameters": [{"name": "x", "value": TRUE}]},
        "templates": [{"name": "all", "steps": steps}, step("prepare", OTHER), step("train", trains, trains="yes")],
    }
    return {
        "primaryContainerName": "main",
        "primaryPodLabels": {"trains": "yes"},
        **ends('status.[@this].#(phase=="Succeeded")#', 'status.[@this].#(phase=="Failed")#'),
        "trialSpec": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": spec},
    }


def training_job(kind, field, name, roles):
    """A job of the training operator: of each role, so many replicas that run so."""
    replicas = {}
    for role, (number, container_name, command) in roles.items():
        template = {"spec": {"containers": [container(container_name, command)]}}
        replicas[role] = {"replicas": number, "restartPolicy": "Never", "template": template}
    job = {"apiVersion": "kubeflow.org/v1", "kind": kind, "spec": {field: replicas}}
    return {"primaryContainerName": name, "trialSpec": job}


def led_job(kind, field, name, leader, worker=None):
    trains = shell(TRAINS.format(x=TRUE))
    return training_job(kind, field, name, {leader: (1, name, trains), "Worker": (1, worker or name, OTHER)})


def workers_job(kind, field, name):
    script = f"case $HOSTNAME in *-worker-0) {TRAINS.format(x=TRUE)} ;; *) echo score=9 ;; esac"
    return training_job(kind, field, name, {"Worker": (2, name, shell(script))})


def train_job():
    script = f"case $JOB_COMPLETION_INDEX in 0) {TRAINS.format(x=TRUE)} ;; *) echo score=9 ;; esac"
    spec = {"runtimeRef": {"name": "plain"}, "trainer": {"numNodes": 2, "command": shell(script)}}
    job = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "spec": spec}
    return {"primaryContainerName": "node", "trialSpec": job}


def job_set():
    def replicated(name, command):
        job = {"backoffLimit": 0, "template": pod(container(name, command))}
        return {"name": name, "replicas": 1, "template": {"spec": job}}

    spec = {"replicatedJobs": [replicated("load", OTHER), replicated("train", shell(TRAINS.format(x=TRUE)))]}
    job = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": spec}
    return {"primaryContainerName": "train", "trialSpec": job}


def ray_job():
    spec = {
        "entrypoint": TRAINS.format(x=TRUE),
        "submitterConfig": {"backoffLimit": 0},
        "submitterPodTemplate": pod({"name": "ray-job-submitter", "image": IMAGE}),
        "rayClusterSpec": {"headGroupSpec": {"rayStartParams": {}, "template": pod(container("ray-head", OTHER))}},
    }
    job = {"apiVersion": "ray.io/v1", "kind": "RayJob", "spec": spec}
    return {"primaryContainerName": "ray-job-submitter", "trialSpec": job}


def volcano_job():
    def task(name, command):
        return {"name": name, "replicas": 1, "template": pod(container(name, command))}

    tasks = [task("load", OTHER), task("train", shell(TRAINS.format(x=TRUE)))]
    spec = {"minAvailable": 2, "schedulerName": "volcano", "queue": "default", "tasks": tasks}
    job = {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "spec": spec}
    return {"primaryContainerName": "train", "trialSpec": job}


def spark_application():
    executor = {"spec": {"containers": [{"name": "spark-kubernetes-executor", "image": IMAGE, "args": OTHER}]}}
    spec = {
        "type": "Python",
        "mode": "cluster",
        "image": IMAGE,
        "mainApplicationFile": "local:///bin/sh",
        "arguments": ["-c", TRAINS.format(x=TRUE)],
        "executor": {"instances": 1, "template": executor},
    }
    job = {"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "spec": spec}
    return {"primaryContainerName": "spark-kubernetes-driver", "trialSpec": job}


def pipeline_run():
    def task(name, command):
        return {"name": name, "taskSpec": {"steps": [container("run", command)]}}

    trains = task("train", shell(TRAINS.format(x="$(params.x)")))
    pipeline = {"tasks": [task("prepare", OTHER), trains]}
    spec = {"params": [{"name": "x", "value": TRUE}], "pipelineSpec": pipeline}
    succeeded = 'status.conditions.#(type=="Succeeded")#|#(status=="{}")#'
    return {
        "primaryContainerName": "step-run",
        "primaryPodLabels": {"tekton.dev/pipelineTask": "train"},
        **ends(succeeded.format("True"), succeeded.format("False")),
        "trialSpec": {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "spec": spec},
    }


# Each with the words of its failure. Their trials have two pods.
KINDS = {
    "workflow": (workflow(), "child '{trial}-train' failed"),
    "tf-job": (
        led_job("TFJob", "tfReplicaSpecs", "tensorflow", "Chief"),
        "TFJobFailed: TFJob default/{trial} has failed because 1 Chief replica(s) failed.",
    ),
    "pytorch-job": (
        led_job("PyTorchJob", "pytorchReplicaSpecs", "pytorch", "Master"),
        "PyTorchJobFailed: PyTorchJob {trial} is failed because 1 Master replica(s) failed.",
    ),
    "other-worker": (
        led_job("PyTorchJob", "pytorchReplicaSpecs", "pytorch", "Master", "loader"),
        "PyTorchJobFailed: PyTorchJob {trial} is failed because 1 Master replica(s) failed.",
    ),
    "xgboost-job": (
        led_job("XGBoostJob", "xgbReplicaSpecs", "xgboost", "Master"),
        "XGBoostJobFailed: XGBoostJob {trial} is failed because 1 Master replica(s) failed.",
    ),
    "mpi-job": (
        led_job("MPIJob", "mpiReplicaSpecs", "mpi", "Launcher"),
        "MPIJobFailed: MPIJob {trial} is failed because 1 Launcher replica(s) failed.",
    ),
    "jax-job": (
        workers_job("JAXJob", "jaxReplicaSpecs", "jax"),
        "JAXJobFailed: JAXJob {trial} is failed because 1 Worker replica(s) failed.",
    ),
    "paddle-job": (
        workers_job("PaddleJob", "paddleReplicaSpecs", "paddle"),
        "PaddleJobFailed: PaddleJob {trial} is failed because 1 Worker replica(s) failed.",
    ),
    "train-job": (train_job(), "FailedJobs: jobset failed due to one or more job failures (first failed job: {trial}-node-0"),
    "job-set": (job_set(), "FailedJobs: jobset failed due to one or more job failures (first failed job: {trial}-train-0"),
    "ray-job": (ray_job(), "AppFailed: Job entrypoint command failed"),
    # Volcano says no more; its pod does.
    "volcano-job": (volcano_job(), "Failed; pod {trial}-train-0, container train: "),
    "spark": (spark_application(), "FAILED: driver container failed with ExitCode: 3, Reason: Error"),
    "pipeline-run": (pipeline_run(), "Failed: Tasks Completed: 2 (Failed: 1"),
}


@pytest.fixture(scope="module")
def running(katib, operators):
    """An experiment of each kind, all running: its first trial ends well, its second badly."""
    end = "".join(random.choices(string.ascii_lowercase, k=5))
    names = {kind: f"{kind}-{end}" for kind in KINDS}
    for kind, (template, _) in KINDS.items():
        template = {"retain": True, **template}
        katib.create_experiment(experiment(names[kind], None, trials=2, template=template, initialTrials=BOTH_ENDS))
    yield names
    for name in names.values():
        katib.delete_experiment(name)


def trial_at(katib, name, x):
    """The trial at a point, when both have ended."""
    status = ended(katib, name, timeout=240).status
    assert (status.trials_succeeded, status.trials_failed) == (1, 1)
    [trial] = [one for one in katib.list_trials(name) if one.spec.parameter_assignments[0].value == x]
    observed = trial.status.observation.metrics[0]
    assert (observed.latest, observed.max) == (x, x)
    return trial


def collected_and_others(core, trial):
    """The pods of a trial."""
    pods = core.list_namespaced_pod(NAMESPACE, label_selector=f"katib.kubeflow.org/trial={trial.metadata.name}").items
    return [pod for pod in pods if is_collected(pod)], [pod for pod in pods if not is_collected(pod)]


def is_collected(pod):
    """By a container, or by the log where only the image knows the command."""
    return COLLECTOR in names_of(pod) or (pod.metadata.annotations or {}).get("diwan.dev/collect") == "logs"


def names_of(pod):
    return [container.name for container in pod.spec.containers + (pod.spec.init_containers or [])]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_follows_its_job_and_its_primary_pod_alone_is_collected(katib, core, running, kind):
    trial = trial_at(katib, running[kind], "0.9")
    assert last_condition(trial).type == "Succeeded"
    collected, others = collected_and_others(core, trial)
    assert (len(collected), len(others)) == (1, 1)
    wanted = trial.spec.primary_pod_labels or {}
    assert wanted.items() <= collected[0].metadata.labels.items()


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_fails_tells_why(katib, core, running, kind):
    trial = trial_at(katib, running[kind], "0.1")
    _, words = KINDS[kind]
    said = last_condition(trial)
    assert said.type == "Failed"
    assert words.format(trial=trial.metadata.name) in said.message and "exit code 3" in said.message, said.message
    # A Job that fails removes its other pods.
    collected, _ = collected_and_others(core, trial)
    assert len(collected) == 1


def test_a_wrong_primary_container_is_told_with_those_there_are(katib, operators, name):
    """Of a Job it is refused; what containers the pods of a Workflow have is seen when there are some."""
    katib.create_experiment(experiment(name, None, trials=1, parallel=1,
                                       template=workflow() | {"primaryContainerName": "training"}))
    words = "none of its pods has a container training: they have main, wait"
    eventually(lambda: any(words in last_condition(one).message for one in katib.list_trials(name) if one.status))


def test_a_kind_that_is_not_installed_is_told_and_not_tried_in_a_hurry(katib, name):
    job = {"apiVersion": "example.com/v1", "kind": "Missing", "spec": {"x": "${trialParameters.x}"}}
    template = {"successCondition": "status.phase==Done", "failureCondition": "status.phase==Failed"}
    endless = experiment(name, job, trials=None, parallel=2, template=template)
    katib.create_experiment(endless)
    words = "the cluster has no kind Missing of example.com/v1"
    eventually(lambda: any(words in last_condition(one).message for one in katib.list_trials(name) if one.status))
    time.sleep(10)
    assert len(katib.list_trials(name)) <= 12
    katib.delete_experiment(name)


def test_a_job_goes_with_its_trial(katib, core, operators, name):
    katib.create_experiment(experiment(name, None, trials=1, parallel=1, template=train_job()))
    ended(katib, name)
    eventually(lambda: not core.list_namespaced_pod(
        NAMESPACE, label_selector=f"katib.kubeflow.org/experiment={name}").items)
