# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The unmodified tritonclient against a server, run with the environment of the
# server's clients:
#
#   serve_client.py check ADDRESSES.json MODEL IN_AND_OUT.npz    one line a check
#   serve_client.py load ADDRESSES.json MODEL IN_AND_OUT.npz     until standard input ends;
#                                                   prints what was sent and what was lost
#
# ADDRESSES: {"http": "127.0.0.1:1", "grpc": "127.0.0.1:2"}. The .npz holds
# "input.NAME" and "output.NAME"; outputs must be equal within 1e-4 of the largest.
import asyncio
import json
import queue
import sys
import threading
import time

import numpy as np


def read(path):
    arrays = np.load(path)
    part = lambda kind: {name.split(".", 1)[1]: arrays[name] for name in arrays  # noqa: E731
                         if name.startswith(kind + ".")}
    return part("input"), part("output")


def same(result, wanted):
    for name, array in wanted.items():
        got = result.as_numpy(name)
        if got is None or got.shape != array.shape:
            return False
        scale = max(np.abs(array).max(initial=0), 1e-30)
        if np.abs(got - array).max(initial=0) > 1e-4 * scale:
            return False
    return True


def inputs_of(api, feeds, **how):
    tensors = []
    for name, array in feeds.items():
        kind = {"float32": "FP32", "int64": "INT64"}[str(array.dtype)]
        tensor = api.InferInput(name, list(array.shape), kind)
        tensor.set_data_from_numpy(array, **how)
        tensors.append(tensor)
    return tensors


def check_grpc(address, model, feeds, wanted):
    import tritonclient.grpc as api
    client = api.InferenceServerClient(address)
    yield "grpc: live and ready", client.is_server_live() and client.is_server_ready()
    yield "grpc: model ready", client.is_model_ready(model)
    yield "grpc: server metadata", client.get_server_metadata().name == "sinter"
    metadata = client.get_model_metadata(model)
    yield "grpc: metadata names the inputs", {i.name for i in metadata.inputs} == set(feeds)
    config = client.get_model_config(model).config
    yield "grpc: config names the outputs", {o.name for o in config.output} == set(wanted)
    inputs = inputs_of(api, feeds)
    outputs = [api.InferRequestedOutput(name) for name in wanted]
    for text, options in [("plain", {}), ("chosen outputs", {"outputs": outputs}),
                          ("version 1", {"model_version": "1"}),
                          ("gzip", {"compression_algorithm": "gzip"}),
                          ("deflate", {"compression_algorithm": "deflate"}),
                          ("deadline", {"client_timeout": 60, "timeout": 60000000, "priority": 1})]:
        result = client.infer(model, inputs, request_id="7", **options)
        yield "grpc: " + text, same(result, wanted) and result.get_response().id == "7"
    try:
        client.infer("no-such-model", inputs)
        yield "grpc: unknown model is an error", False
    except api.InferenceServerException as error:
        yield "grpc: unknown model is an error", error.status() == "StatusCode.NOT_FOUND"
    try:
        client.load_model(model)
        yield "grpc: control is refused", False
    except api.InferenceServerException as error:
        yield "grpc: control is refused", error.status() == "StatusCode.PERMISSION_DENIED"
    stats = client.get_inference_statistics(model).model_stats
    yield "grpc: statistics count", stats[0].inference_stats.success.count >= 6
    done = queue.Queue()
    client.start_stream(lambda result, error: done.put((result, error)))
    for number in range(3):
        client.async_stream_infer(model, inputs, request_id=str(number))
    client.async_stream_infer("no-such-model", inputs)
    answers = [done.get(timeout=60) for _ in range(4)]
    client.stop_stream()
    yield "grpc: stream answers in order", all(
        error is None and same(result, wanted) and result.get_response().id == str(number)
        for number, (result, error) in enumerate(answers[:3]))
    yield "grpc: stream reports a fault in-band", answers[3][1] is not None
    client.close()


def check_grpc_aio(address, model, feeds, wanted):
    import tritonclient.grpc as plain
    import tritonclient.grpc.aio as api

    async def many():
        async with api.InferenceServerClient(address) as client:
            inputs = inputs_of(plain, feeds)
            results = await asyncio.gather(*[client.infer(model, inputs) for _ in range(16)])
            return all(same(result, wanted) for result in results)
    yield "grpc asyncio: 16 at once", asyncio.run(many())


def check_http(address, model, feeds, wanted):
    import tritonclient.http as api
    client = api.InferenceServerClient(address, concurrency=4, network_timeout=60,
                                       connection_timeout=60)
    yield "http: live and ready", client.is_server_live() and client.is_server_ready()
    yield "http: model ready", client.is_model_ready(model)
    metadata = client.get_model_metadata(model)
    yield "http: metadata names the inputs", {i["name"] for i in metadata["inputs"]} == set(feeds)
    for text, how, binary, options in [
            ("binary", {"binary_data": True}, True, {}),
            ("JSON", {"binary_data": False}, False, {}),
            ("gzip both ways", {"binary_data": True}, True,
             {"request_compression_algorithm": "gzip", "response_compression_algorithm": "gzip"}),
            ("deflate both ways", {"binary_data": False}, False,
             {"request_compression_algorithm": "deflate",
              "response_compression_algorithm": "deflate"})]:
        outputs = [api.InferRequestedOutput(name, binary_data=binary) for name in wanted]
        result = client.infer(model, inputs_of(api, feeds, **how), outputs=outputs, **options)
        yield "http: " + text, same(result, wanted)
    try:
        client.infer("no-such-model", inputs_of(api, feeds))
        yield "http: unknown model is an error", False
    except api.InferenceServerException as error:
        yield "http: unknown model is an error", error.status() == "404"
    client.close()


def check_http_aio(address, model, feeds, wanted):
    import tritonclient.http as plain
    import tritonclient.http.aio as api

    async def many():
        async with api.InferenceServerClient(address) as client:
            inputs = inputs_of(plain, feeds)
            results = await asyncio.gather(*[client.infer(model, inputs) for _ in range(16)])
            return all(same(result, wanted) for result in results)
    yield "http asyncio: 16 at once", asyncio.run(many())


def check(addresses, model, feeds, wanted):
    parts = [("grpc", check_grpc), ("grpc", check_grpc_aio), ("http", check_http),
             ("http", check_http_aio)]
    for listener, part in parts:
        if listener not in addresses:
            continue
        try:
            for text, good in part(addresses[listener], model, feeds, wanted):
                print(("ok   " if good else "FAIL ") + text, flush=True)
        except Exception as error:  # the client's own, of any kind
            print(f"FAIL {part.__name__}: {type(error).__name__}: {error}", flush=True)


def is_closed(error):
    """A connection that was refused, or closed before a request went out on it: the
    server is gone, and nothing that it had taken was lost."""
    text = str(error).lower()
    return any(word in text for word in ("refused", "connect", "goaway", "socket closed",
                                         "unavailable"))


def load(addresses, model, feeds, wanted):
    stop, counts, lock = threading.Event(), {"answered": 0, "wrong": 0, "lost": 0}, threading.Lock()
    threads, texts = [], []

    def count(what):
        with lock:
            counts[what] += 1

    def work(api, address):
        client = api.InferenceServerClient(address)
        while not stop.is_set():
            try:
                count("answered" if same(client.infer(model, inputs_of(api, feeds)), wanted)
                      else "wrong")
            except Exception as error:
                if not is_closed(error):
                    count("lost")
                    texts.append(str(error))
                return

    for listener in addresses:
        api = __import__("tritonclient." + listener, fromlist=["x"])
        threads += [threading.Thread(target=work, args=(api, addresses[listener]))
                    for _ in range(4)]
    for thread in threads:
        thread.start()
    while counts["answered"] < 50 and any(t.is_alive() for t in threads):
        time.sleep(0.01)
    print("running", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps(dict(counts, texts=texts[:3])), flush=True)


what, where, model, data = sys.argv[1:5]
with open(where) as file:
    addresses = json.load(file)
{"check": check, "load": load}[what](addresses, model, *read(data))
