"""An optimizer that is not Diwan's: golden-section search in one parameter, behind Katib's Suggestion service.

Usage: foreign_suggestion.py LOG PORT. Port 0 takes a free one; the port is printed. Every call is appended to LOG, a line of JSON each.

It keeps nothing in memory that it needs: the bracket is in settings that it returns, and which trial probed what is in labels.
Serves one point at a time. The setting `mishaps` says what goes wrong in its first calls, such as `unavailable,raise,none`.
"""

import json
import sys
from concurrent import futures
from pathlib import Path
from time import monotonic

import grpc
from google.protobuf.json_format import MessageToDict

sys.path.append(str(Path(__file__).parents[3] / "proto" / "katib"))
messages, services = grpc.protos_and_services("api.proto")

RATIO = (5**0.5 - 1) / 2
SUCCEEDED = messages.TrialStatus.TrialConditionType.Value("SUCCEEDED")


def settings_of(experiment):
    return {setting.name: setting.value for setting in experiment.spec.algorithm.algorithm_settings}


class Golden(services.SuggestionServicer):
    def __init__(self, log):
        self.log = log
        self.calls = 0

    def ValidateAlgorithmSettings(self, request, context):
        self.note("validate", request)
        tolerance = settings_of(request.experiment).get("tolerance", "0.1")
        if float(tolerance) <= 0:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"tolerance must be above 0, not {tolerance}")
        return messages.ValidateAlgorithmSettingsReply()

    def GetSuggestions(self, request, context):
        self.note("suggest", request)
        settings = settings_of(request.experiment)
        mishaps = dict(enumerate(settings.get("mishaps", "").split(",")))
        mishap = mishaps.get(self.calls, "")
        self.calls += 1
        match mishap:
            case "unavailable":
                context.abort(grpc.StatusCode.UNAVAILABLE, "the model is being loaded")
            case "exhausted":
                context.set_trailing_metadata((("diwan-search", "exhausted"),))
                context.abort(grpc.StatusCode.OUT_OF_RANGE, "nothing is left to try")
            case "raise":
                raise RuntimeError("the optimizer is broken")
        reply = search(request, settings)
        match mishap:
            case "none":
                del reply.parameter_assignments[:]
            case "more":
                reply.parameter_assignments.append(reply.parameter_assignments[0])
            case "outside":
                reply.parameter_assignments[0].assignments[0].value = "7"
            case "misnamed":
                reply.parameter_assignments[0].trial_name = "../Golden"
            case "repeated":
                reply.parameter_assignments[0].trial_name = request.trials[0].name
        return reply

    def note(self, call, request):
        line = {"at": monotonic(), "call": call, "request": MessageToDict(request, preserving_proto_field_name=True)}
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


def search(request, settings):
    """Narrows the bracket as far as the results go, and asks for the point that decides next."""
    experiment = request.experiment
    parameter = experiment.spec.parameter_specs.parameters[0]
    low = float(settings.get("low", parameter.feasible_space.min))
    high = float(settings.get("high", parameter.feasible_space.max))
    probes = {side: settings.get(side, "") for side in ("left", "right")}
    seen = results(request.trials)
    while all(probe in seen for probe in probes.values()):
        (left, left_value), (right, right_value) = seen[probes["left"]], seen[probes["right"]]
        if left_value > right_value:
            high, probes = right, {"left": "", "right": probes["left"]}
        else:
            low, probes = left, {"left": probes["right"], "right": ""}
    side = next(side for side, probe in probes.items() if probe not in seen)
    length = RATIO * (high - low)
    value = high - length if side == "left" else low + length
    probes[side] = str(len(request.trials))

    reply = messages.GetSuggestionsReply()
    point = reply.parameter_assignments.add(trial_name=f"{experiment.name}-golden-{probes[side]}")
    point.assignments.add(name=parameter.name, value=repr(value))
    point.labels["golden.example/probe"] = probes[side]
    reply.algorithm.algorithm_name = experiment.spec.algorithm.algorithm_name
    for name, value in {"low": repr(low), "high": repr(high), **probes}.items():
        reply.algorithm.algorithm_settings.add(name=name, value=value)
    return reply


def results(trials):
    """What each probe has found: (point, objective). Trials that it has not asked for are none of its probes."""
    return {
        trial.spec.labels["golden.example/probe"]: (
            float(trial.spec.parameter_assignments.assignments[0].value),
            float(trial.status.observation.metrics[0].value),
        )
        for trial in trials
        if trial.status.condition == SUCCEEDED and "golden.example/probe" in trial.spec.labels
    }


def main():
    log, port = sys.argv[1:]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    services.add_SuggestionServicer_to_server(Golden(log), server)
    print(server.add_insecure_port(f"127.0.0.1:{port}"), flush=True)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
