"""An optimizer as others make them for Katib: x is half of the last one, and it has one setting, `from`."""

from concurrent import futures

import grpc
from kubeflow.katib import katib_api_pb2 as api
from kubeflow.katib import katib_api_pb2_grpc as services

SERVING = b"\x08\x01"


class Halving(services.SuggestionServicer):
    def GetSuggestions(self, request, context):
        settings = {one.name: one.value for one in request.experiment.spec.algorithm.algorithm_settings}
        points = []
        for number in range(request.current_request_number):
            x = float(settings.get("from", 1)) / 2 ** (len(request.trials) + number)
            of_x = api.ParameterAssignment(name="x", value=str(x))
            points.append(api.GetSuggestionsReply.ParameterAssignments(assignments=[of_x]))
        return api.GetSuggestionsReply(parameter_assignments=points)

    def ValidateAlgorithmSettings(self, request, context):
        for one in request.experiment.spec.algorithm.algorithm_settings:
            if one.name != "from":
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{one.name} is no setting of halving")
        return api.ValidateAlgorithmSettingsReply()


def check(request, context):
    if b"manager.v1beta1.Suggestion" not in request:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return SERVING


server = grpc.server(futures.ThreadPoolExecutor(4))
services.add_SuggestionServicer_to_server(Halving(), server)
health = {"Check": grpc.unary_unary_rpc_method_handler(check)}
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", health)])
server.add_insecure_port("[::]:6789")
server.start()
server.wait_for_termination()
