"""Katib's Python SDK, as it is on PyPI, drives Diwan."""

import pytest
from conftest import DB_MANAGER, NAMESPACE, container, ended, eventually, experiment, job
from kubeflow.katib import search
from kubernetes.client.exceptions import ApiException

PRINTS = "echo epoch=1 score=0.5; echo score=$X"


def test_an_experiment_from_creation_to_deletion(katib, core, name):
    made = experiment(name, job(container(PRINTS)), resumePolicy="LongRunning", template={"retain": True})
    katib.create_experiment(made)
    katib.wait_for_experiment_condition(name, expected_condition="Running", timeout=60, polling_interval=1)
    status = ended(katib, name).status
    assert status.trials == status.trials_succeeded == 3
    assert [one.type for one in status.conditions] == ["Created", "Running", "Succeeded"]
    assert status.conditions[-1].reason == "ExperimentMaxTrialsReached"

    best = katib.get_optimal_hyperparameters(name)
    trials = {trial.metadata.name: trial for trial in katib.list_trials(name)}
    assert len(trials) == 3 and best.best_trial_name in trials
    values = {name: float(trial.spec.parameter_assignments[0].value) for name, trial in trials.items()}
    score = max(0.5, max(values.values()))
    assert float(best.observation.metrics[0].max) == score

    log = katib.get_trial_metrics(best.best_trial_name, db_manager_address=DB_MANAGER)
    found = [(entry.metric.name, float(entry.metric.value)) for entry in log]
    assert found == [("score", 0.5), ("score", values[best.best_trial_name])]
    text, _ = katib.get_job_logs(name, trial_name=best.best_trial_name) or (None, None)
    assert "epoch=1 score=0.5" in str(text)

    katib.edit_experiment_budget(name, max_trial_count=5)
    katib.wait_for_experiment_condition(name, expected_condition="Restarting", timeout=60, polling_interval=1)
    assert ended(katib, name).status.trials == 5
    assert katib.get_suggestion(name).status.suggestion_count == 5

    katib.delete_experiment(name)
    gone = [item for item in katib.list_experiments() if item.metadata.name == name]
    assert gone == [] or gone[0].metadata.deletion_timestamp


def test_a_function_is_tuned(katib, katib_image, name):
    def objective(parameters):
        score = 4 * int(parameters["a"]) - float(parameters["b"]) ** 2
        print(f"bonus={parameters['bonus']}")
        print(f"result={score}")

    parameters = {"a": search.int(min=10, max=20), "b": search.double(min=0.1, max=0.2), "bonus": 7}
    katib.tune(
        name=name,
        objective=objective,
        base_image=f"diwan.test/{katib_image}:1",
        parameters=parameters,
        objective_metric_name="result",
        additional_metric_names=["bonus"],
        max_trial_count=2,
        parallel_trial_count=2,
        resources_per_trial={"cpu": "100m"},
    )
    ended(katib, name)
    for trial in katib.list_trials(name):
        values = {one.name: float(one.value) for one in trial.spec.parameter_assignments}
        observed = {metric.name: float(metric.latest) for metric in trial.status.observation.metrics}
        assert observed == {"result": pytest.approx(4 * values["a"] - values["b"] ** 2), "bonus": 7}


def test_a_function_that_is_tuned_reports_its_metrics_itself(katib, katib_image, name):
    def objective(parameters):
        from kubeflow.katib import report_metrics

        for part in (0.5, 1):
            report_metrics({"result": part * float(parameters["x"])}, parameters["to"])

    katib.tune(
        name=name,
        objective=objective,
        base_image=f"diwan.test/{katib_image}:1",
        parameters={"x": search.double(min=1, max=2), "to": DB_MANAGER},
        objective_metric_name="result",
        max_trial_count=2,
        parallel_trial_count=2,
        metrics_collector_config={"kind": "Push"},
    )
    ended(katib, name)
    for trial in katib.list_trials(name):
        x = float(trial.spec.parameter_assignments[0].value)
        [observed] = trial.status.observation.metrics
        assert (float(observed.min), float(observed.max)) == pytest.approx((x / 2, x))


def test_a_bad_file_gets_all_its_errors_at_once(objects, name):
    made = experiment(name, job(container("true")), parallel=9, template={"primaryContainerName": ""})
    made["spec"]["algorithm"]["algorithmName"] = "ramdom"
    with pytest.raises(ApiException) as refused:
        objects.create_namespaced_custom_object("kubeflow.org", "v1beta1", NAMESPACE, "experiments", made)
    assert refused.value.status == 400
    for part in ["spec.parallelTrialCount", "spec.algorithm.algorithmName", "spec.trialTemplate"]:
        assert part in refused.value.body, refused.value.body


def test_an_experiment_is_made_again_under_the_name_of_one_that_still_ends(katib, batch, name):
    held = job(container("sleep 600"))
    held["metadata"] = {"finalizers": ["test.diwan.dev/hold"]}
    katib.create_experiment(experiment(name, held, trials=1, parallel=1))
    of_experiment = f"katib.kubeflow.org/experiment={name}"
    eventually(lambda: batch.list_namespaced_job(NAMESPACE, label_selector=of_experiment).items)
    [old] = batch.list_namespaced_job(NAMESPACE, label_selector=of_experiment).items
    katib.delete_experiment(name)
    katib.create_experiment(experiment(name, job(container(PRINTS)), trials=2))
    katib.wait_for_experiment_condition(name, expected_condition="Created", timeout=60, polling_interval=1)
    batch.patch_namespaced_job(old.metadata.name, NAMESPACE, {"metadata": {"finalizers": None}})
    assert ended(katib, name, timeout=60).status.trials_succeeded == 2


def test_what_katib_has_left_can_be_deleted(katib, objects, name):
    """An experiment that ended under Katib, and its trial: both wait for Katib before they go."""
    katib_s = ("kubeflow.org", "v1beta1", NAMESPACE)
    old = experiment(name, job(container(PRINTS)))
    old["metadata"]["finalizers"] = ["update-prometheus-metrics"]
    made = objects.create_namespaced_custom_object(*katib_s, "experiments", old)
    owner = {key: made["metadata"][key] for key in ("name", "uid")}
    owner |= {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "controller": True}
    trial = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Trial", "metadata": {
        "name": f"{name}-old", "finalizers": ["clean-metrics-in-db"], "ownerReferences": [owner],
        "labels": {"katib.kubeflow.org/experiment": name},
    }}
    objects.create_namespaced_custom_object(*katib_s, "trials", trial)
    katib.delete_experiment(name)

    def left(plural):
        found = objects.list_namespaced_custom_object(*katib_s, plural)["items"]
        return [one for one in found if one["metadata"]["name"].startswith(name)]

    eventually(lambda: not left("experiments") and not left("trials"))
