# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the README tells a reader to type, works. Lines of its `sh` blocks that start
# with `sinter` are run in an empty folder that holds one small model, model.onnx, in
# the order in which they stand; the `c` block is compiled against what they made.
# What stands behind `&&` is a server, which the `curl` line and the `python` block
# ask: they must get the text of a picture out of it.
# Scripts of the repository are only looked up: they are tests themselves.
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

ROOT = os.environ["SINTER_ROOT"]
BUILD = os.environ["SINTER_BUILD"]
sys.path.insert(0, os.path.join(ROOT, "bench"))

sys.path.insert(0, os.path.join(ROOT, "examples", "ocr"))

import catalogue  # noqa: E402
import picture  # noqa: E402
import steps  # noqa: E402

CLIENT = os.environ.get("SINTER_SERVE_PYTHON",
                        os.path.expanduser("~/.cache/sinter/serve-venv/bin/python"))
PICTURE = "date.png"

results = []


def check(what, command, folder):
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          env=dict(os.environ, PATH=os.path.join(BUILD, "bin") + os.pathsep + os.environ["PATH"]))
    results.append(done.returncode == 0)
    if done.returncode != 0:
        print(f"{what}\n  exit status {done.returncode}\n{done.stdout[-1500:]}")


def prepare_ocr(work):
    """What the server's section talks of: the model, its letters, a picture, a request."""
    shutil.copy(steps.model_path(), os.path.join(work, "ocr.onnx"))
    shipped = os.path.join(ROOT, "examples", "ocr", "pictures", PICTURE)
    shutil.copy(shipped, work)
    letters = onnxruntime.InferenceSession(steps.model_path()).get_modelmeta()
    with open(os.path.join(work, "characters.txt"), "w", encoding="utf-8") as file:
        file.write(letters.custom_metadata_map["character"] + "\n ")
    data = picture.prepare(shipped)
    with open(os.path.join(work, "request.json"), "w") as file:
        json.dump({"inputs": [{"name": "x", "shape": data.shape, "datatype": "FP32",
                               "data": data.ravel().tolist()}]}, file)


class Server:
    def __init__(self, command, work):
        env = dict(os.environ, SINTER_HTTP_PORT="0", SINTER_GRPC_PORT="0", SINTER_ADMIN_PORT="0",
                   SINTER_GRACE="0s")
        self.process = subprocess.Popen(command, cwd=work, env=env, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.address = ""
        for line in self.process.stdout:
            if line.startswith("http "):
                self.address = "127.0.0.1:" + line.strip().rsplit(":", 1)[1]
            if line.strip() == "ready":
                break

    def here(self, text):
        return text.replace("localhost:8000", self.address)


def check_server(server, line, readme, work):
    done = subprocess.run(server.here(line).split(), cwd=work, text=True, capture_output=True)
    scores = json.loads(done.stdout)["outputs"][0]
    shown = np.array(scores["data"], "f4").reshape(scores["shape"])
    with open(os.path.join(work, "characters.txt"), encoding="utf-8") as file:
        letters = file.read().split("\n")
    wanted = steps.expected(os.path.join(ROOT, "examples", "ocr", "pictures"))[PICTURE]
    answers = [picture.decode(shown, letters)]
    for block in re.findall(r"^```python\n(.*?)^```", readme, re.M | re.S):
        done = subprocess.run([CLIENT, "-c", server.here(block)], cwd=work, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, PYTHONPATH=os.path.join(ROOT, "examples", "ocr")))
        answers.append(done.stdout.strip())
    for answer in answers:
        results.append(answer == wanted)
        if answer != wanted:
            print(f"the server's section reads {answer!r}, expected {wanted!r}")


def main():
    server = None
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    work = tempfile.mkdtemp(prefix="sinter-readme-")
    shutil.copy(catalogue.generated("squeezenet"), os.path.join(work, "model.onnx"))
    prepare_ocr(work)
    try:
        for block in re.findall(r"^```sh\n(.*?)^```", readme, re.M | re.S):
            for line in block.splitlines():
                line = line.split("#")[0].strip()
                if line.startswith("sinter "):
                    line, _, after = line.partition(" && ")
                    check(line, line.split(), work)
                    if after:
                        server = Server(after.split(), work)
                elif line.startswith("curl "):
                    check_server(server, line, readme, work)
                elif re.match(r"(tools|bench)/", line):
                    results.append(os.access(os.path.join(ROOT, line.split()[0]), os.X_OK))
                    if not results[-1]:
                        print(f"{line}: no such script")
        for number, block in enumerate(re.findall(r"^```c\n(.*?)^```", readme, re.M | re.S)):
            source = os.path.join(work, f"readme{number}.c")
            with open(source, "w", encoding="utf-8") as file:
                file.write(block)
            check(f"the C of the README ({number + 1})",
                  ["clang-22", "-std=c11", "-Wall", "-Werror", "-I.",
                   "-I" + os.path.join(ROOT, "runtime", "include"), source, "model.o",
                   os.path.join(BUILD, "lib", "libsinter.a"), "-lm", "-pthread", "-ldl", "-o", "readme"], work)
    finally:
        if server:
            server.process.terminate()
            server.process.wait(60)
        shutil.rmtree(work, ignore_errors=True)
    print(f"{results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if results and all(results) else 1


sys.exit(main())
