"""Custom kinds that the cluster is taught, and the clients that they are used with."""

from collections import namedtuple
from functools import cache

from kubernetes import client
from kubernetes.client.exceptions import ApiException

Resource = namedtuple("Resource", "group version kind plural scope", defaults=["Namespaced"])

WORKFLOW = Resource("argoproj.io", "v1alpha1", "Workflow", "workflows")
TF_JOB = Resource("kubeflow.org", "v1", "TFJob", "tfjobs")
PYTORCH_JOB = Resource("kubeflow.org", "v1", "PyTorchJob", "pytorchjobs")
XGBOOST_JOB = Resource("kubeflow.org", "v1", "XGBoostJob", "xgboostjobs")
MPI_JOB = Resource("kubeflow.org", "v1", "MPIJob", "mpijobs")
JAX_JOB = Resource("kubeflow.org", "v1", "JAXJob", "jaxjobs")
PADDLE_JOB = Resource("kubeflow.org", "v1", "PaddleJob", "paddlejobs")
TRAIN_JOB = Resource("trainer.kubeflow.org", "v1alpha1", "TrainJob", "trainjobs")
RUNTIME = Resource("trainer.kubeflow.org", "v1alpha1", "TrainingRuntime", "trainingruntimes")
CLUSTER_RUNTIME = Resource(
    "trainer.kubeflow.org", "v1alpha1", "ClusterTrainingRuntime", "clustertrainingruntimes", "Cluster")
JOB_SET = Resource("jobset.x-k8s.io", "v1alpha2", "JobSet", "jobsets")
RAY_JOB = Resource("ray.io", "v1", "RayJob", "rayjobs")
RAY_CLUSTER = Resource("ray.io", "v1", "RayCluster", "rayclusters")
VOLCANO_JOB = Resource("batch.volcano.sh", "v1alpha1", "Job", "jobs")
SPARK_APPLICATION = Resource("sparkoperator.k8s.io", "v1beta2", "SparkApplication", "sparkapplications")
PIPELINE_RUN = Resource("tekton.dev", "v1", "PipelineRun", "pipelineruns")
TASK_RUN = Resource("tekton.dev", "v1", "TaskRun", "taskruns")

JOB = Resource("batch", "v1", "Job", "jobs")

INSTALLED = [WORKFLOW, TF_JOB, PYTORCH_JOB, XGBOOST_JOB, MPI_JOB, JAX_JOB, PADDLE_JOB, TRAIN_JOB, RUNTIME, CLUSTER_RUNTIME]
INSTALLED += [JOB_SET, RAY_JOB, RAY_CLUSTER, VOLCANO_JOB, SPARK_APPLICATION, PIPELINE_RUN, TASK_RUN]


def at(resource):
    return resource.group, resource.version, resource.plural


@cache
def connection():
    configuration = client.Configuration.get_default_copy()
    # Each job has a thread: with the usual pool, most of their requests would make a connection of their own.
    configuration.connection_pool_maxsize = 64
    return client.ApiClient(configuration)


@cache
def objects():
    return client.CustomObjectsApi(connection())


@cache
def core():
    return client.CoreV1Api(connection())


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
