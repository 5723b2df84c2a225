# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A classifier with texts in and out behind the server: tritonclient in all three forms,
# batches of several clients' texts, the self-test on golden texts, and requests whose
# bytes are no texts.
import json
import os
import subprocess


import e2e
import text_nets
from serving import PYTHON, Server, curl

CLIENT = os.path.join(e2e.ROOT, "test", "e2e", "Inputs", "serve_texts_client.py")
score = e2e.Score()


def check_client(server, model, given, wanted):
    done = subprocess.run([PYTHON, CLIENT, server.addresses["http"], server.addresses["grpc"], model,
                           given, wanted], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAIL "))]
    score.check(done.returncode == 0 and lines, f"the client ends with {done.stdout[-2000:]}")
    for line in lines:
        score.check(line.startswith("ok "), line)


def check_abuse(server, model):
    def tensors(colour, count=2):
        return [{"name": "colour", "shape": [count, 1], "datatype": "BYTES", **colour},
                {"name": "x", "shape": [count, 2], "datatype": "FP32", "data": [0.0] * 2 * count},
                {"name": "tag", "shape": [count, 1], "datatype": "BYTES", "data": ["t"] * count}]

    url = f"http://{server.addresses['http']}/v2/models/{model}/infer"
    for what, colour, code in (("two texts", {"data": ["red", "blue"]}, "200"),
                               ("one text of two", {"data": ["red"]}, "400"),
                               ("numbers", {"data": [1, 2]}, "400"),
                               ("another type", {"datatype": "INT64", "data": [1, 2]}, "400")):
        found, body = curl(url, "-d", json.dumps({"inputs": tensors(colour)}))
        score.check(found == code, f"{what}: {found} {body}")
    # A length that reaches behind the bytes, and bytes behind the last text.
    for what, raw in (("cut", b"\3\0\0\0red\4\0\0\0bl"), ("more", b"\3\0\0\0red\0\0\0\0x")):
        head = json.dumps({"inputs": tensors({"parameters": {"binary_data_size": len(raw)}})})
        body = os.path.join(e2e.WORK, "body")
        with open(body, "wb") as file:
            file.write(head.encode() + raw)
        found, text = curl(url, "--data-binary", "@" + body,
                           "-H", f"Inference-Header-Content-Length: {len(head)}")
        score.check(found == "400", f"{what}: {found} {text}")


def main():
    path = text_nets.classifier(tagged=True)
    given, wanted = text_nets.data(path)
    bundle = os.path.join(e2e.WORK, "texts.serve")
    done = subprocess.run([e2e.SINTER, "compile", path, "-o", bundle], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    score.check(done.returncode == 0 and "no golden" not in done.stdout, done.stdout)
    server = Server(bundle, "--grpc-port=0")
    score.check("http" in server.addresses, server.log_text()[-3000:])
    check_client(server, "texts", given, wanted)
    check_abuse(server, "texts")
    score.check(server.stop() == 0, server.log_text()[-2000:])
    score.exit()


main()
