"""What dies at any moment loses and doubles nothing."""

import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from conftest import DB_MANAGER, container, each_once, ended, eventually, experiment, job

CLUSTER = os.path.dirname(os.environ["DIWAN_TEST_CONTROLLER"])
POSTGRES = f"{CLUSTER}/../postgres"
STORE = f"{CLUSTER}/../../target/cluster/controller/diwan.db"
RETAIN = {"retain": True}


def run(*words):
    subprocess.run(words, check=True)


def reported(katib, trial):
    points = katib.get_trial_metrics(trial.metadata.name, db_manager_address=DB_MANAGER)
    return [point.metric.value for point in points]


def controller(verb, number=0):
    run(os.environ["DIWAN_TEST_CONTROLLER"], verb, str(number))


@pytest.fixture
def second_controller():
    controller("start", 1)
    yield 1
    controller("stop", 1)
    # Whoever registered last had the webhooks.
    controller("restart")


@pytest.fixture
def two_controllers_on_a_server():
    """Both share a PostgreSQL, in place of the one that has a file."""
    told = subprocess.run([POSTGRES, "up"], check=True, capture_output=True, text=True).stdout
    os.environ["DIWAN_TEST_DB"] = told.strip().partition("=")[2]
    controller("restart")
    controller("start", 1)
    yield 0, 1
    del os.environ["DIWAN_TEST_DB"]
    controller("stop", 1)
    controller("restart")
    run(POSTGRES, "down")


def prints(trials, parallel, name, seconds=0):
    script = f"sleep {seconds}; echo score=$X"
    return experiment(name, job(container(script)), trials=trials, parallel=parallel, template=dict(RETAIN))


def test_a_controller_that_is_killed_thirty_times(katib, core, name):
    katib.create_experiment(prints(100, 8, name))
    seed = random.randrange(1_000_000)
    print(f"the moments follow from seed {seed}")
    moments = random.Random(seed)
    for _ in range(30):
        time.sleep(moments.uniform(0, 1))
        controller("restart")
    ended(katib, name, timeout=300)
    each_once(katib, core, name, 100)
    katib.delete_experiment(name)


@contextmanager
def paused():
    """The controller, which is the database manager too, stands still."""
    pid = int(Path("target/cluster/controller/0/pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(("kind", "step"), [("StdOut", ["print"]), ("File", ["write", "/metrics/log"])])
def test_what_could_not_be_delivered_comes_with_the_pod(katib, core, kind, step, name):
    command = ["/steps", *step, "score=1", "sleep", "5", *step, "score=2"]
    pod = job(container("", image="distroless", command=command), terminationGracePeriodSeconds=5)
    collector = {"collector": {"kind": kind}, "source": {"fileSystemPath": {"path": "/metrics/log", "kind": "File"}}}
    katib.create_experiment(experiment(name, pod, trials=1, parallel=1, metricsCollectorSpec=collector, template=dict(RETAIN)))

    def is_told():
        trials = katib.list_trials(name)
        return trials and reported(katib, trials[0]) == ["1"]

    def has_ended():
        pods = core.list_namespaced_pod("default", label_selector=f"katib.kubeflow.org/experiment={name}").items
        return pods[0].status.phase == "Succeeded"

    eventually(is_told)
    with paused():
        eventually(has_ended)
    ended(katib, name)
    [trial] = katib.list_trials(name)
    assert reported(katib, trial) == ["1", "2"]
    [observed] = trial.status.observation.metrics
    assert (observed.min, observed.latest) == ("1", "2")


def test_two_controllers_of_which_one_is_killed(katib, core, second_controller, name):
    names = [f"{name}-{index}" for index in range(6)]
    for one in names:
        katib.create_experiment(prints(10, 2, one))
    for number in (second_controller, 0, second_controller):
        time.sleep(3)
        controller("restart", number)
    for one in names:
        ended(katib, one, timeout=240)
        each_once(katib, core, one, 10)
        katib.delete_experiment(one)


def test_a_database_that_is_killed_with_its_controllers(katib, core, two_controllers_on_a_server, name):
    katib.create_experiment(prints(100, 8, name))
    seed = random.randrange(1_000_000)
    print(f"the moments follow from seed {seed}")
    moments = random.Random(seed)
    for round in range(10):
        time.sleep(moments.uniform(0, 2))
        run(POSTGRES, "stop")
        time.sleep(moments.uniform(0, 4))
        if round % 3 == 0:
            controller("stop", moments.choice(two_controllers_on_a_server))
        run(POSTGRES, "start")
        for number in two_controllers_on_a_server:
            if not Path(f"target/cluster/controller/{number}/pid").exists():
                controller("start", number)
    ended(katib, name, timeout=300)
    each_once(katib, core, name, 100)
    katib.delete_experiment(name)


def test_an_api_server_that_is_killed(katib, core, name):
    katib.create_experiment(prints(12, 3, name, seconds=1))
    katib.wait_for_experiment_condition(name, expected_condition="Running", timeout=60, polling_interval=1)
    for _ in range(2):
        time.sleep(2)
        run(f"{CLUSTER}/restart", "kube-apiserver")
    ended(katib, name, timeout=300)
    each_once(katib, core, name, 12)
    katib.delete_experiment(name)


def recorded(name):
    with closing(sqlite3.connect(STORE, timeout=30)) as store:
        return store.execute("SELECT count(*) FROM experiments WHERE name = ?", [name]).fetchone()[0]


def test_experiments_that_are_deleted_at_once_leave_nothing(katib, core, objects, name):
    """Neither a record of their own, nor anything in the way of the next one of their name."""
    place = ("kubeflow.org", "v1beta1", "default", "experiments")
    names = [f"{name}-{number}" for number in range(20)]
    for other in names:
        for one in (name, other):
            objects.create_namespaced_custom_object(*place, prints(2, 2, one))
        time.sleep(random.uniform(0, 0.2))
        for one in (name, other):
            objects.delete_namespaced_custom_object(*place, one)
    katib.create_experiment(prints(2, 2, name))
    ended(katib, name)
    each_once(katib, core, name, 2)
    katib.delete_experiment(name)
    eventually(lambda: not any(map(recorded, [name, *names])))


def test_an_experiment_whose_record_is_lost_is_left_alone(katib, core, name):
    """As one that ended under Katib: to begin again would cost as much as before."""
    katib.create_experiment(prints(2, 2, name))
    ended(katib, name)
    with closing(sqlite3.connect(STORE, timeout=30)) as store, store:
        # Its trials stay in the file, where nobody finds them.
        assert store.execute("DELETE FROM experiments WHERE name = ?", [name]).rowcount == 1
    budgets = count(9)

    def is_told():
        # The first time, nobody can know what it was before.
        katib.edit_experiment_budget(name, max_trial_count=next(budgets))
        events = core.list_namespaced_event("default", field_selector=f"involvedObject.name={name}").items
        return any(event.reason == "ExperimentLeftAlone" for event in events)

    eventually(is_told)
    assert katib.get_experiment(name).status.trials == 2
    katib.delete_experiment(name)
