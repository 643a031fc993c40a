"""What dies at any moment loses and doubles nothing."""

import os
import random
import subprocess
import time

import pytest
from conftest import container, each_once, ended, experiment, job

CLUSTER = os.path.dirname(os.environ["DIWAN_TEST_CONTROLLER"])
RETAIN = {"retain": True}


def run(*words):
    subprocess.run(words, check=True)


def controller(verb, number=0):
    run(os.environ["DIWAN_TEST_CONTROLLER"], verb, str(number))


@pytest.fixture
def second_controller():
    controller("start", 1)
    yield 1
    controller("stop", 1)
    # Whoever registered last had the webhooks.
    controller("restart")


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


def test_an_api_server_that_is_killed(katib, core, name):
    katib.create_experiment(prints(12, 3, name, seconds=1))
    katib.wait_for_experiment_condition(name, expected_condition="Running", timeout=60, polling_interval=1)
    for _ in range(2):
        time.sleep(2)
        run(f"{CLUSTER}/restart", "kube-apiserver")
    ended(katib, name, timeout=300)
    each_once(katib, core, name, 12)
    katib.delete_experiment(name)
