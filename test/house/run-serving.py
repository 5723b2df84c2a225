# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What docs/serving.md tells an operator to type, works: its `sh` blocks run one after
# the other as one shell would, in a folder that holds one small model, model.onnx, and
# the `toml` block as server.toml. Every command must succeed; only the ports are others
# than those in the text. At the end no server is left, and what was rolled back to
# is what the repository's state says.
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = os.environ["SINTER_ROOT"]
BUILD = os.environ["SINTER_BUILD"]
sys.path.insert(0, os.path.join(ROOT, "bench"))

import catalogue  # noqa: E402

# Servers and `sinter ctl` that name no port use those of this test.
PROLOGUE = """set -e -o pipefail
trap 'trap : TERM; kill 0' EXIT
sinter() {
  if [ "$1" = ctl ] && [[ "$*" != *--admin* ]]; then set -- "$@" --admin 127.0.0.1:8002; fi
  command sinter "$@"
}
"""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def main():
    with open(os.path.join(ROOT, "docs", "serving.md"), encoding="utf-8") as file:
        text = file.read()
    work = tempfile.mkdtemp(prefix="sinter-serving-")
    shutil.copy(catalogue.generated("squeezenet"), os.path.join(work, "model.onnx"))
    with open(os.path.join(work, "server.toml"), "w") as file:
        file.write("\n".join(blocks(text, "toml")))
    shell = blocks(text, "sh")
    script = PROLOGUE
    for number, block in enumerate(shell):
        script += block + f"echo 'block {number} is done'\n"
    script += "wait\necho 'no server is left'\n"
    named = sorted(set(re.findall(r"\b8\d\d\d\b", script)))
    ports = dict(zip(named, free_ports(len(named))))
    script = re.sub(r"\b8\d\d\d\b", lambda found: str(ports[found.group()]), script)
    env = dict(os.environ, PATH=os.path.join(BUILD, "bin") + os.pathsep + os.environ["PATH"],
               SINTER_HTTP_PORT=str(ports["8000"]), SINTER_ADMIN_PORT=str(ports["8002"]),
               SINTER_GRPC_PORT="0", SINTER_GRACE="0s")
    process = subprocess.Popen(["bash", "-c", script], cwd=work, env=env, text=True, start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output = process.communicate(timeout=400)[0]
    except subprocess.TimeoutExpired:
        output = "the commands did not end"
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # what a failed command left behind
        except ProcessLookupError:
            pass
    results = [f"block {number} is done" in output for number in range(len(shell))]
    results.append(output.strip().endswith("no server is left"))
    try:
        with open(os.path.join(work, "state", "state.json")) as file:
            stable = json.load(file)["ocr"]["labels"]["stable"]
    except (OSError, KeyError, ValueError) as problem:
        stable = repr(problem)
    results.append(str(stable) == "1")
    results.append("canary 10.00%" in output and "shadow 100.00%" in output)
    if not all(results):
        print(output[-4000:])
        print(f"blocks of docs/serving.md: {results}; stable is {stable}")
    shutil.rmtree(work, ignore_errors=True)
    print(f"{results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if all(results) else 1


sys.exit(main())
