# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# BYTES by the unmodified tritonclient: as JSON, in the binary extension and over gRPC,
# many clients at once, so that batches hold texts of several requests.
#
#   serve_texts_client.py HTTP GRPC MODEL GIVEN.npz WANTED.npz
import concurrent.futures
import sys

import numpy as np
import tritonclient.grpc
import tritonclient.http

http_address, grpc_address, name, given, wanted = sys.argv[1:6]
given, wanted = np.load(given), np.load(wanted)
colours, x, labels = given["colour"].astype(object), given["x"], wanted["label"].astype(object)


def ask(module, client, rows, **how):
    inputs = [module.InferInput("colour", [len(rows), 1], "BYTES"),
              module.InferInput("x", [len(rows), 2], "FP32"),
              module.InferInput("tag", [len(rows), 1], "BYTES")]
    # Tags come back: unknown to the model, some of them the same in every request.
    tags = np.array([[f"tag {row % 5}" if row % 2 else f"only {row}"] for row in rows], object)
    inputs[0].set_data_from_numpy(colours[rows], **how)
    inputs[1].set_data_from_numpy(x[rows], **how)
    inputs[2].set_data_from_numpy(tags, **how)
    asked = [module.InferRequestedOutput(o, **({"binary_data": how["binary_data"]} if how else {}))
             for o in ("label", "again")]
    answer = client.infer(name, inputs, outputs=asked)
    texts = [np.array([t.decode() if isinstance(t, bytes) else t for t in answer.as_numpy(o).ravel()],
                      object) for o in ("label", "again")]
    return (texts[0] == labels[rows]).all() and (texts[1] == tags.ravel()).all(), texts


def report(what, good, detail=""):
    print(("ok " if good else "FAIL ") + what, detail if not good else "", flush=True)


def many(module, address, what, **how):
    dice = np.random.default_rng(4)

    def one(seed):
        with module.InferenceServerClient(address) as client:
            return [ask(module, client, rows, **how)[0]
                    for rows in np.array_split(np.random.default_rng(seed).permutation(len(x)), 9)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        all_good = [good for goods in pool.map(one, dice.integers(0, 999, 8)) for good in goods]
    report(f"{what}: {len(all_good)} requests", all(all_good))


http = tritonclient.http.InferenceServerClient(http_address)
metadata = http.get_model_metadata(name)
report("metadata", {t["name"]: t["datatype"] for t in metadata["inputs"]}
       == {"colour": "BYTES", "x": "FP32", "tag": "BYTES"}, metadata)
grpc = tritonclient.grpc.InferenceServerClient(grpc_address)
for module, client, what, how in ((tritonclient.http, http, "JSON", {"binary_data": False}),
                                  (tritonclient.http, http, "binary", {"binary_data": True}),
                                  (tritonclient.grpc, grpc, "gRPC", {})):
    good, found = ask(module, client, np.arange(len(x)), **how)
    report(what, good, found)
many(tritonclient.http, http_address, "JSON", binary_data=False)
many(tritonclient.http, http_address, "binary", binary_data=True)
many(tritonclient.grpc, grpc_address, "gRPC")
