# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Five times more requests than a server can answer, each with a deadline: what
# cannot be answered in time is refused at once, with Retry-After, and what is
# taken is answered. The model sleeps, so the ratio is the machine's business as
# little as can be; `bench/serve/life overload` has the figure.
import json
import os
import shutil
import subprocess

import e2e
import serving

SLEEP_US, DEADLINE_US = 20000, 400000
score = e2e.Score()


def request_body():
    path = os.path.join(e2e.WORK, "request.json")
    with open(path, "w") as file:
        json.dump({"parameters": {"timeout": DEADLINE_US},
                   "inputs": [{"name": "x", "shape": [1, 16], "datatype": "FP32", "data": [0] * 16}]}, file)
    return path


def load(port, body, *options):
    """bench-load, with its figures to come."""
    return subprocess.Popen([os.path.join(e2e.BUILD, "bin", "bench-load"), "--port", port,
                             "--path", "/v2/models/m/infer", "--body", body, *map(str, options)],
                            text=True, stdout=subprocess.PIPE)


def check_refusal(address, body):
    """While too much is asked: a refusal says why, and when to come again."""
    for attempt in range(100):
        code, text = serving.curl("-i", "-H", "Content-Type: application/json", "--data-binary", "@" + body,
                                  f"http://{address}/v2/models/m/infer")
        if code == "503":
            head, _, said = text.replace("\r", "").partition("\n\n")
            return score.check("retry-after:" in head.lower() and json.loads(said)["error"],
                               f"a refusal without a reason or Retry-After: {text}")
    return score.check(False, f"nothing was refused in a hundred requests; the last answer is {code} {text}")


def main():
    repository = os.path.join(e2e.WORK, "models")
    os.makedirs(os.path.join(repository, "m", "1"))
    shutil.copy(os.path.join(e2e.BUILD, "bin", "unit", "libmock-serve-1.so"),
                os.path.join(repository, "m", "1", "model.so"))
    server = serving.Server("env", f"SINTER_MOCK_SLEEP_US={SLEEP_US}", os.path.join(e2e.BUILD, "bin", "sinter-server"),
                            repository, "--grpc-port=off", "--max-batch=1", "--threads=2", "--grace=0s")
    address, body = server.addresses["http"], request_body()
    port = address.rsplit(":", 1)[1]
    can = json.loads(load(port, body, "--connections", 8, "--seconds", 2).communicate()[0])
    score.check(can["ok"] > 0 and can["failed"] == 0, f"without too much load: {can}")
    flood = load(port, body, "--connections", 256, "--rate", 5 * can["per_second"], "--seconds", 4)
    check_refusal(address, body)
    got = json.loads(flood.communicate()[0])
    refused, late = (got["failures"].pop(status, 0) for status in ("503", "504"))
    score.check(not got["failures"], f"other faults than refusals: {got}")
    score.check(refused > got["ok"], f"at five times the capacity {refused} were refused: {got}")
    # What was taken and then ran out of time, as the server says.
    score.check(late <= 0.1 * got["ok"], f"{late} were taken and not answered: {got}")
    score.check(got["ok"] >= 0.5 * can["per_second"] * 4, f"answered {got}, without too much load {can}")
    score.check(server.stop() == 0, "the server does not end well")
    score.exit()


main()
