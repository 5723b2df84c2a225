# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Traces of requests, at an OTLP collector made of a few lines of Python, and in a
# file: ids and parents as W3C has them, spans and their attributes, which requests
# are sampled, and that a collector that is dead or slow harms nothing.
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import e2e
import serving

sys.path.insert(0, os.path.join(e2e.ROOT, "test", "serve", "contract"))
import models  # noqa: E402

CLIENT = os.path.join(e2e.ROOT, "test", "e2e", "Inputs", "serve_trace_client.py")
PHASES = ["read", "queue", "compute", "answer"]
score = e2e.Score()


class Collector:
    """Keeps every span that is posted; may refuse, or take its time."""

    def __init__(self, certificate=None):
        """certificate: files of a certificate for localhost and of its key; None = plain HTTP."""
        self.spans, self.faults, self.status = [], [], 200
        self.held = threading.Event()
        self.held.set()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.held.wait(20)
                if collector.status == 200:
                    collector.take(self.path, self.headers["Content-Type"], body)
                try:
                    self.send_response(collector.status)
                    self.end_headers()
                except OSError:
                    pass  # nobody waits any more

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*certificate)
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, kind, body):
        if path != "/v1/traces" or kind != "application/json":
            self.faults.append((path, kind))
        for resource in json.loads(body)["resourceSpans"]:
            who = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
            if who.get("service.name") != "sinter":
                self.faults.append(who)
            for scope in resource["scopeSpans"]:
                self.spans += scope["spans"]

    def roots(self, **wanted):
        """The spans of requests with these attributes."""
        return [span for span in self.spans if span["kind"] == 2 and
                all(attributes(span).get("sinter." + key.replace("_", ".")) == value
                    for key, value in wanted.items())]

    def wait_for(self, condition):
        end = time.monotonic() + 15
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)
        return condition()


def attributes(span):
    return {a["key"]: a["value"].get("stringValue", a["value"].get("intValue")) for a in span["attributes"]}


def infer(base, name, model="classes", parent=None, good=True):
    """The reply's status and traceparent."""
    body = json.dumps({"id": name, "inputs": [{"name": "X", "shape": [2, 10], "datatype": "FP32",
                                               "data": [0.5] * (20 if good else 3)}]}).encode()
    request = urllib.request.Request(f"{base}/v2/models/{model}/infer", body)
    if parent:
        request.add_header("traceparent", parent)
        request.add_header("tracestate", "vendor=1")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            return answer.status, answer.headers.get("traceparent")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("traceparent")


def setting(base, **values):
    code, body = serving.curl("-X", "POST", base + "/trace/setting", "-d", json.dumps(values))
    score.check(code == "200", f"{values}: {code} {body}")


def metric(admin, name):
    _, text = serving.curl(admin + "/metrics")
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " ")), None)


def check_spans(collector, http):
    trace, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    status, back = infer(http, "first", parent=f"00-{trace}-{caller}-01")
    score.check(status == 200 and collector.wait_for(lambda: collector.roots(request_id="first")),
                f"no span came: {status} {collector.spans}")
    root = collector.roots(request_id="first")[0]
    score.check(root["traceId"] == trace and root["parentSpanId"] == caller and root["traceState"] == "vendor=1",
                f"the caller's context is not kept: {root}")
    score.check(back == f"00-{trace}-{root['spanId']}-01", f"the reply's context is {back}")
    said = attributes(root)
    score.check(root["name"] == "infer classes" and said["sinter.model.name"] == "classes" and
                said["sinter.model.version"] == "1" and int(said["sinter.batch.rows"]) >= 2, f"the span is {root}")
    parts = [span for span in collector.spans if span.get("parentSpanId") == root["spanId"]]
    score.check([span["name"] for span in parts] == PHASES, f"phases: {[span['name'] for span in parts]}")
    score.check(len({span["spanId"] for span in [root, *parts]}) == 5 and
                all(span["traceId"] == trace for span in parts), f"ids: {parts}")
    times = [int(root["startTimeUnixNano"])]
    for span in parts:
        times += [int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])]
    times.append(int(root["endTimeUnixNano"]))
    score.check(times == sorted(times) and abs(times[0] / 1e9 - time.time()) < 60, f"times: {times}")

    status, back = infer(http, "wrong", model="absent", parent=f"00-{trace}-{caller}-01")
    score.check(collector.wait_for(lambda: collector.roots(model_name="absent")), "a fault is not traced")
    for root in collector.roots(model_name="absent"):
        score.check(root["status"]["code"] == 2 and "absent" in root["status"]["message"], f"the fault is {root}")
    score.check(status == 404 and back and back.startswith(f"00-{trace}-"), f"the fault answers {status} {back}")

    infer(http, "own root")
    score.check(collector.wait_for(lambda: collector.roots(request_id="own root")), "no span without a caller's")
    for root in collector.roots(request_id="own root"):
        score.check("parentSpanId" not in root and root["traceId"] not in (trace, "0" * 32), f"own root: {root}")


def check_sampling(collector, http, admin):
    plain = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
    _, back = infer(http, "not wanted", parent=plain + "00")
    score.check(back == plain + "00", f"an unsampled context comes back as {back}")
    _, back = infer(http, "no context", parent="00-xyz-01")
    setting(admin + "/v2", trace_rate="3")
    for _ in range(9):
        infer(http, "one in three")
    setting(admin + "/v2/models/classes", trace_rate="1", trace_count="4")
    for _ in range(7):
        infer(http, "four")
    setting(admin + "/v2/models/classes", trace_rate=None, trace_count=None, trace_level=["OFF"])
    infer(http, "off", parent=plain + "01")
    setting(admin + "/v2/models/classes", trace_level=None)
    setting(admin + "/v2", trace_rate="1")
    infer(http, "last")
    score.check(collector.wait_for(lambda: collector.roots(request_id="last")), "tracing does not come back")
    for name, wanted in [("not wanted", 0), ("no context", 1), ("one in three", 3), ("four", 4), ("off", 0)]:
        found = collector.roots(request_id=name)
        score.check(len(found) == wanted, f"{name}: {len(found)} traces, expected {wanted}")
    score.check(len({root["traceId"] for root in collector.roots(request_id="one in three")}) == 3,
                "separate requests share a trace")


def check_grpc(collector, address):
    trace = "af7651916cd43dd8448eb211c80319cd"
    done = subprocess.run([serving.PYTHON, CLIENT, address, f"00-{trace}-b7ad6b7169203331-01"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    lines = done.stdout.splitlines()
    score.check(done.returncode == 0 and len(lines) == 8, f"the client ends with {done.stdout[-1500:]}")
    for line in lines[:-1]:
        score.check(line.startswith("ok "), line)
    score.check(collector.wait_for(lambda: collector.roots(request_id="over-grpc")), "no span over gRPC")
    for root in collector.roots(request_id="over-grpc"):
        score.check(root["traceId"] == trace and lines[-1] == f"00-{trace}-{root['spanId']}-01",
                    f"over gRPC: {root} {lines[-1]}")


def check_collector(repository):
    collector = Collector()
    server = serving.Server(e2e.SINTER, "serve", repository, "--grpc-port=0", "--grace=0s", "--trace-rate=1",
                            "--repository-control=all", "--otlp-endpoint", collector.url)
    if not score.check("admin" in server.addresses, f"the server says {server.log_text()[-1500:]}"):
        return
    http, admin = ("http://" + server.addresses[name] for name in ("http", "admin"))
    check_spans(collector, http)
    check_sampling(collector, http, admin)
    check_grpc(collector, server.addresses["grpc"])
    score.check(not collector.faults, f"the collector wonders at {collector.faults}")
    # Slow: nothing waits for it, and what no longer fits is dropped and counted.
    collector.held.clear()
    codes = {infer(http, "while it is slow")[0] for _ in range(2500)}
    score.check(codes == {200}, f"beside a slow collector requests answer {codes}")
    score.check(collector.wait_for(lambda: metric(admin, "sinter_traces_dropped_total") > 0), "nothing was dropped")
    collector.held.set()
    before = metric(admin, "sinter_traces_exported_total")
    score.check(collector.wait_for(lambda: metric(admin, "sinter_traces_exported_total") > before),
                "nothing is exported after the collector came back")
    infer(http, "at the end")
    score.check(server.stop() == 0, "the server does not end well")
    score.check(collector.wait_for(lambda: collector.roots(request_id="at the end")),
                "the last trace was not sent before the end")


def check_dead(repository):
    """Nobody listens: every try is counted, and it is said once."""
    collector = Collector()
    collector.server.shutdown()
    collector.server.server_close()
    server = serving.Server(e2e.SINTER, "serve", repository, "--grpc-port=off", "--grace=0s", "--trace-rate=1",
                            "--otlp-endpoint", collector.url + "/v1/traces")
    http, admin = ("http://" + server.addresses[name] for name in ("http", "admin"))
    codes = {infer(http, "unheard")[0] for _ in range(300)}
    score.check(codes == {200}, f"beside a dead collector requests answer {codes}")
    score.check(collector.wait_for(lambda: metric(admin, "sinter_traces_dropped_total") >= 300),
                f"dropped: {metric(admin, 'sinter_traces_dropped_total')}")
    score.check(metric(admin, "sinter_trace_export_failures_total") >= 2, "failures are not counted")
    score.check(server.stop() == 0, "the server with a dead collector does not end well")
    said = server.log_text().count("traces cannot be exported")
    score.check(said == 1, f"the failure is logged {said} times")


def check_tls(repository):
    """Over TLS, to a collector whose certificate the machine trusts, and to no other."""
    files = [os.path.join(e2e.WORK, "collector" + suffix) for suffix in (".pem", ".key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-out", files[0], "-keyout", files[1]], check=True, stderr=subprocess.DEVNULL)
    for trusted in (True, False):
        collector = Collector(files)
        if trusted:
            os.environ["SSL_CERT_FILE"] = files[0]
        server = serving.Server(e2e.SINTER, "serve", repository, "--grpc-port=off", "--grace=0s", "--trace-rate=1",
                                "--otlp-endpoint", collector.url)
        os.environ.pop("SSL_CERT_FILE", None)
        http, admin = ("http://" + server.addresses[name] for name in ("http", "admin"))
        infer(http, "in secret")
        if trusted:
            score.check(collector.wait_for(lambda: collector.roots(request_id="in secret")), "no span over TLS")
        else:
            score.check(collector.wait_for(lambda: metric(admin, "sinter_trace_export_failures_total") >= 1) and
                        not collector.spans, "a collector with any certificate is trusted")
        score.check(server.stop() == 0, "the server beside a collector with TLS does not end well")


def check_file(repository):
    path = os.path.join(e2e.WORK, "traces.jsonl")
    # One thread: two could take a row of a request each.
    server = serving.Server(e2e.SINTER, "serve", repository, "--grpc-port=off", "--grace=0s", "--trace-rate=2",
                            "--trace-file", path, "--threads=1")
    http = "http://" + server.addresses["http"]
    for number in range(6):
        infer(http, f"request {number}")
    admin = f"http://{server.addresses['admin']}/v2"
    setting(admin, trace_level=["TIMESTAMPS", "TENSORS"], trace_rate="1")
    _, settings = serving.curl(admin + "/trace/setting")
    score.check(json.loads(settings)["trace_level"] == ["TIMESTAMPS", "TENSORS"], f"settings: {settings}")
    infer(http, "with tensors")
    score.check(server.stop() == 0, "the server with a trace file does not end well")
    with open(path) as file:
        lines = [json.loads(line) for line in file]
    last = lines.pop()
    tensors = {each["activity"]: each["tensor"] for each in last["tensors"]}
    given, got = tensors["TENSOR_QUEUE_INPUT"], tensors["TENSOR_BACKEND_OUTPUT"]
    score.check(last["request_id"] == "with tensors" and given["name"] == "X" and given["shape"] == "2,10" and
                given["dtype"] == "FP32" and [float(x) for x in given["data"].split(",")] == [0.5] * 20 and
                got["shape"].startswith("2,") and len(last["timestamps"]) == 5, f"tensors: {last}")
    score.check(not any("tensors" in line for line in lines), f"tensors that nobody asked for: {lines}")
    score.check([line["request_id"] for line in lines] == ["request 1", "request 3", "request 5"], f"lines: {lines}")
    for line in lines:
        stamps = [stamp["ns"] for stamp in line["timestamps"]]
        score.check([stamp["name"] for stamp in line["timestamps"]] ==
                    ["REQUEST_START", "QUEUE_START", "COMPUTE_START", "COMPUTE_END", "REQUEST_END"] and
                    stamps == sorted(stamps) and line["model_name"] == "classes" and line["batch_rows"] >= 2,
                    f"line: {line}")
    for wrong in (["--trace-file", "/nowhere/at/all"], ["--otlp-endpoint", "ftp://collector"],
                  ["--otlp-endpoint", "collector:4318"]):
        done = subprocess.run([e2e.SINTER, "serve", repository, "--http-port=0", "--grpc-port=off", "--admin-port=off",
                               *wrong], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        score.check(done.returncode not in (0, 6) and wrong[1] in done.stdout, f"{wrong}: {done.returncode} {done.stdout}")


def main():
    repository = os.path.join(e2e.WORK, "repository")
    models.write_onnx(repository)
    for name in os.listdir(repository):
        if name != "classes":
            subprocess.run(["rm", "-r", os.path.join(repository, name)], check=True)
    check_collector(repository)
    check_dead(repository)
    check_tls(repository)
    check_file(repository)
    score.exit()


main()
