# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The servers that are compared, each around the same .onnx file.

Triton comes from the PyPI package nvidia-pytriton==0.7.0 and runs the model by
ONNX Runtime in its Python backend; uvicorn is the server that a team writes itself
in an afternoon. Both live in a virtual environment of their own.
"""
import contextlib
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))

TRITON_MODEL = """
import os, sys
sys.path.insert(0, os.environ["SINTER_SITE"])
import onnxruntime
import triton_python_backend_utils as utils


class TritonPythonModel:
    def initialize(self, args):
        folder = os.path.join(args["model_repository"], args["model_version"])
        self.session = onnxruntime.InferenceSession(os.path.join(folder, "model.onnx"))

    def execute(self, requests):
        import numpy
        feeds, rows = {}, []
        for name in (i.name for i in self.session.get_inputs()):
            parts = [utils.get_input_tensor_by_name(r, name).as_numpy() for r in requests]
            feeds[name] = parts[0] if len(parts) == 1 else numpy.concatenate(parts)
            rows = [len(p) for p in parts]
        names = [o.name for o in self.session.get_outputs()]
        values = self.session.run(names, feeds)
        answers, first = [], 0
        for count in rows:
            answers.append(utils.InferenceResponse(
                [utils.Tensor(n, v[first:first + count]) for n, v in zip(names, values)]))
            first += count
        return answers
"""

UVICORN_APP = """
import json, os, sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(os.environ["SINTER_MODEL"])
name = session.get_inputs()[0].name


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    answer = b""
    if scope["method"] == "POST":
        cut = int(dict(scope["headers"])[b"inference-header-content-length"])
        tensor = json.loads(body[:cut])["inputs"][0]
        value = numpy.frombuffer(body[cut:], numpy.float32).reshape(tensor["shape"])
        answer = b"".join(v.tobytes() for v in session.run(None, {name: value}))
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(answer)).encode())]})
    await send({"type": "http.response.body", "body": answer})
"""


def site_packages(venv):
    return glob.glob(os.path.join(venv, "lib", "python3*", "site-packages"))[0]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def ask(port, path, method="GET"):
    """The JSON that a server answers."""
    with urllib.request.urlopen(urllib.request.Request(f"http://localhost:{port}{path}", method=method,
                                                       data=b"" if method == "POST" else None)) as answer:
        return json.loads(answer.read() or b"null")


def await_warm(admin, seconds=60):
    """Returns when Sinter's server has measured what its batches cost, which it does while nobody asks."""
    for _ in range(int(seconds * 10)):
        with urllib.request.urlopen(f"http://localhost:{admin}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        if not any(line.startswith("sinter_warming{") and line.endswith(" 1") for line in lines):
            return
        time.sleep(0.1)


def http_answer(port, model, body, cut):
    """The whole answer to one inference request, whose first `cut` bytes are JSON."""
    head = (f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            f"Inference-Header-Content-Length: {cut}\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head + body)
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        end = data.index(b"\r\n\r\n") + 4
        length = int(re.search(rb"\r\ncontent-length: *(\d+)", data[:end], re.I).group(1))
        while len(data) < end + length:
            data += connection.recv(65536)
    return data


@contextlib.contextmanager
def canned(bin, answer, *options):
    """A server that reads requests and sends the bytes of the file `answer`: its port."""
    port = free_ports(1)[0]
    process = subprocess.Popen([os.path.join(bin, "bench-canned"), "--port", str(port), "--answer", answer, *options])
    try:
        time.sleep(0.5)
        yield port
    finally:
        process.kill()
        process.wait()


class Server:
    """A process with an HTTP port, and a gRPC port where it speaks gRPC."""

    name = speaks_grpc = None
    ready_path = "/v2/health/ready"

    def __init__(self, work):
        self.folder = os.path.join(work, self.name)
        os.makedirs(self.folder)
        self.http, self.grpc, self.admin = free_ports(3)
        self.log = open(os.path.join(self.folder, "log"), "w")
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command(), env=dict(os.environ, **self.environment()),
                                        stdout=self.log, stderr=self.log)
        for _ in range(1200):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://localhost:{self.http}{self.ready_path}", timeout=5):
                    return self
            except OSError:
                time.sleep(0.1)
        self.__exit__()
        with open(self.log.name) as log:
            sys.exit(f"{self.name} did not start:\n{log.read()[-2000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def environment(self):
        return {}

    def settle(self):
        """Returns when the server is as fast as it will be."""

    def runs(self):
        """Rows and runs so far, of a server whose batches are compared with the object's."""
        return None

    def resident_mb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(status.read().split("VmRSS:")[1].split()[0]) / 1024


class Sinter(Server):
    name, speaks_grpc = "sinter", True

    def __init__(self, work, model, build):
        super().__init__(work)
        self.binary = os.path.join(self.folder, "model.serve")
        subprocess.run([os.path.join(build, "bin", "sinter"), "compile", model, "-o", self.binary],
                       check=True, stdout=self.log, stderr=self.log)

    def command(self):
        return [self.binary, "--http-port", str(self.http), "--grpc-port", str(self.grpc),
                "--admin-port", str(self.admin)]

    def model(self):
        return ask(self.http, "/v2/repository/index", "POST")[0]["name"]

    def settle(self):
        await_warm(self.admin)

    def runs(self):
        figures = ask(self.http, "/v2/models/stats")["model_stats"][0]
        return figures["inference_count"], figures["execution_count"]


class Triton(Server):
    name, speaks_grpc = "triton", True

    def __init__(self, work, model, venv, tensors, max_batch):
        """tensors: (inputs, outputs), each a list of (name, dims after the batch)."""
        super().__init__(work)
        self.site = site_packages(venv)
        self.root = os.path.join(self.site, "pytriton", "tritonserver")
        stub = os.path.join(self.root, "backends", "python", "triton_python_backend_stub")
        if not os.path.exists(stub):
            shutil.copy(os.path.join(self.root, "python_backend_stubs", "3.11", os.path.basename(stub)), stub)
        version = os.path.join(self.folder, "models", "model", "1")
        os.makedirs(version)
        os.symlink(os.path.abspath(model), os.path.join(version, "model.onnx"))
        config = ['name: "model"', 'backend: "python"', f"max_batch_size: {max_batch}", "dynamic_batching { }"]
        for side, listed in zip(("input", "output"), tensors):
            for name, dims in listed:
                config.append(f"{side} [ {{ name: {json.dumps(name)} data_type: TYPE_FP32 dims: {dims} }} ]")
        with open(os.path.join(os.path.dirname(version), "config.pbtxt"), "w") as file:
            file.write("\n".join(config) + "\n")
        with open(os.path.join(version, "model.py"), "w") as file:
            file.write(TRITON_MODEL)

    def command(self):
        return [os.path.join(self.root, "bin", "tritonserver"),
                "--model-repository", os.path.join(self.folder, "models"),
                "--backend-directory", os.path.join(self.root, "backends"),
                "--http-port", str(self.http), "--grpc-port", str(self.grpc), "--metrics-port", str(self.admin)]

    def environment(self):
        return {"SINTER_SITE": self.site}

    def model(self):
        return "model"


class Uvicorn(Server):
    name, speaks_grpc = "uvicorn", False
    ready_path = "/"

    def __init__(self, work, model, venv):
        super().__init__(work)
        self.venv, self.path = venv, os.path.abspath(model)
        with open(os.path.join(self.folder, "app.py"), "w") as file:
            file.write(UVICORN_APP)

    def command(self):
        return [os.path.join(self.venv, "bin", "python"), "-m", "uvicorn", "app:app", "--app-dir", self.folder,
                "--port", str(self.http), "--log-level", "warning"]

    def environment(self):
        return {"SINTER_MODEL": self.path}

    def model(self):
        return "model"
