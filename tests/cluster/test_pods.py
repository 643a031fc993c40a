"""Trials in pods that really run."""

import json

from conftest import DB_MANAGER, container, each_once, ended, eventually, experiment, job, last_condition

FILE = {"fileSystemPath": {"path": "/metrics/out.log", "kind": "File", "format": "TEXT"}}


def observed(katib, name):
    """The latest value of the objective of each trial."""
    return [float(trial.status.observation.metrics[0].latest) for trial in katib.list_trials(name)]


def test_a_command_without_a_shell_in_an_image_without_one(katib, name):
    steps = container("", image="distroless", command=["/steps", "print", "score=0.25"])
    katib.create_experiment(experiment(name, job(steps), trials=2))
    ended(katib, name)
    assert observed(katib, name) == [0.25, 0.25]


def test_a_pod_without_a_collector_is_read_from_its_log(katib, core, name):
    """As pods are that were created while the webhook was down; here their namespace keeps collectors out."""
    labels = {"katib.kubeflow.org/metrics-collector-injection": "disabled"}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    # More values than are stored together.
    script = "i=0; while [ $i -lt 5000 ]; do echo score=$i; i=$((i+1)); done; echo score=$X"
    made = experiment(name, job(container(script)), trials=2)
    made["metadata"]["namespace"] = name
    katib.create_experiment(made, namespace=name)
    katib.wait_for_experiment_condition(name, namespace=name, timeout=120, polling_interval=1)
    for trial in katib.list_trials(name, namespace=name):
        assert trial.status.observation.metrics[0].latest == trial.spec.parameter_assignments[0].value
        assert float(trial.status.observation.metrics[0].max) == 4999
        assert len(katib.get_trial_metrics(trial.metadata.name, name, DB_MANAGER)) == 5001
    core.delete_namespace(name)


def test_metrics_in_a_file(katib, name):
    script = "mkdir -p /metrics; echo score=$X > /metrics/out.log; echo unrelated"
    collector = {"collector": {"kind": "File"}, "source": FILE}
    made = experiment(name, job(container(script)), trials=2, metricsCollectorSpec=collector)
    katib.create_experiment(made)
    ended(katib, name)
    assert len(observed(katib, name)) == 2


def test_a_file_that_nobody_collects_is_told(katib, core, name):
    labels = {"katib.kubeflow.org/metrics-collector-injection": "disabled"}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    writes = job(container("mkdir -p /metrics; echo score=$X > /metrics/out.log"))
    collector = {"collector": {"kind": "File"}, "source": FILE}
    made = experiment(name, writes, trials=1, parallel=1, metricsCollectorSpec=collector)
    made["metadata"]["namespace"] = name
    katib.create_experiment(made, namespace=name)
    words = "no collector in its pod"
    eventually(lambda: any(words in last_condition(one).message for one in katib.list_trials(name, name) if one.status))
    core.delete_namespace(name)


def test_a_template_in_a_config_map_and_its_jobs_are_removed(katib, core, batch, name):
    text = json.dumps(job(container("echo score=$X")))
    core.create_namespaced_config_map("default", {"metadata": {"name": name}, "data": {"job.yaml": text}})
    source = {"configMapName": name, "configMapNamespace": "default", "templatePath": "job.yaml"}
    held = 'status.conditions.#(type=="{}")#|#(status=="True")#'
    conditions = {"successCondition": held.format("Complete"), "failureCondition": held.format("Failed")}
    made = experiment(name, None, trials=2, template={"configMap": source, **conditions})
    del made["spec"]["trialTemplate"]["trialSpec"]
    katib.create_experiment(made)
    ended(katib, name)
    assert len(observed(katib, name)) == 2
    eventually(lambda: not batch.list_namespaced_job(
        "default", label_selector=f"katib.kubeflow.org/experiment={name}").items)


def test_a_crash_keeps_its_metrics_and_says_why(katib, name):
    script = "echo score=0.1; echo score=0.2; exit 3"
    katib.create_experiment(experiment(name, job(container(script)), trials=2, maxFailedTrialCount=None))
    status = ended(katib, name).status
    assert status.trials_failed == 2
    for trial in katib.list_trials(name):
        assert last_condition(trial).type == "Failed"
        assert "exit code 3" in last_condition(trial).message, last_condition(trial).message
        assert trial.status.observation.metrics[0].latest == "0.2"


def test_many_values_of_a_trial_that_is_over_at_once(katib, name):
    script = "i=0; while [ $i -lt 200 ]; do echo score=0.$i; i=$((i+1)); done"
    katib.create_experiment(experiment(name, job(container(script)), trials=2))
    ended(katib, name)
    assert observed(katib, name) == [0.199, 0.199]


def test_a_rule_stops_trials_while_they_run(katib, name):
    # The first one is good and ends; the others would run for minutes.
    script = (
        "case $X in 0.9) for i in 1 2 3 4; do echo score=0.9; done ;; "
        "*) for i in 1 2 3 4 5; do echo score=0.1; sleep 1; done; sleep 600 ;; esac"
    )
    rule = {"algorithmName": "medianstop", "algorithmSettings": [
        {"name": "min_trials_required", "value": "1"}, {"name": "start_step", "value": "2"}]}
    given = [{"parameterAssignments": [{"name": "x", "value": value}]} for value in ("0.9", "0.1", "0.2")]
    made = experiment(name, job(container(script)), trials=3, parallel=1, earlyStopping=rule, initialTrials=given)
    katib.create_experiment(made)
    status = ended(katib, name).status
    assert (status.trials_succeeded, status.trials_early_stopped) == (1, 2)


def test_a_killed_controller_doubles_and_loses_nothing(katib, core, controller, name):
    script = "sleep 1; echo score=$X"
    katib.create_experiment(experiment(name, job(container(script)), trials=12, parallel=4, template={"retain": True}))
    for _ in range(4):
        controller()
        katib.wait_for_experiment_condition(name, expected_condition="Created", timeout=60, polling_interval=1)
    ended(katib, name, timeout=240)
    each_once(katib, core, name, 12)


def test_a_stopped_experiment_leaves_no_pod(katib, core, name):
    katib.create_experiment(experiment(name, job(container("echo score=1; sleep 600")), trials=2,
                                       objective={"type": "maximize", "objectiveMetricName": "score"}))
    katib.wait_for_experiment_condition(name, expected_condition="Running", timeout=60, polling_interval=1)
    katib.delete_experiment(name)
    eventually(lambda: not core.list_namespaced_pod(
        "default", label_selector=f"katib.kubeflow.org/experiment={name}").items)
