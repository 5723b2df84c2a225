# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# /debug/profile: the operators of a model under live traffic, by name, with times
# that add up, one run in so many; off, it says how to switch it on.
import json
import os
import subprocess
import sys
import urllib.request

import numpy as np

import e2e
import serving

INPUTS = os.path.join(e2e.ROOT, "test", "e2e", "Inputs")
RATE, REQUESTS = 4, 40
score = e2e.Score()


def profile(admin):
    code, body = serving.curl(admin + "/debug/profile.json")
    score.check(code == "200", f"profile.json answers {code} {body}")
    return json.loads(body)["models"]


def ask(http, rows):
    data = np.ones((rows, 64), "f4")
    body = json.dumps({"inputs": [{"name": "x", "shape": [rows, 64], "datatype": "FP32",
                                   "data": data.ravel().tolist()}]}).encode()
    with urllib.request.urlopen(f"{http}/v2/models/mlp/infer", body, timeout=30) as answer:
        answer.read()


def check_on(repository):
    server = serving.Server(e2e.SINTER, "serve", repository, "--grpc-port=off", "--grace=0s",
                            f"--profile-rate={RATE}")
    if not score.check("admin" in server.addresses, f"the server says {server.log_text()[-1500:]}"):
        return
    http, admin = ("http://" + server.addresses[name] for name in ("http", "admin"))
    models = profile(admin)
    score.check([m["name"] for m in models] == ["mlp"] and models[0]["runs"] == 0,
                f"before any request: {models}")
    for _ in range(REQUESTS):
        ask(http, 3)
    model = profile(admin)[0]
    score.check(model["one_run_in"] == RATE and model["runs"] == REQUESTS // RATE and
                model["rows"] == 3 * REQUESTS // RATE, f"one run in {RATE}: {model}")
    operators = model["operators"]
    # Bias and activation are part of the first product; which of its nodes names it is the compiler's choice.
    products = [one for one in operators if one["macs"]]
    score.check(len(products) == 2 and {one["node"] for one in products} <= {"first", "bias", "relu", "second"},
                f"operators: {operators}")
    rows = model["rows"]
    score.check(sorted(one["macs"] for one in products) == [rows * 48 * 10, rows * 64 * 48], f"work: {products}")
    score.check(all(one["calls"] == model["runs"] and one["ns"] > 0 and one["kernel"] for one in products),
                f"calls: {products}")
    score.check(sum(one["ns"] for one in operators) == model["ns"], f"times do not add up: {model}")
    times = [one["ns"] for one in operators]
    score.check(times == sorted(times, reverse=True), f"the longest is not first: {times}")
    code, page = serving.curl(admin + "/debug/profile")
    score.check(code == "200" and "<svg" in page and all(f"<td>{one['node']}</td>" in page for one in products),
                f"the page answers {code} {page[-1000:]}")
    if "--screenshot" in sys.argv:
        subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,700",
                        "--screenshot=" + sys.argv[-1], admin + "/debug/profile"], check=True,
                       stderr=subprocess.DEVNULL)
    code, _ = serving.curl(http + "/debug/profile")
    score.check(code == "404", f"the clients' listener answers {code}")
    score.check(server.stop() == 0, "the server does not end well")


def check_off(repository):
    server = serving.Server(e2e.SINTER, "serve", repository, "--grpc-port=off", "--grace=0s")
    for path in ("/debug/profile", "/debug/profile.json"):
        code, body = serving.curl("http://" + server.addresses["admin"] + path)
        score.check(code == "404" and "--profile-rate" in json.loads(body)["error"], f"off: {code} {body}")
    score.check(server.stop() == 0, "the server does not end well")


def main():
    repository = os.path.join(e2e.WORK, "repository")
    folder = os.path.join(repository, "mlp", "1")
    os.makedirs(folder)
    subprocess.run([sys.executable, os.path.join(INPUTS, "small.py"), "mlp", os.path.join(folder, "model.onnx")],
                   check=True)
    check_on(repository)
    check_off(repository)
    score.exit()


main()
