# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A real Prometheus scrapes a running server with the alert rules that
# `sinter package --deploy` wrote. Each rule is made to fire by what it is about,
# and has to clear when that ends. Only the durations in the rules are shorter.
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import onnx
from onnx import TensorProto, helper, numpy_helper

import e2e
import numpy as np
import serving

NAME = "table"
PATIENCE = 30  # seconds until an alert must fire or clear; a few are usual
score = e2e.Score()
ANYBODY = ssl._create_unverified_context()  # the certificate is its own authority

# The rules as JSON, which is YAML; the e2e environment has no YAML parser.
READ_YAML = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)"


def write_model(path):
    """A table looked up by rows: an index outside of it is a fault of the run."""
    table = numpy_helper.from_array(np.arange(4, dtype="f4"), "t")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["t", "x"], ["y"], name="look")], "table",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["N", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])], [table])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def shorter(value):
    """Every duration of the rules, from a minute up, becomes two seconds or less."""
    if isinstance(value, dict):
        return {key: ("1s" if key == "for" else shorter(one)) for key, one in value.items()}
    if isinstance(value, list):
        return [shorter(one) for one in value]
    return re.sub(r"\[\d+[smh]\]", "[3s]", value) if isinstance(value, str) else value


class Prometheus:
    def __init__(self, target, alerts):
        done = subprocess.run([serving.PYTHON, "-c", READ_YAML, alerts], text=True, check=True,
                              stdout=subprocess.PIPE)
        rules = json.loads(done.stdout)
        self.names = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
        path = lambda name: os.path.join(e2e.WORK, name)  # noqa: E731
        with open(path("rules.json"), "w") as file:
            json.dump(shorter(rules), file)
        with open(path("prometheus.json"), "w") as file:
            json.dump({"global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
                       "rule_files": [path("rules.json")],
                       "scrape_configs": [{"job_name": "sinter",
                                           "static_configs": [{"targets": [target]}]}]}, file)
        self.fired = set()
        self.process = subprocess.Popen(
            ["prometheus", "--config.file=" + path("prometheus.json"),
             "--storage.tsdb.path=" + path("series"), "--web.listen-address=127.0.0.1:0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.base, self.said = None, []
        for line in self.process.stderr:
            self.said.append(line)
            found = re.search(r'"Listening on" address=(\S+)', line)
            if found:
                self.base = "http://" + found[1]
                break
        # Nobody else reads what it says: a full pipe would stop it.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def ask(self, path, **query):
        url = f"{self.base}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError:  # 503 while it starts
            return {"alerts": [], "activeTargets": [], "result": []}

    def firing(self):
        now = {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"]
               if alert["state"] == "firing"}
        self.fired |= now
        return now

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Traffic(serving.Clients):
    """So many clients at once that ask for a row of the table, again and again."""

    def __init__(self, base, clients, index):
        super().__init__(*[self.ask] * clients)
        self.url = f"{base}/v2/models/{NAME}/infer"
        self.body = json.dumps({"inputs": [{"name": "x", "shape": [1, 1], "datatype": "INT64",
                                            "data": [index]}]}).encode()
        self.codes = set()

    def ask(self):
        try:
            with urllib.request.urlopen(self.url, self.body, timeout=30, context=ANYBODY) as answer:
                self.codes.add(answer.status)
        except urllib.error.HTTPError as error:
            self.codes.add(error.code)
        time.sleep(0.02)


def certify(days):
    """Files that are renamed into place, as whoever renews them does."""
    names = [os.path.join(e2e.WORK, name) for name in ("tls.pem", "tls.key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", str(days), "-subj", "/CN=localhost", "-out", names[0] + ".new",
                    "-keyout", names[1] + ".new"], check=True, capture_output=True)
    for name in names:
        os.rename(name + ".new", name)
    return names


def fires(prometheus, *names):
    for name in names:
        score.check(prometheus.wait_for(lambda: name in prometheus.firing()),
                    f"{name} does not fire; firing: {prometheus.firing()}")


def clears(prometheus):
    score.check(prometheus.wait_for(lambda: not prometheus.firing()),
                f"still firing: {prometheus.firing()}")


def check_alerts(prometheus, server, repository):
    http, admin = "https://" + server.addresses["http"], "http://" + server.addresses["admin"]
    up = lambda: [t["health"] for t in prometheus.ask("targets")["activeTargets"]] == ["up"]  # noqa: E731
    score.check(prometheus.wait_for(up), "the server is not scraped")
    ready = prometheus.ask("query", query=f'sinter_model_ready{{model="{NAME}"}}')["result"]
    score.check([sample["value"][1] for sample in ready] == ["1"], f"sinter_model_ready is {ready}")
    # Rules that were evaluated before the first scrape saw no model at all.
    clears(prometheus)
    score.check(prometheus.fired <= {"SinterModelNotReady"}, f"fired at rest: {prometheus.fired}")

    broken = os.path.join(repository, NAME, "2")
    os.makedirs(broken)
    with open(os.path.join(broken, "model.so"), "w") as file:
        file.write("no model")
    load = [admin + f"/v2/repository/models/{NAME}/load", "-X", "POST"]
    code, body = serving.curl(*load)
    score.check(code != "200", f"loading a broken version answers {code} {body}")
    fires(prometheus, "SinterModelNotReady")
    shutil.rmtree(broken)
    code, body = serving.curl(*load)
    score.check(code == "200", f"loading after it was mended answers {code} {body}")
    clears(prometheus)

    # Each batch waits its fixed delay, and two requests fill the queue.
    with Traffic(http, 8, index=1) as traffic:
        fires(prometheus, "SinterRequestsShed", "SinterQueueTooLong")
    score.check(traffic.codes == {200, 503}, f"overload answers {traffic.codes}")
    clears(prometheus)

    with Traffic(http, 1, index=99) as traffic:
        fires(prometheus, "SinterErrors")
    score.check(traffic.codes and 200 not in traffic.codes, f"a wrong index answers {traffic.codes}")
    clears(prometheus)
    certify(days=3)
    fires(prometheus, "SinterCertificateExpires")
    certify(days=30)
    clears(prometheus)
    score.check(prometheus.fired == set(prometheus.names),
                f"of the rules {prometheus.names} only {prometheus.fired} ever fired")


def main():
    model, repository, deploy = (os.path.join(e2e.WORK, name)
                                 for name in ("table.onnx", "repository", "deploy"))
    write_model(model)
    certificate, key = certify(days=30)
    done = subprocess.run([e2e.SINTER, "package", model, "-o", os.path.join(repository, NAME, "1"),
                           "--name", NAME, "--deploy", deploy], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    score.check(done.returncode == 0, f"sinter package: {done.stdout[-1500:]}")
    server = serving.Server(e2e.SINTER, "serve", repository, "--grpc-port=off", "--grace=0s",
                            "--versions=all", "--max-queue=2", "--max-queue-delay-us=150000",
                            "--breaker-failures=0", "--tls-certificate", certificate, "--tls-key", key)
    if score.check("admin" in server.addresses, f"the server says {server.log_text()[-1500:]}"):
        prometheus = Prometheus(server.addresses["admin"], os.path.join(deploy, "alerts.yaml"))
        try:
            listens = score.check(prometheus.base, f"prometheus says {prometheus.said[-5:]}")
            if listens:
                check_alerts(prometheus, server, repository)
            score.check(server.stop() == 0, "the server does not end well")
            if listens:
                fires(prometheus, "SinterModelNotReady")
        finally:
            prometheus.stop()
            server.stop()
    score.exit()


main()
