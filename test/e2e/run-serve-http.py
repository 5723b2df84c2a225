# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every extension that the server advertises over HTTP, by the unmodified
# tritonclient (Inputs/serve_http_client.py), over the small models of the
# contract; then access rules, the audit log, /metrics and /status, and abuse.
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import e2e
from serving import PYTHON, Server, curl

sys.path.insert(0, os.path.join(e2e.ROOT, "test", "serve", "contract"))
import models  # noqa: E402

CLIENT = os.path.join(e2e.ROOT, "test", "e2e", "Inputs", "serve_http_client.py")
SERVED = ["identity_fp32", "identity_fp16", "identity_int64", "identity_uint8", "identity_bool",
          "add_sub", "classes"]
score = e2e.Score()


def start(repository, *options):
    server = Server(e2e.SINTER, "serve", repository, *options, "--grpc-port=off")
    for name in ("http", "admin"):
        score.check(name in server.addresses, f"no {name} address: {server.log_text()[-3000:]}")
    return server


def make_repository():
    repository = os.path.join(e2e.WORK, "http-models")
    models.write_onnx(repository)
    for name in os.listdir(repository):
        if name not in SERVED:
            subprocess.run(["rm", "-r", os.path.join(repository, name)], check=True)
    return repository


def check_client(server, *arguments):
    done = subprocess.run([PYTHON, CLIENT, server.addresses["http"], server.addresses["admin"], *arguments],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAIL "))]
    score.check(done.returncode == 0 and lines, f"the client ends with {done.stdout[-2000:]}")
    for line in lines:
        score.check(line.startswith("ok "), line)


def check_pages(server):
    admin = "http://" + server.addresses["admin"]
    code, text = curl(admin + "/metrics")
    score.check(code == "200", f"/metrics answers {code}")
    for wanted in ('nv_inference_request_success{model="add_sub",version="1"} ',
                   'sinter_request_duration_seconds_bucket{model="add_sub",version="1",le="+Inf"} ',
                   'sinter_listener_requests_total{listener="http"} ', "sinter_ready 1\n"):
        score.check(wanted in text, f"/metrics lacks {wanted!r}")
    path = os.path.join(e2e.WORK, "metrics.txt")
    with open(path, "w") as file:
        file.write(text)
    with open(path) as file:
        done = subprocess.run(["promtool", "check", "metrics"], stdin=file, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # promtool also has opinions on names (Triton's end in _us); only a text that
    # does not parse is a fault.
    score.check("error while linting" not in done.stdout, f"promtool: {done.stdout[:500]}")
    code, text = curl(admin + "/status.json")
    score.check(code == "200" and "add_sub" in [m["name"] for m in json.loads(text)["models"]],
                f"/status.json answers {code}")
    code, _ = curl("http://" + server.addresses["http"] + "/metrics")
    score.check(code == "404", f"/metrics on the clients' listener answers {code}")


def check_abuse(server):
    """A client that misbehaves harms nobody else."""
    host, port = server.addresses["http"].rsplit(":", 1)
    half = b"POST /v2/models/add_sub/infer HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n{"
    sockets = []
    for data in [b"", b"GET", half] * 20:
        sockets.append(socket.create_connection((host, int(port))))
        sockets[-1].sendall(data)
    code, _ = curl(f"http://{host}:{port}/v2/health/ready")
    score.check(code == "200", f"ready answers {code} beside half-sent requests")
    for one in sockets:
        one.close()


def check_access(repository):
    rules, audit = (os.path.join(e2e.WORK, name) for name in ("access.toml", "audit.log"))
    digest = lambda key: hashlib.sha256(key.encode()).hexdigest()  # noqa: E731
    with open(rules, "w") as file:
        file.write(f'[[key]]\nname = "app"\nsha256 = "{digest("k-app")}"\nmodels = ["add_*"]\n'
                   f'[[key]]\nname = "ops"\nsha256 = "{digest("k-ops")}"\nmay = ["observe", "control"]\n')
    server = start(repository, "--access-file", rules, "--audit-log", audit)
    http, admin = ("http://" + server.addresses[name] for name in ("http", "admin"))
    for wanted, arguments in [
            ("200", [http + "/v2/health/ready"]),
            ("401", [http + "/v2/models/add_sub"]),
            ("401", [http + "/v2/models/add_sub", "-H", "X-API-Key: wrong"]),
            ("200", [http + "/v2/models/add_sub", "-H", "X-API-Key: k-app"]),
            ("200", [http + "/v2/models/add_sub", "-H", "Authorization: Bearer k-app"]),
            ("403", [http + "/v2/models/classes", "-H", "X-API-Key: k-app"]),
            ("403", [admin + "/v2/repository/models/add_sub/load", "-X", "POST", "-H", "X-API-Key: k-app"]),
            ("403", [http + "/v2/models/add_sub/infer", "-d", "{}", "-H", "X-API-Key: k-ops"]),
            ("200", [admin + "/v2/repository/models/add_sub/load", "-X", "POST", "-H", "X-API-Key: k-ops"])]:
        code, body = curl(*arguments)
        score.check(code == wanted, f"{arguments}: {code} {body}, expected {wanted}")
    for wanted, key in ((4, {}), (0, {"SINTER_API_KEY": "k-ops"})):
        done = subprocess.run([e2e.SINTER, "ctl", "list", "--admin", server.addresses["admin"]],
                              env=dict(os.environ, **key), capture_output=True, text=True)
        score.check(done.returncode == wanted, f"ctl list with {key}: {done.returncode} {done.stdout}{done.stderr}")
    score.check(server.stop() == 0, "the server with access rules does not end well")
    with open(audit) as file:
        entries = [json.loads(line) for line in file]
    score.check(("ops", "load add_sub", "ok") in [(e["client"], e["action"], e["outcome"]) for e in entries],
                f"the audit log holds {entries}")


def check_rules(repository):
    """What an input may hold; changed, and broken, while the server runs."""
    path = os.path.join(e2e.WORK, "rules.toml")

    def write(text):
        with open(path + ".new", "w") as file:
            file.write("[models.identity_fp32.inputs.IN]\n" + text)
        os.replace(path + ".new", path)  # never half a file

    write("max = 1\n")
    server = start(repository, "--config", path)

    def expect(value, wanted, text=""):
        request = {"inputs": [{"name": "IN", "datatype": "FP32", "shape": [1, 4], "data": [0, 0, value, 0]}]}
        for _ in range(100):  # a reload takes its time
            code, body = curl(f"http://{server.addresses['http']}/v2/models/identity_fp32/infer",
                              "-d", json.dumps(request))
            if code == wanted:
                break
            time.sleep(0.1)
        score.check(code == wanted and text in body, f"{value}: {code} {body}, expected {wanted} {text}")

    def reload(text):
        write(text)
        server.process.send_signal(signal.SIGHUP)

    expect(1, "200")
    expect(2, "400", "holds 2 at element 2; this server allows -inf to 1")
    reload("max = 3\nmin = 0\n")
    expect(2, "200")
    expect(-1, "400", "allows 0 to 3")
    other = 'shapes = ["1x4"]\n[models.identity_fp32.inputs.other]\nfinite = true\n'
    for faulty, said in (("max = 3\nminimum = 0\n", "unknown key 'models.identity_fp32.inputs.IN.minimum'"),
                         (other, "a rule for input 'other'; the model takes 'IN'")):
        reload(faulty)
        for _ in range(100):
            if said in server.log_text():
                break
            time.sleep(0.1)
        score.check(said in server.log_text(), f"the log lacks {said!r}: {server.log_text()}")
        expect(-1, "400", "allows 0 to 3")
    reload('shapes = ["1x5", "?x4"]\n')
    expect(-1, "200")
    score.check(server.stop() == 0, "the server with rules does not end well")


def main():
    repository = make_repository()
    server = start(repository, "--max-batch", "8", "--shared-memory")
    check_client(server)
    check_abuse(server)
    check_pages(server)
    score.check(server.stop() == 0, "the server does not end well")
    check_access(repository)
    check_rules(repository)
    score.exit()


main()
