"""A collector as others make them for Katib: it waits for the word of Katib's shell that the trial has ended, and reports."""

import argparse
import glob
import os
import time
from datetime import datetime, timezone

import grpc
from kubeflow.katib import katib_api_pb2 as api
from kubeflow.katib import katib_api_pb2_grpc as services

parser = argparse.ArgumentParser(allow_abbrev=False)
for flag in ("-t", "-m", "-o-type", "-s-db", "-path", "-f", "-format", "-w"):
    parser.add_argument(flag, dest=flag.strip("-").replace("-", "_"))
given = parser.parse_args()


def has_ended():
    marks = glob.glob(os.path.join(os.path.dirname(given.path), "*.pid"))
    return any("completed" in open(mark).read() for mark in marks)


def point(name, value):
    now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    return api.MetricLog(time_stamp=now, metric=api.Metric(name=name, value=value))


while not has_ended():
    time.sleep(0.1)
lines = [line.strip().partition("=") for line in open(given.path)]
# What it reports is its own: the trial's value and a half.
points = [point(name, str(float(value) + 0.5)) for name, _, value in lines if name in given.m.split(";")]
with grpc.insecure_channel(given.s_db) as channel:
    log = api.ObservationLog(metric_logs=points)
    services.DBManagerStub(channel).ReportObservationLog(
        api.ReportObservationLogRequest(trial_name=given.t, observation_log=log))
