# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# tritonclient over gRPC against the trace extension: serve_trace_client.py ADDRESS
# TRACEPARENT. One line a check; the last one is the traceparent that came back.
import sys

import grpc
import numpy as np
import tritonclient.grpc as api
from tritonclient.grpc import service_pb2, service_pb2_grpc

address, traceparent = sys.argv[1:3]
client = api.InferenceServerClient(address)


def value(settings, name):
    return list(settings.settings[name].value)


def check(text, good):
    print("ok  " if good else "FAIL", "grpc:", text, flush=True)


check("advertised", "trace" in client.get_server_metadata().extensions)
check("settings", value(client.get_trace_settings(), "trace_mode") == ["opentelemetry"])
changed = client.update_trace_settings("classes", {"trace_rate": "5", "trace_level": ["TIMESTAMPS"]})
check("changed", value(changed, "trace_rate") == ["5"] and value(changed, "trace_level") == ["TIMESTAMPS"])
check("the others are not", value(client.get_trace_settings(), "trace_rate") == ["1"])
cleared = client.update_trace_settings("classes", {"trace_rate": None})
check("taken back", value(cleared, "trace_rate") == ["1"])
try:
    client.update_trace_settings(settings={"trace_rate": "none"})
    check("a wrong rate", False)
except Exception as error:  # noqa: BLE001
    check("a wrong rate", "expected a number from 1" in str(error))

stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(address))
request = service_pb2.ModelInferRequest(model_name="classes", id="over-grpc")
tensor = request.inputs.add(name="X", datatype="FP32", shape=[1, 10])
request.raw_input_contents.append(np.zeros(10, "f4").tobytes())

each = service_pb2.ModelInferRequest()
each.CopyFrom(request)
each.id = "streamed"
streamed = stub.ModelStreamInfer(iter([each, each]), metadata=[("traceparent", traceparent)])
spans = [answer.infer_response.parameters["traceparent"].string_param for answer in streamed]
check("each answer of a stream names its own span of the caller's trace",
      len(set(spans)) == 2 and all(span[:36] == traceparent[:36] and span != traceparent for span in spans))

_, call = stub.ModelInfer.with_call(request, metadata=[("traceparent", traceparent)])
print(dict(call.trailing_metadata()).get("traceparent", "none"))
