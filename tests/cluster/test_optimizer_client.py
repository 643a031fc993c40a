"""The optimizer of Kubeflow's SDK, as it is on PyPI, drives Diwan; its trials are TrainJobs."""

import kinds
import pytest
from conftest import eventually
from kubeflow.optimizer import (
    GridSearch,
    KubernetesBackendConfig,
    Objective,
    OptimizerClient,
    RandomSearch,
    Search,
    TrainJobTemplate,
    TrialConfig,
)
from kubeflow.trainer import CustomTrainer

# One of its own: the client cannot list experiments of other optimizers than its two.
NAMESPACE = "optimizer"


@pytest.fixture(scope="module")
def optimizer(core, operators, katib_image):
    kinds.make_runtime("functions", {"name": "node", "image": f"diwan.test/{katib_image}:1"})
    core.create_namespace({"metadata": {"name": NAMESPACE}})
    yield OptimizerClient(KubernetesBackendConfig(namespace=NAMESPACE))
    core.delete_namespace(NAMESPACE)


def train(x, flavour):
    print(f"flavour={flavour}")
    print(f"loss={(float(x) - 0.5) ** 2}")


@pytest.fixture(scope="module")
def running(optimizer):
    """A random search and a grid, started together."""
    template = TrainJobTemplate(trainer=CustomTrainer(func=train), runtime="functions")
    searches = [
        (RandomSearch(random_state=1), {"x": Search.uniform(0, 1), "flavour": Search.choice(["a", "b"])}, 2),
        (GridSearch(), {"x": Search.choice([0.25, 0.5]), "flavour": Search.choice(["a", "b"])}, 4),
    ]
    return [
        optimizer.optimize(
            template,
            search_space=space,
            trial_config=TrialConfig(num_trials=trials, parallel_trials=2),
            objectives=[Objective("loss")],
            algorithm=algorithm,
        )
        for algorithm, space, trials in searches
    ]


def test_a_search_is_followed_to_its_best_result(optimizer, running):
    name, _ = running
    seen = []
    job = optimizer.wait_for_job_status(name, timeout=180, callbacks=[lambda job: seen.append(job.status)])
    assert job.status == "Complete" and "Running" in seen
    losses = {trial.name: float(trial.metrics[0].latest) for trial in job.trials}
    assert len(losses) == 2
    best = optimizer.get_best_results(name)
    assert float(best.metrics[0].min) == min(losses.values())
    assert (float(best.parameters["x"]) - 0.5) ** 2 == pytest.approx(min(losses.values()))
    [loss] = [line for line in optimizer.get_job_logs(name) if line.startswith("loss=")]
    assert float(loss.removeprefix("loss=")) == min(losses.values())


def test_a_grid_is_tried_to_its_end(optimizer, running):
    _, name = running
    job = optimizer.wait_for_job_status(name, timeout=180)
    tried = {(trial.parameters["x"], trial.parameters["flavour"]) for trial in job.trials}
    assert tried == {("0.25", "a"), ("0.25", "b"), ("0.5", "a"), ("0.5", "b")}
    assert optimizer.get_best_results(name).parameters["x"] == "0.5"


def test_events_tell_what_happened(optimizer, running):
    name, _ = running
    optimizer.wait_for_job_status(name, timeout=180)
    told = {(event.involved_object_kind, event.reason) for event in optimizer.get_job_events(name)}
    assert {("Trial", "JobCreated"), ("Trial", "JobSucceeded")} <= told


def test_jobs_are_listed_and_deleted(optimizer, running):
    assert {job.name for job in optimizer.list_jobs()} == set(running)
    for name in running:
        optimizer.delete_job(name)
    eventually(lambda: optimizer.list_jobs() == [])
