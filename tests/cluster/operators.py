"""Stand-ins for the operators of kinds of job that Kubernetes does not know.

Each makes the pods that the real one makes, with its labels and owners, follows them, and says in the job's status how they
ended. Services, queues, schedulers and second attempts are left out.
"""

from collections import namedtuple
from copy import deepcopy
from itertools import count

import kinds
from kinds import CLUSTER_RUNTIME, JOB, JOB_SET, RAY_CLUSTER, TASK_RUN, at, objects
from stage import condition, with_values


def play_workflow(play):
    """Argo: the steps of the entrypoint, one after the other."""
    spec = with_values(play.spec, "{{workflow.parameters.%s}}", play.spec["arguments"]["parameters"])
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


# A kind of the training operator: where its replicas stand, the roles that lead, whether the first worker is called the
# master where there is none of these, and what is said of a failure.
Replicated = namedtuple("Replicated", "field leaders first_worker_is_master words")
FAILED = "{kind} {name} is failed because 1 {role} replica(s) failed."
TF_FAILED = "{kind} {namespace}/{name} has failed because 1 {role} replica(s) failed."
REPLICATED = {
    kinds.TF_JOB: Replicated("tfReplicaSpecs", {"Chief", "Master"}, True, TF_FAILED),
    kinds.PYTORCH_JOB: Replicated("pytorchReplicaSpecs", {"Master"}, True, FAILED),
    kinds.XGBOOST_JOB: Replicated("xgbReplicaSpecs", {"Master"}, False, FAILED),
    kinds.MPI_JOB: Replicated("mpiReplicaSpecs", {"Launcher"}, False, FAILED),
    kinds.JAX_JOB: Replicated("jaxReplicaSpecs", set(), True, FAILED),
    kinds.PADDLE_JOB: Replicated("paddleReplicaSpecs", {"Master"}, False, FAILED),
}


def play_replicas(play):
    """The training operator: all replicas at once. The leader's end is the job's; without a leader, the workers' is."""
    kind, row = play.resource.kind, REPLICATED[play.resource]
    replicas = play.spec[row.field]
    leaders = row.leaders & replicas.keys()
    pods = {role: replica_pods(play, role, replica, leaders) for role, replica in replicas.items()}
    play.say(conditions=[condition("Running", reason=f"{kind}Running")])
    for role in leaders or pods:
        if "Failed" in [play.phase_at_end(pod) for pod in pods[role]]:
            words = row.words.format(kind=kind, namespace=play.namespace, name=play.name, role=role)
            return play.say(conditions=[condition("Failed", reason=f"{kind}Failed", message=words)])
    play.say(conditions=[condition("Succeeded", reason=f"{kind}Succeeded")])


def replica_pods(play, role, replica, leaders):
    """The pods of a role."""
    prefix, kind = "training.kubeflow.org", role.lower()
    row = REPLICATED[play.resource]
    common = {f"{prefix}/operator-name": f"{play.resource.kind.lower()}-controller", f"{prefix}/job-name": play.name}
    pods = []
    for index in range(replica.get("replicas", 1)):
        labels = common | {f"{prefix}/replica-type": kind}
        # There is one launcher, and it has no number.
        place = kind
        if role != "Launcher":
            place = f"{kind}-{index}"
            labels[f"{prefix}/replica-index"] = str(index)
        stands_in = row.first_worker_is_master and not leaders and role == "Worker" and index == 0
        if role in leaders or stands_in:
            labels[f"{prefix}/job-role"] = "master"
        pods.append(play.make_pod(f"{play.name}-{place}", labels, replica["template"]["spec"]))
    return pods


def play_train_job(play):
    """Kubeflow Trainer: TrainJob → JobSet, of the runtime's container, as the TrainJob wants it."""
    runtime = objects().get_cluster_custom_object(*at(CLUSTER_RUNTIME), play.spec["runtimeRef"]["name"])
    job_set = runtime["spec"]["template"]["spec"]
    [replicated] = job_set["replicatedJobs"]
    template = replicated["template"]["spec"]
    [container] = template["template"]["spec"]["containers"]
    trainer = play.spec.get("trainer", {})
    container.update({field: trainer[field] for field in ("image", "command", "args", "env") if field in trainer})
    nodes = trainer.get("numNodes", 1)
    template.update(completions=nodes, parallelism=nodes)
    made = play.make(JOB_SET, play.name, spec=job_set)
    end = play.condition_at_end(JOB_SET, made, "Failed", "Completed")
    type = "Failed" if end["type"] == "Failed" else "Complete"
    play.say(conditions=[condition(type, reason=end["reason"], message=end["message"])])


def play_job_set(play):
    """JobSet: JobSet → Job → Pod, all at once; the first Job that fails fails it."""
    jobs, numbers = [], count()
    for replicated in play.spec["replicatedJobs"]:
        for index in range(replicated.get("replicas", 1)):
            prefix = "jobset.sigs.k8s.io"
            labels = {f"{prefix}/jobset-name": play.name, f"{prefix}/replicatedjob-name": replicated["name"]}
            labels |= {f"{prefix}/job-index": str(index), f"{prefix}/job-global-index": str(next(numbers))}
            spec = {"completionMode": "Indexed", **deepcopy(replicated["template"]["spec"])}
            metadata = spec["template"].setdefault("metadata", {})
            metadata["labels"] = metadata.get("labels", {}) | labels
            jobs.append(play.make(JOB, f"{play.name}-{replicated['name']}-{index}", labels=labels, spec=spec))
    for job in jobs:
        if play.condition_at_end(JOB, job, "Failed", "Complete")["type"] == "Failed":
            words = f"jobset failed due to one or more job failures (first failed job: {job['metadata']['name']})"
            return play.say(conditions=[condition("Failed", reason="FailedJobs", message=words)])
    play.say(conditions=[condition("Completed", reason="AllJobsCompleted", message="jobset completed successfully")])


def play_ray_job(play):
    """KubeRay: RayJob → RayCluster → the head's pod; RayJob → Job → the submitter's pod, which prints what Ray's job does.

    Here the submitter runs what it would submit, and the head nothing of it.
    """
    cluster, head = play.spec["rayClusterSpec"], play.spec["rayClusterSpec"]["headGroupSpec"]["template"]
    origin = {"ray.io/originated-from-cr-name": play.name, "ray.io/originated-from-crd": "RayJob"}
    made = play.make(RAY_CLUSTER, f"{play.name}-ray", labels=origin, spec=cluster)
    labels = {"ray.io/cluster": f"{play.name}-ray", "ray.io/node-type": "head", "ray.io/group": "headgroup"}
    play.make_pod(f"{play.name}-ray-head", labels | {"ray.io/is-ray-node": "yes"}, head["spec"], owner=made)
    play.say(jobDeploymentStatus="Running", jobStatus="RUNNING")
    template = deepcopy(play.spec["submitterPodTemplate"])
    template["spec"]["containers"][0].setdefault("command", ["/bin/sh", "-c", play.spec["entrypoint"]])
    spec = {"backoffLimit": play.spec["submitterConfig"]["backoffLimit"], "template": template}
    job = play.make(JOB, play.name, labels=origin, spec=spec)
    if play.condition_at_end(JOB, job, "Failed", "Complete")["type"] == "Failed":
        end = {"reason": "AppFailed", "message": "Job entrypoint command failed"}
        return play.say(jobDeploymentStatus="Failed", jobStatus="FAILED", **end)
    play.say(jobDeploymentStatus="Complete", jobStatus="SUCCEEDED", message="Job finished successfully.")


def play_volcano_job(play):
    """Volcano: the pods of all tasks at once. It ends when all have ended, well if `minAvailable` of them did."""
    pods = []
    for task in play.spec["tasks"]:
        for index in range(task.get("replicas", 1)):
            labels = {"volcano.sh/job-name": play.name, "volcano.sh/job-namespace": play.namespace}
            labels |= {"volcano.sh/task-spec": task["name"], "volcano.sh/task-index": str(index)}
            labels["volcano.sh/queue-name"] = play.spec["queue"]
            # Volcano's scheduler, whose name the real one writes into the pods, is not here.
            pods.append(play.make_pod(f"{play.name}-{task['name']}-{index}", labels, task["template"]["spec"]))
    play.say(state={"phase": "Running"}, conditions=[{"status": "Running"}])
    phases = [play.phase_at_end(pod) for pod in pods]
    succeeded = phases.count("Succeeded")
    phase = "Completed" if succeeded >= play.spec["minAvailable"] else "Failed"
    conditions = [{"status": "Running"}, {"status": phase}]
    play.say(state={"phase": phase}, conditions=conditions, succeeded=succeeded, failed=phases.count("Failed"))


def play_spark_application(play):
    """Spark's operator: SparkApplication → the driver's pod → those of executors. Only their images know their commands."""
    prefix = "sparkoperator.k8s.io"
    labels = {f"{prefix}/app-name": play.name, f"{prefix}/launched-by-spark-operator": "true"}
    arguments = [play.spec["mainApplicationFile"].removeprefix("local://"), *play.spec["arguments"]]
    container = {"name": "spark-kubernetes-driver", "image": play.spec["image"], "args": arguments}
    driver = play.make_pod(f"{play.name}-driver", {**labels, "spark-role": "driver"}, {"containers": [container]})
    play.say(applicationState={"state": "RUNNING"}, driverInfo={"podName": driver})
    executor, owner = play.spec["executor"], play.as_owner(driver)
    for number in range(1, executor["instances"] + 1):
        own = {"spark-role": "executor", "spark-exec-id": str(number)}
        play.make_pod(f"{play.name}-exec-{number}", labels | own, executor["template"]["spec"], owner=owner)
    if play.phase_at_end(driver) == "Failed":
        end = play.end_of_container(driver)
        words = f"driver container failed with ExitCode: {end.exit_code}, Reason: {end.reason}"
        return play.say(applicationState={"state": "FAILED", "errorMessage": words})
    play.say(applicationState={"state": "COMPLETED"})


def play_pipeline_run(play):
    """Tekton: PipelineRun → TaskRun → Pod, one task after the other."""
    spec = with_values(play.spec, "$(params.%s)", play.spec["params"])
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
    **dict.fromkeys(REPLICATED, play_replicas),
    kinds.WORKFLOW: play_workflow,
    kinds.TRAIN_JOB: play_train_job,
    kinds.JOB_SET: play_job_set,
    kinds.RAY_JOB: play_ray_job,
    kinds.VOLCANO_JOB: play_volcano_job,
    kinds.SPARK_APPLICATION: play_spark_application,
    kinds.PIPELINE_RUN: play_pipeline_run,
}
