# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `sinter package`: a bundle as folder and as tar, signed or not, and the files of
# a deployment, each held against the tool that will read it.
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile

import e2e

INPUTS = os.path.join(e2e.ROOT, "test", "e2e", "Inputs")
PYTHON = os.environ.get("SINTER_SERVE_PYTHON",
                        os.path.expanduser("~/.cache/sinter/serve-venv/bin/python"))
BIN = os.path.dirname(PYTHON)
score = e2e.Score()


def run(*command):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def check_run(text, *command, expect=0):
    status, output = run(*command)
    return score.check(status == expect, f"{text}: status {status}\n{output[-1500:]}")


def check_bundles(model):
    folder = os.path.join(e2e.WORK, "repository", "small.v1", "3")
    archive = os.path.join(e2e.WORK, "small.tar")
    check_run("package as a folder", e2e.SINTER, "package", model, "-o", folder, "--name", "small.v1")
    names = sorted(os.listdir(folder))
    score.check({"model.so", "manifest.json"} <= set(names), f"the folder holds {names}")
    with open(os.path.join(folder, "manifest.json")) as file:
        manifest = json.load(file)
    score.check(manifest["name"] == "small.v1" and manifest["inputs"], f"manifest {manifest}")
    status, output = run(e2e.SINTER, "package", model, "-o", folder)
    score.check(status != 0 and "exists already" in output, f"over a version: {status} {output}")
    check_run("package as a tar", e2e.SINTER, "package", model, "-o", archive, "--name", "small.v1")
    with tarfile.open(archive) as tar:
        score.check(sorted(tar.getnames()) == names, f"the tar holds {tar.getnames()}")
    again = os.path.join(e2e.WORK, "again.tar")
    run(e2e.SINTER, "package", model, "-o", again, "--name", "small.v1")
    with open(archive, "rb") as one, open(again, "rb") as two:
        score.check(one.read() == two.read(), "two bundles of one model differ")


def check_signature(model):
    key = os.path.join(e2e.WORK, "key.pem")
    public = os.path.join(e2e.WORK, "public.pem")
    check_run("key", "openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
    check_run("public key", "openssl", "pkey", "-in", key, "-pubout", "-out", public)
    folder = os.path.join(e2e.WORK, "signed", "small", "1")
    check_run("package --sign", e2e.SINTER, "package", model, "-o", folder, "--sign", key)
    server = os.path.join(e2e.BUILD, "bin", "sinter-server")

    def reason():
        """What the server says of the one model: it ends at once when nothing is ready."""
        process = subprocess.Popen([server, os.path.join(e2e.WORK, "signed"), "--http-port=0",
                                    "--grpc-port=0", "--admin-port=0", "--grace=0s",
                                    "--bundle-key", public], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.strip() == "ready":
                break
        process.terminate()
        process.communicate()
        return "".join(lines)

    said = reason()
    score.check("a version is ready" in said, f"a signed bundle: {said}")
    with open(os.path.join(folder, "manifest.json"), "a") as file:
        file.write(" ")
    said = reason()
    score.check("signature is not valid" in said, f"a changed bundle: {said}")


def queries(dashboard):
    with open(dashboard) as file:
        panels = json.load(file)["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def check_deployment(model):
    folder = os.path.join(e2e.WORK, "deploy")
    check_run("package --deploy", e2e.SINTER, "package", model, "-o",
              os.path.join(e2e.WORK, "d.tar"), "--deploy", folder, "--name", "Small_Model")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name)) as file:
            text = file.read()
        left = re.findall(r"@[A-Z_]*@", text)
        score.check(text and not left, f"{name}: left unfilled {left}")
        # Who scrapes metrics must not be able to drain; a server that drains is alive.
        if name in ("Containerfile", "deployment.yaml", "kserve.yaml"):
            score.check(re.search("repository.control=off", text, re.I), f"{name}: control is on")
        if name == "deployment.yaml":
            score.check("/v2/health/live" in text, f"{name}: the liveness probe asks for readiness")
    file = lambda name: os.path.join(folder, name)  # noqa: E731
    check_run("hadolint", os.path.join(BIN, "hadolint"), file("Containerfile"))
    unit = file("small-model.service")
    program = os.path.join(e2e.WORK, "Small_Model.serve")
    shutil.copy("/bin/true", program)  # systemd looks whether the program is there
    with open(unit) as source:
        text = source.read().replace("/usr/local/bin/Small_Model.serve", program)
    with open(unit, "w") as target:
        target.write(text)
    check_run("systemd-analyze verify", "systemd-analyze", "verify", "--man=no", unit)
    check_run("promtool check rules", "promtool", "check", "rules", file("alerts.yaml"))
    rules = {"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel{n}", "expr": expr} for n, expr in enumerate(queries(file("dashboard.json")))]}]}
    path = os.path.join(e2e.WORK, "queries.json")
    with open(path, "w") as target:
        json.dump(rules, target)  # JSON is YAML
    check_run("promtool parses every query of the dashboard", "promtool", "check", "rules", path)
    status, output = run(PYTHON, os.path.join(INPUTS, "serve_schemas.py"), folder)
    lines = [l for l in output.splitlines() if l.startswith(("ok ", "FAIL "))]
    score.check(status == 0 and len(lines) >= 7, f"schemas: {status}\n{output[-1500:]}")
    for line in lines:
        score.check(line.startswith("ok "), line)


def check_source(model):
    """--emit=server-source: a program that builds, serves and ends."""
    folder = os.path.join(e2e.WORK, "source")
    check_run("--emit=server-source", e2e.SINTER, "compile", model, "--emit=server-source",
              "-o", folder)
    check_run("cmake", "cmake", "-S", folder, "-B", folder + "/build", "-G", "Ninja",
              "-DCMAKE_C_COMPILER=clang-22", "-DCMAKE_CXX_COMPILER=clang++-22")
    if not check_run("build", "cmake", "--build", folder + "/build"):
        return
    process = subprocess.Popen([folder + "/build/small-server", "--http-port=0", "--grpc-port=0",
                                "--admin-port=0", "--grace=0s"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1] == "ready":
            break
    process.terminate()
    status = process.wait(60)
    score.check(lines and lines[-1] == "ready" and status == 0,
                f"the server of one's own: {lines}, status {status}")


def main():
    small = os.path.join(e2e.WORK, "small.onnx")
    subprocess.run([sys.executable, os.path.join(INPUTS, "small.py"), "conv", small], check=True)
    check_bundles(small)
    check_signature(small)
    check_deployment(small)
    check_source(small)
    score.exit()


main()
