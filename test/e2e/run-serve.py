# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `sinter compile MODEL.onnx -o MODEL.serve` gives a server: copied elsewhere, it
# answers curl and the unmodified tritonclient over HTTP and gRPC as ONNX Runtime
# does, is ready only when it is, and loses no request when it is told to end.
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time

import numpy as np

import e2e
from serving import PYTHON, Server, curl

sys.path.insert(0, os.path.join(e2e.ROOT, "examples", "ocr"))
import steps  # noqa: E402

INPUTS = os.path.join(e2e.ROOT, "test", "e2e", "Inputs")
CLIENT = os.path.join(INPUTS, "serve_client.py")
score = e2e.Score()


def make(model, name):
    """The server of a model, copied to where nothing of the build lies beside it."""
    built = os.path.join(e2e.WORK, name + ".serve")
    done = subprocess.run([e2e.SINTER, "compile", model, "-o", built], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not score.check(done.returncode == 0, f"{name}: compile: {done.stdout}"):
        return None
    folder = os.path.join(e2e.WORK, "elsewhere")
    os.makedirs(folder, exist_ok=True)
    copy = os.path.join(folder, name + ".serve")
    shutil.copy(built, copy)
    os.remove(built)
    score.check(os.stat(copy).st_mode & stat.S_IXUSR, f"{name}: the file is not executable")
    score.check(not [f for f in os.listdir(e2e.WORK) if f.endswith(".tmp")],
                f"{name}: a temporary file was left")
    return copy


def vectors(model, name, feeds):
    outputs = e2e.reference_outputs(e2e.reference(model), feeds)
    path = os.path.join(e2e.WORK, name + ".npz")
    np.savez(path, **{"input." + k: v for k, v in feeds.items()},
             **{"output." + k: v for k, v in outputs.items()})
    return path


def server_file(server):
    """Where the client finds the addresses."""
    path = os.path.join(e2e.WORK, "addresses.json")
    with open(path, "w") as file:
        json.dump({name: server.addresses[name] for name in ("http", "grpc")}, file)
    return path


def check_client(server, model, data):
    done = subprocess.run([PYTHON, CLIENT, "check", server_file(server), model, data], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = done.stdout.splitlines()
    score.check(done.returncode == 0 and lines, f"{model}: the client ends with {done.stdout}")
    for line in lines:
        if line.startswith(("ok ", "FAIL ")):
            score.check(line.startswith("ok "), f"{model}: {line}")


def check_curl(server, model):
    base = "http://" + server.addresses["http"]
    code, _ = curl(base + "/v2/health/ready")
    score.check(code == "200", f"{model}: ready answers {code}")
    code, body = curl(f"{base}/v2/models/{model}")
    score.check(code == "200" and json.loads(body)["name"] == model, f"{model}: metadata {body}")
    code, body = curl(base + "/v2/models/nothing")
    score.check(code == "404" and "error" in json.loads(body), f"{model}: 404 is {code} {body}")


def check_drain(server, model, data):
    """SIGTERM under load: what was taken is answered, the exit status is 0."""
    load = subprocess.Popen([PYTHON, CLIENT, "load", server_file(server), model, data], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    score.check(load.stdout.readline().strip() == "running", f"{model}: the load did not start")
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    base = "http://" + server.addresses["http"]
    code, _ = curl(base + "/v2/health/ready")
    score.check(code == "503", f"{model}: ready answers {code} after SIGTERM, expected 503")
    status = server.process.wait(60)
    counts = json.loads(load.communicate("")[0])
    score.check(status == 0, f"{model}: exit status {status} after SIGTERM")
    score.check(counts["answered"] >= 50 and not counts["wrong"] and not counts["lost"],
                f"{model}: under SIGTERM {counts}")


def check_model(model, name, feeds):
    program = make(model, name)
    if not program:
        return
    data = vectors(model, name, feeds)
    server = Server(program, "--grpc-port=0")
    if not score.check("http" in server.addresses and "grpc" in server.addresses,
                       f"{name}: printed {server.addresses}"):
        return
    check_curl(server, name)
    check_client(server, name, data)
    check_drain(server, name, data)


def check_faults(program):
    """What a user may do wrong, and the exit status."""
    server = os.path.join(e2e.BUILD, "bin", "sinter-server")
    with open(program, "rb") as file:
        whole = file.read()
    broken = os.path.join(e2e.WORK, "broken.serve")
    with open(broken, "wb") as file:  # the footer stays, the archive is shorter
        file.write(whole[:-5000] + whole[-32:])
    os.chmod(broken, 0o755)
    for command, status, text in [
            ([server], 2, "nothing to serve"),
            ([server, "--htp-port=1"], 2, "did you mean --http-port?"),
            ([server, "--check-config"], 0, "the configuration is valid"),
            ([server, "--check-config", f"--access-file={program}"], 2, "and so no configuration"),
            ([server, "--check-config", f"--tls-certificate={program}", f"--tls-key={program}"], 2, program),
            ([server, "--explain", "--grace=9s"], 0, "grace = 9s  (--grace)"),
            ([server, "--version"], 0, "sinter-server "),
            ([server, "/nowhere"], 3, "/nowhere"),
            ([broken], 2, "damaged")]:
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60)
        score.check(done.returncode == status and text in done.stdout,
                    f"{command}: {done.returncode} {done.stdout}")


def main():
    dice = np.random.default_rng(0)
    small = os.path.join(e2e.WORK, "small.onnx")
    subprocess.run([sys.executable, os.path.join(INPUTS, "small.py"), "conv", small], check=True)
    check_model(small, "small", {"x": dice.standard_normal((2, 3, 20, 24)).astype("f4")})
    check_faults(os.path.join(e2e.WORK, "elsewhere", "small.serve"))
    ocr = steps.model_path()
    check_model(ocr, "ocr", {"x": dice.standard_normal((1, 3, 48, 160)).astype("f4")})
    score.exit()


main()
