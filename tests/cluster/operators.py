"""Stand-ins for the operators of kinds of job that Kubernetes does not know.

Each makes the pods that the real one makes, with its labels and owners, follows them, and says in the job's status how they
ended.
"""

import json
import logging
import threading
from collections import namedtuple
from datetime import UTC, datetime
from functools import cache

from kubernetes import client
from kubernetes.client.exceptions import ApiException

Resource = namedtuple("Resource", "group version kind plural scope", defaults=["Namespaced"])

WORKFLOW = Resource("argoproj.io", "v1alpha1", "Workflow", "workflows")
PYTORCH_JOB = Resource("kubeflow.org", "v1", "PyTorchJob", "pytorchjobs")
TRAIN_JOB = Resource("trainer.kubeflow.org", "v1alpha1", "TrainJob", "trainjobs")
RUNTIME = Resource("trainer.kubeflow.org", "v1alpha1", "TrainingRuntime", "trainingruntimes")
CLUSTER_RUNTIME = Resource(
    "trainer.kubeflow.org", "v1alpha1", "ClusterTrainingRuntime", "clustertrainingruntimes", "Cluster")
JOB_SET = Resource("jobset.x-k8s.io", "v1alpha2", "JobSet", "jobsets")
PIPELINE_RUN = Resource("tekton.dev", "v1", "PipelineRun", "pipelineruns")
TASK_RUN = Resource("tekton.dev", "v1", "TaskRun", "taskruns")
JOB = Resource("batch", "v1", "Job", "jobs")

INSTALLED = [WORKFLOW, PYTORCH_JOB, TRAIN_JOB, RUNTIME, CLUSTER_RUNTIME, JOB_SET, PIPELINE_RUN, TASK_RUN]
# Seconds between two looks at what has changed.
EVERY = 0.3


def play_workflow(play):
    """Argo: the steps of the entrypoint, one after the other."""
    spec = with_values(play.job["spec"], "{{workflow.parameters.%s}}", play.job["spec"]["arguments"]["parameters"])
    templates = {template["name"]: template for template in spec["templates"]}
    play.say(phase="Running")
    for [step] in templates[spec["entrypoint"]]["steps"]:
        template = templates[step["template"]]
        labels = {"workflows.argoproj.io/workflow": play.name, "workflows.argoproj.io/completed": "false"}
        labels |= template.get("metadata", {}).get("labels", {})
        waits = {"name": "wait", "image": template["container"]["image"], "command": ["true"]}
        containers = [waits, {**template["container"], "name": "main"}]
        pod = play.make_pod(f"{play.name}-{step['name']}", labels, {"containers": containers})
        if play.phase_at_end(pod) == "Failed":
            return play.say(phase="Failed", message=f"child '{pod}' failed")
    play.say(phase="Succeeded")


def play_pytorch_job(play):
    """The training operator: all replicas at once; the master's end is the job's."""
    pods = {}
    for role, replica in play.job["spec"]["pytorchReplicaSpecs"].items():
        for index in range(replica.get("replicas", 1)):
            prefix, kind = "training.kubeflow.org", role.lower()
            labels = {f"{prefix}/operator-name": "pytorchjob-controller", f"{prefix}/job-name": play.name}
            labels |= {f"{prefix}/replica-type": kind, f"{prefix}/replica-index": str(index)}
            if role == "Master":
                labels[f"{prefix}/job-role"] = "master"
            pods[f"{kind}-{index}"] = play.make_pod(f"{play.name}-{kind}-{index}", labels, replica["template"]["spec"])
    play.say(conditions=[condition("Running", reason="PyTorchJobRunning")])
    if play.phase_at_end(pods["master-0"]) == "Failed":
        words = f"PyTorchJob {play.name} is failed because 1 Master replica(s) failed."
        return play.say(conditions=[condition("Failed", reason="PyTorchJobFailed", message=words)])
    play.say(conditions=[condition("Succeeded", reason="PyTorchJobSucceeded")])


def play_train_job(play):
    """Kubeflow Trainer and JobSet: TrainJob → JobSet → Job → Pod; the runtime's container, as the TrainJob wants it."""
    spec = play.job["spec"]
    runtime = objects().get_cluster_custom_object(*at(CLUSTER_RUNTIME), spec["runtimeRef"]["name"])
    [replicated] = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    template = replicated["template"]["spec"]
    [container] = template["template"]["spec"]["containers"]
    trainer = spec.get("trainer", {})
    container.update({field: trainer[field] for field in ("image", "command", "args", "env") if field in trainer})
    nodes = trainer.get("numNodes", 1)
    template.update(completionMode="Indexed", completions=nodes, parallelism=nodes)
    labels = {"jobset.sigs.k8s.io/jobset-name": play.name, "jobset.sigs.k8s.io/replicatedjob-name": replicated["name"]}
    template["template"]["metadata"] = {"labels": labels}
    job_set = play.make(JOB_SET, play.name, spec=runtime["spec"]["template"]["spec"])
    job = play.make(JOB, f"{play.name}-{replicated['name']}-0", owner=job_set, labels=labels, spec=template)
    if play.condition_at_end(job) == "Failed":
        words = "jobset failed due to one or more job failures"
        return play.say(conditions=[condition("Failed", reason="FailedJobs", message=words)])
    play.say(conditions=[condition("Complete", reason="AllJobsCompleted", message="jobset completed successfully")])


def play_pipeline_run(play):
    """Tekton: PipelineRun → TaskRun → Pod, one task after the other."""
    spec = with_values(play.job["spec"], "$(params.%s)", play.job["spec"]["params"])
    for done, task in enumerate(spec["pipelineSpec"]["tasks"], 1):
        name = f"{play.name}-{task['name']}"
        labels = {"tekton.dev/pipelineRun": play.name, "tekton.dev/pipelineTask": task["name"]}
        run = play.make(TASK_RUN, name, labels=labels, spec={"taskSpec": task["taskSpec"]})
        steps = [{**step, "name": f"step-{step['name']}"} for step in task["taskSpec"]["steps"]]
        pod = play.make_pod(f"{name}-pod", {**labels, "tekton.dev/taskRun": name}, {"containers": steps}, owner=run)
        play.say(conditions=[condition("Succeeded", "Unknown", reason="Running")])
        if play.phase_at_end(pod) == "Failed":
            words = f"Tasks Completed: {done} (Failed: 1, Cancelled 0), Skipped: 0"
            return play.say(conditions=[condition("Succeeded", "False", reason="Failed", message=words)])
    play.say(conditions=[condition("Succeeded", reason="Succeeded")])


OPERATORS = {
    WORKFLOW: play_workflow,
    PYTORCH_JOB: play_pytorch_job,
    TRAIN_JOB: play_train_job,
    PIPELINE_RUN: play_pipeline_run,
}


class Play:
    """One job, in the hands of its operator."""

    def __init__(self, resource, job, stopping):
        self.resource, self.job, self.stopping = resource, job, stopping
        self.name, self.namespace = job["metadata"]["name"], job["metadata"]["namespace"]

    def make(self, resource, name, owner=None, labels=None, **fields):
        body = self._body(name, owner, labels or {}, **fields)
        body |= {"apiVersion": f"{resource.group}/{resource.version}", "kind": resource.kind}
        return objects().create_namespaced_custom_object(
            resource.group, resource.version, self.namespace, resource.plural, body)

    def make_pod(self, name, labels, spec, owner=None):
        body = self._body(name, owner, labels, spec={"restartPolicy": "Never", **spec})
        core().create_namespaced_pod(self.namespace, body)
        return name

    def _body(self, name, owner, labels, **fields):
        owner = owner or self.job
        reference = {field: owner["metadata"][field] for field in ("name", "uid")}
        reference |= {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
        return {"metadata": {"name": name, "labels": labels, "ownerReferences": [reference]}, **fields}

    def say(self, **status):
        resource = self.resource
        objects().patch_namespaced_custom_object_status(
            resource.group, resource.version, self.namespace, resource.plural, self.name, {"status": status})

    def phase_at_end(self, pod):
        def phase():
            phase = core().read_namespaced_pod(pod, self.namespace).status.phase
            return phase if phase in ("Succeeded", "Failed") else None

        return self._first(phase)

    def condition_at_end(self, job):
        def ended():
            found = objects().get_namespaced_custom_object(
                JOB.group, JOB.version, self.namespace, JOB.plural, job["metadata"]["name"])
            held = [one["type"] for one in found.get("status", {}).get("conditions", []) if one["status"] == "True"]
            return next((type for type in ("Failed", "Complete") if type in held), None)

        return self._first(ended)

    def _first(self, look):
        while not (found := look()):
            if self.stopping.wait(EVERY):
                raise SystemExit
        return found


def condition(type, status="True", reason="", message=""):
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": type, "status": status, "reason": reason, "message": message, "lastTransitionTime": now}


def with_values(spec, reference, values):
    """A spec with the values of its parameters in place of references to them."""
    text = json.dumps(spec)
    for one in values:
        text = text.replace(reference % one["name"], one["value"])
    return json.loads(text)


@cache
def objects():
    return client.CustomObjectsApi()


@cache
def core():
    return client.CoreV1Api()


def at(resource):
    return resource.group, resource.version, resource.plural


def install():
    """Installs the kinds, with schemas that take anything."""
    api = client.ApiextensionsV1Api()
    for resource in INSTALLED:
        unless_there(api.create_custom_resource_definition, definition(resource))


def are_served():
    """Whether the kinds that were installed can be used."""
    try:
        return all("items" in objects().list_cluster_custom_object(*at(resource)) for resource in INSTALLED)
    except ApiException:
        return False


def unless_there(create, *arguments):
    try:
        create(*arguments)
    except ApiException as error:
        if error.status != 409:
            raise


def definition(resource):
    group, version, kind, plural, scope = resource
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = {"name": version, "served": True, "storage": True, "schema": anything, "subresources": {"status": {}}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    metadata = {"name": f"{plural}.{group}"}
    if group.endswith("k8s.io"):
        metadata["annotations"] = {"api-approved.kubernetes.io": "unapproved, a stand-in of tests"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {"group": group, "scope": scope, "names": names, "versions": [served]},
    }


def make_runtime(name, container):
    """Makes a runtime for TrainJobs of one container, which they call `node`."""
    step = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    pod = {"restartPolicy": "Never", "containers": [container]}
    job = {"metadata": {"labels": step}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}
    job_set = {"replicatedJobs": [{"name": "node", "template": job}]}
    body = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": CLUSTER_RUNTIME.kind,
        "metadata": {"name": name, "labels": {"trainer.kubeflow.org/framework": "plain"}},
        "spec": {"mlPolicy": {"numNodes": 1}, "template": {"spec": job_set}},
    }
    unless_there(objects().create_cluster_custom_object, *at(CLUSTER_RUNTIME), body)


def run(stopping):
    """Plays each new job in a thread of its own, until `stopping` is set."""
    known = set()
    while not stopping.wait(EVERY):
        for resource, operator in OPERATORS.items():
            try:
                jobs = objects().list_cluster_custom_object(*at(resource))["items"]
            except ApiException as error:
                logging.warning("cannot list %s: %s", resource.plural, error.reason)
                continue
            for job in jobs:
                uid = job["metadata"]["uid"]
                if uid not in known and "deletionTimestamp" not in job["metadata"]:
                    known.add(uid)
                    play = Play(resource, job, stopping)
                    threading.Thread(target=carry_out, args=(operator, play), daemon=True).start()


def carry_out(operator, play):
    try:
        operator(play)
    except ApiException as error:
        # Its job was deleted, and with it what it waited for.
        if error.status != 404:
            logging.exception("%s %s", play.resource.kind, play.name)
