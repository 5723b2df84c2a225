# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A gRPC client that does what the test says, a line each on standard input, and
# answers with a line: "ok", or what went wrong. Run with the environment of the
# server's clients:
#
#   serve_faults_client.py ADDRESS        (infer | stream | wait) per line
#
# infer: one call. stream: one request over a stream that stays open. wait: until
# the server ends that stream; answers with the status.
import queue
import sys

import numpy as np
import tritonclient.grpc as api


def main(address):
    client = api.InferenceServerClient(address)
    x = np.zeros((1, 16), np.float32)
    tensor = api.InferInput("x", [1, 16], "FP32")
    tensor.set_data_from_numpy(x)
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))

    def text(result, error):
        if error:
            return " ".join(str(error).split())
        return "ok" if result.as_numpy("y")[0][0] in (1, 2) else "a wrong answer"

    print("open", flush=True)
    for line in sys.stdin:
        try:
            if line.strip() == "infer":
                said = text(client.infer("m", [tensor], client_timeout=20), None)
            elif line.strip() == "stream":
                client.async_stream_infer("m", [tensor])
                said = text(*answers.get(timeout=20))
            else:
                said = text(*answers.get(timeout=20))
        except Exception as error:  # whatever the client makes of a fault
            said = f"{type(error).__name__}: {error}".replace("\n", " ")
        print(said, flush=True)
    client.close()


main(sys.argv[1])
