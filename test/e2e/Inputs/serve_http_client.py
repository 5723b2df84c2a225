# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The unmodified tritonclient over HTTP against every extension that the server
# advertises: serve_http_client.py HTTP_ADDRESS ADMIN_ADDRESS. One line a check;
# an extension without a check is a failure.
import asyncio
import sys

import numpy as np
import tritonclient.http as api
import tritonclient.http.aio as aio
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

HTTP, ADMIN = sys.argv[1:3]
client = api.InferenceServerClient(HTTP, concurrency=4)
admin = api.InferenceServerClient(ADMIN)
TYPES = {"identity_fp32": ("FP32", np.float32), "identity_fp16": ("FP16", np.float16),
         "identity_int64": ("INT64", np.int64), "identity_uint8": ("UINT8", np.uint8),
         "identity_bool": ("BOOL", np.bool_)}


def tensor(name, array, kind, **how):
    made = api.InferInput(name, list(array.shape), kind)
    made.set_data_from_numpy(array, **how)
    return made


def values(dtype):
    dice = np.random.default_rng(1)
    if dtype == np.bool_:
        return dice.integers(0, 2, (3, 4)).astype(dtype)
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        array = dice.integers(info.min, info.max, (3, 4), dtype=dtype)
        array[0, :2] = info.min, info.max
        return array
    array = dice.standard_normal((3, 4)).astype(dtype)
    array[0] = np.finfo(dtype).max, np.finfo(dtype).tiny, -0.0, np.finfo(dtype).smallest_subnormal
    return array


def fault(call):
    try:
        call()
    except InferenceServerException as error:
        return error.status()
    return "no error"


def add_sub_inputs(**how):
    a = np.arange(16, dtype=np.int32).reshape(1, 16)
    b = np.full((1, 16), 7, np.int32)
    return a, b, [tensor("INPUT0", a, "INT32", **how), tensor("INPUT1", b, "INT32", **how)]


def binary_tensor_data():
    for model, (kind, dtype) in TYPES.items():
        array = values(dtype)
        for into in (True, False):
            if kind == "FP16" and not into:
                continue  # the client refuses to send FP16 as JSON
            for out in (True, False):
                outputs = [api.InferRequestedOutput("OUT", binary_data=out)]
                got = client.infer(model, [tensor("IN", array, kind, binary_data=into)], outputs=outputs)
                same = got.as_numpy("OUT").tobytes() == array.tobytes()
                yield f"{kind} in {'binary' if into else 'JSON'}, out {'binary' if out else 'JSON'}", same
    got = client.infer("identity_fp32", [tensor("IN", values(np.float32), "FP32")])
    yield "all outputs, binary by default", got.as_numpy("OUT").shape == (3, 4)
    special = np.array([[np.nan, np.inf, -np.inf, 0]], np.float32)
    got = client.infer("identity_fp32", [tensor("IN", special, "FP32")])
    yield "NaN and Inf as binary", got.as_numpy("OUT").tobytes() == special.tobytes()
    json_out = [api.InferRequestedOutput("OUT", binary_data=False)]
    yield "NaN as JSON is refused", fault(
        lambda: client.infer("identity_fp32", [tensor("IN", special, "FP32")], outputs=json_out)) == "400"
    a, b, inputs = add_sub_inputs()
    mixed = [api.InferRequestedOutput("OUTPUT1", binary_data=True),
             api.InferRequestedOutput("OUTPUT0", binary_data=False)]
    got = client.infer("add_sub", inputs, outputs=mixed)
    yield "binary beside JSON", (got.as_numpy("OUTPUT0") == a + b).all() and (got.as_numpy("OUTPUT1") == a - b).all()
    for coding in ("gzip", "deflate"):
        got = client.infer("add_sub", inputs, request_compression_algorithm=coding,
                           response_compression_algorithm=coding)
        yield coding + " both ways", (got.as_numpy("OUTPUT0") == a + b).all()


def parameters():
    a, b, inputs = add_sub_inputs()
    got = client.infer("add_sub", inputs, request_id="id \"7\"", priority=1, timeout=5000000,
                       parameters={"colour": "red", "size": 3, "loud": True})
    yield "id, priority, timeout and our own", got.get_response()["id"] == "id \"7\"" and \
        (got.as_numpy("OUTPUT0") == a + b).all()
    yield "reserved ones are the client's to refuse", fault(
        lambda: client.infer("add_sub", inputs, parameters={"timeout": 3})) != "200"
    yield "version 1", client.infer("add_sub", inputs, model_version="1").get_response()["model_version"] == "1"
    yield "no such version", fault(lambda: client.infer("add_sub", inputs, model_version="99")) == "404"


def classification():
    scores = np.array([[1, 9, 3, 4, 5, 6, 7, 8, 2, 0], [0] * 9 + [5]], np.float32)
    for out in (True, False):
        outputs = [api.InferRequestedOutput("P", binary_data=out, class_count=2)]
        got = client.infer("classes", [tensor("X", scores, "FP32")], outputs=outputs).as_numpy("P")
        best = [[int(str(c.decode() if isinstance(c, bytes) else c).split(":")[1]) for c in row] for row in got]
        yield "the best two of each row", got.shape == (2, 2) and best[0] == [1, 7] and best[1][0] == 9


def model_configuration():
    config = client.get_model_config("add_sub")
    yield "names, types, dimensions", config["max_batch_size"] == 8 and config["input"][0] == {
        "name": "INPUT0", "data_type": "TYPE_INT32", "dims": [16]}
    metadata = client.get_model_metadata("add_sub")
    yield "metadata with the batch", metadata["inputs"][0]["shape"] == [-1, 16]


def statistics():
    before = client.get_inference_statistics("add_sub")["model_stats"][0]
    client.infer("add_sub", add_sub_inputs()[2])
    after = client.get_inference_statistics("add_sub", "1")["model_stats"][0]
    count = lambda s: s["inference_stats"]["success"]["count"]  # noqa: E731
    yield "count", count(after) == count(before) + 1 and after["last_inference"] >= before["last_inference"]
    keys = {"success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"}
    yield "keys", keys <= set(after["inference_stats"]) and after["batch_stats"] != []
    yield "all models", len(client.get_inference_statistics()["model_stats"]) >= len(TYPES)


def model_repository():
    index = client.get_model_repository_index()
    yield "index", {"add_sub", *TYPES} <= {m["name"] for m in index if m["state"] == "READY"}
    yield "control is the admin listener's", fault(lambda: client.unload_model("classes")) == "403"
    admin.unload_model("classes")
    yield "unload", not client.is_model_ready("classes")
    yield "unloaded is no success", fault(
        lambda: client.infer("classes", [tensor("X", np.zeros((1, 10), np.float32), "FP32")])) in ("404", "503")
    admin.load_model("classes")
    yield "load", client.is_model_ready("classes")
    yield "files of the client are refused", fault(lambda: admin.load_model("classes", config="{}")) == "501"
    yield "load of what is not there", fault(lambda: admin.load_model("absent")) != "no error"


def logging():
    before = client.get_log_settings()
    yield "settings", before["log_error"] is True and "log_verbose_level" in before
    yield "change", admin.update_log_settings({"log_info": False})["log_info"] is False
    yield "seen by all", client.get_log_settings()["log_info"] is False
    admin.update_log_settings({"log_info": before["log_info"]})
    yield "change by clients", fault(lambda: client.update_log_settings({"log_info": False})) == "403"


def trace():
    before = client.get_trace_settings()
    yield "settings", before["trace_level"] == ["OFF"] and before["trace_rate"] == "1000"
    yield "change by clients", fault(lambda: client.update_trace_settings(settings={"trace_rate": "7"})) == "403"
    yield "change", admin.update_trace_settings(settings={"trace_rate": "7"})["trace_rate"] == "7"
    own = admin.update_trace_settings("add_sub", {"trace_count": "5"})
    yield "of one model", own["trace_count"] == "5" and own["trace_rate"] == "7"
    yield "of all models", client.get_trace_settings()["trace_count"] == "-1"
    yield "taken back", admin.update_trace_settings("add_sub", {"trace_count": None})["trace_count"] == "-1"
    yield "nowhere to write", fault(lambda: admin.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"]})) == "400"
    yield "tensors", fault(lambda: admin.update_trace_settings(settings={"trace_level": ["TENSORS"]})) == "501"
    yield "no number", fault(lambda: admin.update_trace_settings(settings={"trace_rate": "x"})) == "400"
    yield "unknown setting", fault(lambda: admin.update_trace_settings(settings={"other": "1"})) == "400"
    yield "unknown model", fault(lambda: client.get_trace_settings("absent")) == "404"
    yield "as at the start", admin.update_trace_settings(settings={"trace_rate": None}) == before


def system_shared_memory():
    array = values(np.float32)
    region = shm.create_shared_memory_region("both", "/sinter-e2e", 2 * array.nbytes)
    try:
        shm.set_shared_memory_region(region, [array])
        client.register_system_shared_memory("both", "/sinter-e2e", 2 * array.nbytes)
        yield "status", client.get_system_shared_memory_status("both")[0]["byte_size"] == 2 * array.nbytes
        source = api.InferInput("IN", list(array.shape), "FP32")
        source.set_shared_memory("both", array.nbytes)
        target = api.InferRequestedOutput("OUT")
        target.set_shared_memory("both", array.nbytes, offset=array.nbytes)
        client.infer("identity_fp32", [source], outputs=[target])
        got = shm.get_contents_as_numpy(region, np.float32, array.shape, offset=array.nbytes)
        yield "in and out", got.tobytes() == array.tobytes()
        target.set_shared_memory("both", array.nbytes - 4, offset=0)
        yield "too small", fault(lambda: client.infer("identity_fp32", [source], outputs=[target])) == "400"
        yield "past its end", fault(lambda: client.register_system_shared_memory(
            "more", "/sinter-e2e", 3 * array.nbytes)) == "400"
        client.unregister_system_shared_memory("both")
        yield "unregistered", fault(lambda: client.infer("identity_fp32", [source])) == "400"
    finally:
        shm.destroy_shared_memory_region(region)


def asynchronous():
    async def many():
        async with aio.InferenceServerClient(HTTP) as one:
            a, b, inputs = add_sub_inputs()
            results = await asyncio.gather(*[one.infer("add_sub", inputs) for _ in range(32)])
            return all((r.as_numpy("OUTPUT0") == a + b).all() for r in results)
    yield "asyncio: 32 at once", asyncio.run(many())
    a, b, inputs = add_sub_inputs()
    pending = [client.async_infer("add_sub", inputs) for _ in range(32)]
    yield "async_infer: 32 at once", all((p.get_result().as_numpy("OUTPUT1") == a - b).all() for p in pending)


def others():
    yield "live and ready", client.is_server_live() and client.is_server_ready() and client.is_model_ready("add_sub")
    yield "not there", not client.is_model_ready("absent")
    yield "CUDA is not offered", fault(lambda: client.get_cuda_shared_memory_status()) == "501"


CHECKS = {function.__name__: function for function in (
    binary_tensor_data, parameters, classification, model_configuration, statistics, model_repository, logging,
    system_shared_memory, trace)}


def main():
    extensions = client.get_server_metadata()["extensions"]
    for name in extensions:
        if name not in CHECKS:
            print(f"FAIL extension {name} has no check")
    for name, check in [*((n, CHECKS[n]) for n in extensions if n in CHECKS),
                        ("asynchronous", asynchronous), ("others", others)]:
        try:
            for text, good in check():
                print("ok  " if good else "FAIL", f"{name}: {text}", flush=True)
        except Exception as error:  # noqa: BLE001
            print(f"FAIL {name}: {type(error).__name__} {error}", flush=True)
    missing = set(CHECKS) - set(extensions)
    print("FAIL" if missing else "ok  ", f"advertised: all but {missing or 'none'}")


main()
