"""Every way in which a trial can tell its metrics, and ways in which it can end."""

from pathlib import Path

import pytest
from conftest import BOTH_ENDS, DB_MANAGER, NAMESPACE, container, ended, eventually, experiment, job, last_condition
from kubernetes import client

EVENT_FILE = Path(__file__).with_name("event_file.py").read_text()
JSON_FILE = {
    "collector": {"kind": "File"},
    "source": {"fileSystemPath": {"path": "/metrics/out.json", "kind": "File", "format": "JSON"}},
}
STOPS_THE_SECOND = {
    "algorithmName": "medianstop",
    "algorithmSettings": [{"name": "min_trials_required", "value": "1"}, {"name": "start_step", "value": "2"}],
}


def run(katib, made):
    """The trials of an experiment that has ended."""
    katib.create_experiment(made)
    name = made["metadata"]["name"]
    ended(katib, name)
    return katib.list_trials(name)


def point(trial):
    return float(trial.spec.parameter_assignments[0].value)


def observed(trial):
    return trial.status.observation.metrics[0]


def test_event_files_of_tensorflow(katib, name):
    directory = {"fileSystemPath": {"path": "/events", "kind": "Directory"}}
    collector = {"collector": {"kind": "TensorFlowEvent"}, "source": directory}
    writes = container("", image="python", command=["python3", "-c", EVENT_FILE])
    objective = {"type": "maximize", "objectiveMetricName": "train/score"}
    made = experiment(name, job(writes), trials=2, metricsCollectorSpec=collector, objective=objective)
    for trial in run(katib, made):
        assert float(observed(trial).latest) == pytest.approx(point(trial))
        assert float(observed(trial).min) == pytest.approx(point(trial) / 4)


def test_trials_of_fifty_milliseconds(katib, name):
    command = ["/steps", "print", "score=1", "sleep", "0.05", "print", "score=2"]
    steps = job(container("", image="distroless", command=command))
    trials = run(katib, experiment(name, steps, trials=4, parallel=4))
    assert [(observed(trial).min, observed(trial).latest) for trial in trials] == [("1", "2")] * 4


def test_a_shell_that_is_named_by_its_path(katib, name):
    script = """for word in "$X" 'a "b" c'; do echo "score=$word"; done | head -n 1; echo 'it is "quoted"; done'"""
    shell = container("", command=["/bin/sh", "-c"], args=[script])
    for trial in run(katib, experiment(name, job(shell), trials=2)):
        assert observed(trial).latest == trial.spec.parameter_assignments[0].value


def test_a_rule_stops_a_trial_that_writes_json(katib, name):
    script = """mkdir -p /metrics; i=0
    while [ $i -lt 4 ]; do echo "{\\"score\\": $X, \\"step\\": $i}" >> /metrics/out.json; i=$((i+1)); sleep 0.2; done
    case $X in 0.1) sleep 600 ;; esac"""
    made = experiment(
        name, job(container(script)), trials=2, parallel=1,
        metricsCollectorSpec=JSON_FILE, earlyStopping=STOPS_THE_SECOND, initialTrials=BOTH_ENDS,
    )
    ends = {point(trial): (last_condition(trial).type, observed(trial).latest) for trial in run(katib, made)}
    assert ends == {0.9: ("Succeeded", "0.9"), 0.1: ("EarlyStopped", "0.1")}


def test_a_rule_stops_a_trial_that_pushes(katib, katib_image, name):
    pushes = f"""
import os, time
from kubeflow.katib import report_metrics
for step in range(4):
    report_metrics({{"score": os.environ["X"], "step": step}}, "{DB_MANAGER}")
time.sleep(600 * (os.environ["X"] == "0.1"))
"""
    # Python is the container's first process, and so deaf to the signal to end.
    pod = job(container("", image=katib_image, command=["python3", "-c", pushes]), terminationGracePeriodSeconds=1)
    made = experiment(
        name, pod, trials=2, parallel=1, metricsCollectorSpec={"collector": {"kind": "Push"}},
        earlyStopping=STOPS_THE_SECOND, initialTrials=BOTH_ENDS,
    )
    ends = {point(trial): (last_condition(trial).type, observed(trial).latest) for trial in run(katib, made)}
    assert ends == {0.9: ("Succeeded", "0.9"), 0.1: ("EarlyStopped", "0.1")}


def test_metrics_that_prometheus_would_scrape(katib, name):
    serves = """
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"# TYPE score gauge\\nscore {os.environ['X']}\\n".encode())
server = http.server.HTTPServer(("", 8080), Handler)
server.timeout = 0.1
end = time.monotonic() + 5
while time.monotonic() < end:
    server.handle_request()
"""
    collector = {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"path": "/metrics", "port": 8080}}}
    served = job(container("", image="python", command=["python3", "-c", serves]))
    for trial in run(katib, experiment(name, served, trials=2, metricsCollectorSpec=collector)):
        assert float(observed(trial).latest) == pytest.approx(point(trial))


def test_a_collector_of_the_experiment_s_own(katib, katib_image, name):
    reports = f"""
import os, time
from kubeflow.katib import report_metrics
while not os.path.exists("/metrics/score"):
    time.sleep(0.1)
report_metrics({{"score": open("/metrics/score").read().strip()}}, "{DB_MANAGER}")
"""
    label = {"fieldRef": {"fieldPath": "metadata.labels['katib.kubeflow.org/trial']"}}
    own = {
        "name": "own", "image": f"diwan.test/{katib_image}:1", "command": ["python3", "-c", reports],
        "env": [{"name": "KATIB_TRIAL_NAME", "valueFrom": label}],
    }
    collector = {
        "collector": {"kind": "Custom", "customCollector": own},
        "source": {"fileSystemPath": {"path": "/metrics/score", "kind": "File"}},
    }
    script = "echo $X > /metrics/.new; mv /metrics/.new /metrics/score"
    for trial in run(katib, experiment(name, job(container(script)), trials=2, metricsCollectorSpec=collector)):
        assert observed(trial).latest == trial.spec.parameter_assignments[0].value


def test_a_collector_that_katib_config_names(katib, katib_image, katib_config, core, name):
    katib_config(metricsCollectors=[{"kind": "StdOut", "image": "diwan.test/collector:1"}])
    names = (f"{name}-{number}" for number in range(9))

    def is_called():
        """Whether the configuration was followed when this experiment ran."""
        made = experiment(next(names), job(container("echo score=$X")), trials=1, parallel=1, template={"retain": True})
        [trial] = run(katib, made)
        label = f"katib.kubeflow.org/trial={trial.metadata.name}"
        [pod] = core.list_namespaced_pod(NAMESPACE, label_selector=label).items
        if "diwan.test/collector:1" not in [one.image for one in pod.spec.containers]:
            return False
        assert float(observed(trial).latest) == pytest.approx(point(trial) + 0.5)
        return True

    eventually(is_called)


def test_an_eviction_is_told_and_keeps_the_metrics(katib, core, name):
    made = experiment(name, job(container("echo score=$X; sleep 600")), trials=1, parallel=1, maxFailedTrialCount=None)
    katib.create_experiment(made)
    eventually(lambda: any(
        katib.get_trial_metrics(trial.metadata.name, db_manager_address=DB_MANAGER) for trial in katib.list_trials(name)))
    [pod] = core.list_namespaced_pod(NAMESPACE, label_selector=f"katib.kubeflow.org/experiment={name}").items
    eviction = client.V1Eviction(metadata={"name": pod.metadata.name})
    core.create_namespaced_pod_eviction(pod.metadata.name, NAMESPACE, eviction)
    ended(katib, name)
    [trial] = katib.list_trials(name)
    assert last_condition(trial).type == "Failed"
    assert "evict" in last_condition(trial).message.lower(), last_condition(trial).message
    assert float(observed(trial).latest) == point(trial)


def test_a_trial_that_is_out_of_memory_says_so(katib, name):
    limits = {"limits": {"memory": "32Mi"}}
    fills = container("", image="distroless", command=["/steps", "print", "score=1", "fill", "200"], resources=limits)
    [trial] = run(katib, experiment(name, job(fills), trials=1, parallel=1, maxFailedTrialCount=None))
    assert last_condition(trial).type == "Failed"
    assert "OOMKilled" in last_condition(trial).message, last_condition(trial).message
    assert observed(trial).latest == "1"
