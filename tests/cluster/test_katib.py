"""Katib's Python SDK, as it is on PyPI, drives Diwan."""

import pytest
from conftest import DB_MANAGER, NAMESPACE, container, ended, experiment, job
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


def test_a_bad_file_gets_all_its_errors_at_once(objects, name):
    made = experiment(name, job(container("true")), parallel=9, template={"primaryContainerName": ""})
    made["spec"]["algorithm"]["algorithmName"] = "ramdom"
    with pytest.raises(ApiException) as refused:
        objects.create_namespaced_custom_object("kubeflow.org", "v1beta1", NAMESPACE, "experiments", made)
    assert refused.value.status == 400
    for part in ["spec.parallelTrialCount", "spec.algorithm.algorithmName", "spec.trialTemplate"]:
        assert part in refused.value.body, refused.value.body
