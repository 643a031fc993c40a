"""Trials that are custom resources: trials follow what their operators say, and the primary pod alone is collected."""

import random
import string

import pytest
from conftest import BOTH_ENDS, NAMESPACE, ended, eventually, experiment, last_condition

COLLECTOR = "metrics-logger-and-collector"
# What is not collected prints better metrics, and prints them first.
OTHER = ["/bin/sh", "-c", "echo score=9"]
TRAINS = "echo score={x}; case {x} in 0.1) exit 3 ;; esac"
TRUE = "${trialParameters.x}"


def container(name, command):
    return {"name": name, "image": "diwan.test/busybox:1", "command": command}


def shell(script):
    return ["/bin/sh", "-c", script]


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
        "successCondition": 'status.[@this].#(phase=="Succeeded")#',
        "failureCondition": 'status.[@this].#(phase=="Failed")#',
        "trialSpec": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": spec},
    }


def pytorch_job(worker="pytorch"):
    def replica(container):
        return {"replicas": 1, "template": {"spec": {"containers": [container]}}}

    master = container("pytorch", shell(TRAINS.format(x=TRUE)))
    spec = {"pytorchReplicaSpecs": {"Worker": replica(container(worker, OTHER)), "Master": replica(master)}}
    job = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "spec": spec}
    return {"primaryContainerName": "pytorch", "trialSpec": job}


def train_job():
    script = f"case $JOB_COMPLETION_INDEX in 0) {TRAINS.format(x=TRUE)} ;; *) echo score=9 ;; esac"
    spec = {"runtimeRef": {"name": "plain"}, "trainer": {"numNodes": 2, "command": shell(script)}}
    job = {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "spec": spec}
    return {"primaryContainerName": "node", "trialSpec": job}


def pipeline_run():
    def task(name, command):
        return {"name": name, "taskSpec": {"steps": [container("run", command)]}}

    trains = task("train", shell(TRAINS.format(x="$(params.x)")))
    pipeline = {"tasks": [task("prepare", OTHER), trains]}
    spec = {"params": [{"name": "x", "value": TRUE}], "pipelineSpec": pipeline}
    return {
        "primaryContainerName": "step-run",
        "primaryPodLabels": {"tekton.dev/pipelineTask": "train"},
        "successCondition": 'status.conditions.#(type=="Succeeded")#|#(status=="True")#',
        "failureCondition": 'status.conditions.#(type=="Succeeded")#|#(status=="False")#',
        "trialSpec": {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "spec": spec},
    }


# Each with the words of its failure. Their trials have two pods.
KINDS = {
    "workflow": (workflow(), "child '{trial}-train' failed"),
    "pytorch-job": (pytorch_job(), "PyTorchJobFailed: PyTorchJob {trial} is failed because 1 Master"),
    "other-worker": (pytorch_job("loader"), "PyTorchJobFailed: PyTorchJob {trial} is failed because 1 Master"),
    "train-job": (train_job(), "FailedJobs: jobset failed due to one or more job failures"),
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


@pytest.mark.parametrize("kind", KINDS)
def test_trials_follow_their_job_and_its_primary_pod_alone_is_collected(katib, core, running, kind):
    _, words = KINDS[kind]
    status = ended(katib, running[kind]).status
    assert (status.trials_succeeded, status.trials_failed) == (1, 1)
    for trial in katib.list_trials(running[kind]):
        name, x = trial.metadata.name, trial.spec.parameter_assignments[0].value
        observed = trial.status.observation.metrics[0]
        assert (observed.latest, observed.max) == (x, x)
        if x == "0.1":
            said = last_condition(trial)
            assert said.type == "Failed"
            assert words.format(trial=name) in said.message and "exit code 3" in said.message, said.message
        pods = core.list_namespaced_pod(NAMESPACE, label_selector=f"katib.kubeflow.org/trial={name}").items
        # A Job that fails removes its other pods.
        assert len(pods) == 2 or x == "0.1"
        collected = [pod for pod in pods if COLLECTOR in names_of(pod)]
        assert len(collected) == 1
        wanted = trial.spec.primary_pod_labels
        assert wanted.items() <= collected[0].metadata.labels.items()


def names_of(pod):
    return [container.name for container in pod.spec.containers + (pod.spec.init_containers or [])]


def test_a_job_goes_with_its_trial(katib, core, operators, name):
    katib.create_experiment(experiment(name, None, trials=1, parallel=1, template=train_job()))
    ended(katib, name)
    eventually(lambda: not core.list_namespaced_pod(
        NAMESPACE, label_selector=f"katib.kubeflow.org/experiment={name}").items)
