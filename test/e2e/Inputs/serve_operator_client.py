# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# One call of the unmodified tritonclient over gRPC, with a key or a certificate:
#
#   serve_operator_client.py ADDRESS CALL [--ca PEM] [--certificate PEM --key PEM] [--header NAME=VALUE]...
#
# prints what came back as JSON, or the code of the refusal.
import argparse
import json

import tritonclient.grpc as client

CALLS = {
    "metadata": lambda server, **more: server.get_model_metadata("m", as_json=True, **more)["name"],
    "index": lambda server, **more: sorted({model["name"] for model in server.get_model_repository_index(
        as_json=True, **more).get("models", [])}),
    "load": lambda server, **more: server.load_model("m", **more),
    "ready": lambda server, **more: server.is_model_ready("m", **more),
    "regions": lambda server, **more: server.get_system_shared_memory_status(as_json=True, **more),
    "register": lambda server, **more: server.register_system_shared_memory("r", "/none", 16, **more),
}

parser = argparse.ArgumentParser()
parser.add_argument("address")
parser.add_argument("call", choices=CALLS)
for option in ("--ca", "--certificate", "--key"):
    parser.add_argument(option)
parser.add_argument("--header", action="append", default=[])
given = parser.parse_args()
server = client.InferenceServerClient(given.address, ssl=bool(given.ca), root_certificates=given.ca,
                                      private_key=given.key, certificate_chain=given.certificate)
try:
    print(json.dumps(CALLS[given.call](server, headers=dict(h.split("=", 1) for h in given.header) or None,
                                       client_timeout=10)))
except client.InferenceServerException as refused:
    print(refused.status())
