# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Good and bad HTTP requests: what clients send, and what they should not.

A request is (name, bytes as they go over the wire). Every one closes its
connection, so that an answer ends where the bytes end.
"""
import gzip
import json
import struct
import zlib

from models import TYPES

NEAREST = {  # lowest, highest, one beyond each
    "UINT8": (0, 255), "UINT16": (0, 65535), "UINT32": (0, 2**32 - 1), "UINT64": (0, 2**64 - 1),
    "INT8": (-128, 127), "INT16": (-2**15, 2**15 - 1), "INT32": (-2**31, 2**31 - 1),
    "INT64": (-2**63, 2**63 - 1),
}
PACK = {"BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b",
        "INT16": "h", "INT32": "i", "INT64": "q", "FP16": "e", "FP32": "f", "FP64": "d"}


def wire(method, path, body=b"", headers=()):
    body = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{k}: {v}" for k, v in headers]
    if (body or method == "POST") and not any(k.lower() in ("content-length", "transfer-encoding")
                                              for k, _ in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def infer(model, body, blobs=None, version="", headers=()):
    """body: an object, or text as it is. blobs: binary tensors after it."""
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    text = text.encode() if isinstance(text, str) else text
    path = f"/v2/models/{model}{'/versions/' + version if version else ''}/infer"
    headers = list(headers)
    if blobs is not None:
        headers.append(("Inference-Header-Content-Length", str(len(text))))
        text += blobs
    return wire("POST", path, text, headers)


def one(kind, data, shape=(1, 4), **more):
    """A request's body for the identity of a type."""
    return {"inputs": [dict({"name": "IN", "shape": list(shape), "datatype": kind, "data": data})],
            **more}


def values(kind, count):
    if kind == "BOOL":
        return [i % 3 == 0 for i in range(count)]
    low = NEAREST.get(kind, (-4, 4))[0]
    return [i * 3 + (1 if low == 0 else -5) for i in range(count)]


def blob(kind, count):
    return struct.pack("<" + PACK[kind] * count, *values(kind, count))


def binary(kind, shape, size=None, **more):
    count = 1
    for extent in shape:
        count *= extent
    data = blob(kind, count)
    size = len(data) if size is None else size
    return {"inputs": [{"name": "IN", "shape": list(shape), "datatype": kind,
                        "parameters": {"binary_data_size": size}}], **more}, data


def plain():
    """GETs, wrong methods and wrong paths."""
    for path in ["/v2", "/v2/", "/v2/health/live", "/v2/health/ready", "/v2/health", "/v2/health/other",
                 "/v2/models", "/v2/models/", "/v2/models/plane", "/v2/models/plane/", "/v2/models/plane/ready",
                 "/v2/models/plane/config", "/v2/models/plane/stats", "/v2/models/stats", "/v2/models/absent",
                 "/v2/models/absent/ready", "/v2/models/absent/config", "/v2/models/absent/stats",
                 "/v2/models/plane/versions/1", "/v2/models/plane/versions/1/ready",
                 "/v2/models/plane/versions/1/config", "/v2/models/plane/versions/1/stats",
                 "/v2/models/plane/versions/2", "/v2/models/plane/versions/2/ready",
                 "/v2/models/plane/versions/2/config", "/v2/models/plane/versions/2/stats",
                 "/v2/models/plane/versions/01", "/v2/models/plane/versions/-1",
                 "/v2/models/plane/versions/x", "/v2/models/plane/versions/99999999999999999999",
                 "/v2/models/plane/versions/", "/v2/models/plane/versions", "/v2/models/plane/other",
                 "/v2/models/add_sub", "/v2/models/classes", "/v2/models/classes/config",
                 "/v2/models/add_sub/config", "/v2/models/identity_fp16", "/v2/models/identity_bool",
                 "/v2/models/plane?x=1", "/v2/models/pl%61ne", "/v2/models/plane%00", "/v2/models/%2e%2e",
                 "/v2/models/../models/plane", "//v2", "/", "/index.html", "/v1/models/plane", "/v3",
                 "/v2/repository/index", "/v2/models/plane/infer", "/metrics", "/v2/models/" + "a" * 3000,
                 "/v2/models/plane/generate", "/v2/models/plane/trace/setting", "/v2/trace/setting",
                 "/v2/logging", "/v2/systemsharedmemory/status", "/v2/cudasharedmemory/status",
                 "/v2/systemsharedmemory/region/absent/status"]:
        yield "get " + path[:60], wire("GET", path)
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]:
        for path in ["/v2", "/v2/health/live", "/v2/models/plane", "/v2/models/plane/stats"]:
            yield f"{method.lower()} {path}", wire(method, path)
    for method in ["PUT", "DELETE", "PATCH"]:
        yield f"{method.lower()} infer", wire(method, "/v2/models/plane/infer", "{}")
    for body in ["", "{}", '{"ready":true}', '{"ready":false}', '{"ready":1}', '{"ready":"x"}', "[]", "{",
                 '{"other":1}', "null"]:
        yield f"index {body}", wire("POST", "/v2/repository/index", body)
    yield "index of a repository", wire("POST", "/v2/repository/models/index", "{}")
    for action in ["load", "unload"]:
        for model in ["plane", "absent"]:
            yield f"{action} {model}", wire("POST", f"/v2/repository/models/{model}/{action}", "{}")
    for action in ["register", "unregister"]:
        for body in ["", "{}", "{", '{"key":"/absent","offset":0,"byte_size":64}',
                     '{"key":"/absent","byte_size":64}', '{"key":"/absent","offset":0,"byte_size":-1}',
                     '{"key":7,"offset":0,"byte_size":64}']:
            yield (f"shared memory {action} {body}",
                   wire("POST", f"/v2/systemsharedmemory/region/r/{action}", body))
    yield "shared memory unregister all", wire("POST", "/v2/systemsharedmemory/unregister", "")


def typed():
    """Every element type: flat, nested, binary, both ways, the ends of its range."""
    for kind in TYPES:
        model = "identity_" + kind.lower()
        four = values(kind, 4)
        if kind != "FP16":
            yield f"{kind} flat", infer(model, one(kind, four))
            yield f"{kind} nested", infer(model, one(kind, [four]))
            yield f"{kind} two rows", infer(model, one(kind, [four, four], (2, 4)))
            yield (f"{kind} to binary", infer(model, one(kind, four, parameters={"binary_data_output": True})))
            body, data = binary(kind, (3, 4))
            yield f"{kind} binary to JSON", infer(model, body, data)
            yield f"{kind} text", infer(model, one(kind, ["a", "b", "c", "d"]))
            yield f"{kind} null", infer(model, one(kind, [None] * 4))
            yield f"{kind} objects", infer(model, one(kind, [{}] * 4))
            yield f"{kind} short", infer(model, one(kind, four[:3]))
            yield f"{kind} long", infer(model, one(kind, four + four[:1]))
        else:
            yield f"{kind} as JSON", infer(model, one(kind, four))
            body, data = binary(kind, (3, 4))
            yield f"{kind} binary to JSON", infer(model, body, data)
        body, data = binary(kind, (2, 4), parameters={"binary_data_output": True})
        yield f"{kind} binary", infer(model, body, data)
        body, data = binary(kind, (1, 4), outputs=[{"name": "OUT", "parameters": {"binary_data": True}}])
        yield f"{kind} binary by output", infer(model, body, data)
        yield f"{kind} binary short", infer(model, body, data[:-1])
        yield f"{kind} binary long", infer(model, body, data + b"\0")
        if kind in NEAREST:
            low, high = NEAREST[kind]
            yield f"{kind} ends", infer(model, one(kind, [low, high, low, high]))
            yield f"{kind} below", infer(model, one(kind, [low - 1, 0, 0, 0]))
            yield f"{kind} above", infer(model, one(kind, [high + 1, 0, 0, 0]))
            yield f"{kind} fraction", infer(model, one(kind, [1.5, 0, 0, 0]))
            yield f"{kind} truth", infer(model, one(kind, [True, False, True, False]))
    for kind in ["FP32", "FP64"]:
        model = "identity_" + kind.lower()
        yield f"{kind} digits", infer(model, one(kind, [0.1, 1e-30, 3.4028234e38, -0.0]))
        yield f"{kind} integers", infer(model, one(kind, [1, 2, 3, 16777217]))
        yield f"{kind} NaN", infer(model, json.dumps(one(kind, [float("nan"), 0, 0, 0])))
        yield f"{kind} Infinity", infer(model, json.dumps(one(kind, [float("inf"), 0, 0, 0])))
        yield f"{kind} huge", infer(model, json.dumps(one(kind, [0, 0, 0, 0])).replace("[0, 0", "[1e999, 0"))
        bits = struct.pack("<" + PACK[kind] * 4, float("nan"), float("inf"), -0.0, 1.0)
        body, _ = binary(kind, (1, 4))
        yield f"{kind} NaN out as JSON", infer(model, body, bits)
        body, _ = binary(kind, (1, 4), parameters={"binary_data_output": True})
        yield f"{kind} NaN out as binary", infer(model, body, bits)
    yield "BOOL numbers", infer("identity_bool", one("BOOL", [0, 1, 1, 0]))
    yield "BOOL two", infer("identity_bool", one("BOOL", [0, 2, 1, 0]))


def shapes():
    x = list(range(4))
    for name, shape in [("rank 1", [4]), ("rank 3", [1, 1, 4]), ("rank 0", []), ("wide", [1, 5]), ("zero rows", [0, 4]),
                        ("negative", [-1, 4]), ("both negative", [-1, -4]), ("huge", [2**62, 4]),
                        ("overflow", [2**63, 4]), ("fraction", [1.0, 4]), ("text", ["1", "4"]), ("scalar", 4),
                        ("null", None), ("nested", [[1, 4]]), ("past the batch", [9, 4])]:
        body = one("FP32", x)
        body["inputs"][0]["shape"] = shape
        if name == "past the batch":
            body["inputs"][0]["data"] = list(range(36))
        if name == "zero rows":
            body["inputs"][0]["data"] = []
        yield "shape " + name, infer("identity_fp32", body)
    for rows in range(1, 9):
        yield f"batch of {rows}", infer("identity_fp32", one("FP32", [0.5] * 4 * rows, (rows, 4)))
    for h, w in [(1, 1), (3, 5), (7, 1), (0, 3), (64, 64)]:
        yield f"plane {h}x{w}", infer("plane", {"inputs": [{
            "name": "X", "shape": [h, w], "datatype": "FP32", "data": [0.25] * (h * w)}]})
    for name, data in [("ragged", [[1, 2], [3, 4, 5, 6]]), ("too deep", [[[1, 2, 3, 4]]]),
                       ("other nesting", [[1, 2], [3, 4]]), ("half nested", [1, [2, 3], 4]), ("a number", 1),
                       ("an object", {}), ("text", "1234"), ("nothing", []), ("null", None)]:
        yield "data " + name, infer("identity_fp32", one("FP32", data))


def named():
    """Names, numbers of tensors, fields that are missing, twice or of a wrong kind."""
    a = {"name": "INPUT0", "shape": [1, 16], "datatype": "INT32", "data": list(range(16))}
    b = dict(a, name="INPUT1", data=[1] * 16)
    two = {"inputs": [a, b]}
    out0, out1 = {"name": "OUTPUT0"}, {"name": "OUTPUT1"}
    yield "two in, two out", infer("add_sub", two)
    yield "other order", infer("add_sub", {"inputs": [b, a]})
    yield "one output", infer("add_sub", dict(two, outputs=[out1]))
    yield "outputs in other order", infer("add_sub", dict(two, outputs=[out1, out0]))
    yield "no outputs", infer("add_sub", dict(two, outputs=[]))
    yield "output unknown", infer("add_sub", dict(two, outputs=[{"name": "OTHER"}]))
    yield "output twice", infer("add_sub", dict(two, outputs=[out0, out0]))
    yield "output with no name", infer("add_sub", dict(two, outputs=[{}]))
    yield "outputs are an object", infer("add_sub", dict(two, outputs={}))
    yield "an input missing", infer("add_sub", {"inputs": [a]})
    yield "an input too many", infer("add_sub", {"inputs": [a, b, dict(a, name="INPUT2")]})
    yield "an input twice", infer("add_sub", {"inputs": [a, a]})
    yield "an input thrice", infer("add_sub", {"inputs": [a, b, b]})
    yield "input unknown", infer("add_sub", {"inputs": [a, dict(b, name="OTHER")]})
    yield "batches differ", infer("add_sub", {"inputs": [a, dict(b, shape=[2, 16], data=[1] * 32)]})
    yield "wrong type", infer("add_sub", {"inputs": [dict(a, datatype="INT64"), b]})
    yield "unknown type", infer("add_sub", {"inputs": [dict(a, datatype="INT33"), b]})
    yield "type in lower case", infer("add_sub", {"inputs": [dict(a, datatype="int32"), b]})
    yield "type is a number", infer("add_sub", {"inputs": [dict(a, datatype=6), b]})
    for field in ["name", "shape", "datatype", "data"]:
        yield f"no {field}", infer("add_sub", {"inputs": [{k: v for k, v in a.items() if k != field}, b]})
    yield "name is a number", infer("add_sub", {"inputs": [dict(a, name=1), b]})
    yield "name is empty", infer("add_sub", {"inputs": [dict(a, name=""), b]})
    yield "inputs missing", infer("add_sub", {})
    yield "inputs empty", infer("add_sub", {"inputs": []})
    yield "inputs an object", infer("add_sub", {"inputs": {}})
    yield "inputs null", infer("add_sub", {"inputs": None})
    yield "an input is text", infer("add_sub", {"inputs": ["a", b]})
    yield "id", infer("add_sub", dict(two, id="request-7"))
    yield "id with quotes", infer("add_sub", dict(two, id='a"\\/\n\u00e9\u4e2d'))
    yield "id is empty", infer("add_sub", dict(two, id=""))
    yield "id is a number", infer("add_sub", dict(two, id=7))
    yield "unknown field", infer("add_sub", dict(two, other=1))
    yield "unknown parameter", infer("add_sub", dict(two, parameters={"colour": "red", "n": 3, "b": True}))
    yield "parameter is a list", infer("add_sub", dict(two, parameters={"colour": [1]}))
    yield "parameters are text", infer("add_sub", dict(two, parameters="x"))
    yield "priority", infer("add_sub", dict(two, parameters={"priority": 1}))
    yield "timeout", infer("add_sub", dict(two, parameters={"timeout": 5000000}))
    yield "sequence", infer("add_sub", dict(two, parameters={"sequence_id": 3, "sequence_start": True}))
    yield "version 1", infer("add_sub", two, version="1")
    yield "version 2", infer("add_sub", two, version="2")
    yield "version 0", infer("add_sub", two, version="0")
    yield "model unknown", infer("absent", two)
    yield "model unknown, bad body", infer("absent", "{")
    for name, count in [("1", 1), ("3", 3), ("0", 0), ("11", 11), ("-1", -1), ('"1"', "1")]:
        yield f"classification {name}", infer("classes", {
            "inputs": [{"name": "X", "shape": [2, 10], "datatype": "FP32",
                        "data": [float((i * 7) % 10) for i in range(20)]}],
            "outputs": [{"name": "P", "parameters": {"classification": count}}]})
    for where in ["inputs", "outputs"]:
        body = json.loads(json.dumps(dict(two, outputs=[out0])))
        body[where][0]["parameters"] = {"shared_memory_region": "absent", "shared_memory_byte_size": 64}
        if where == "inputs":
            del body[where][0]["data"]
        yield f"shared memory of {where}", infer("add_sub", body)


def encoded():
    """JSON as text, binary sizes, content encodings, framing."""
    good = json.dumps(one("FP32", [1, 2, 3, 4]))
    for name, text in [
            ("empty", ""), ("space", "  "), ("null", "null"), ("a list", "[]"), ("a number", "1"), ("text", '"x"'),
            ("cut", good[:-1]), ("twice", good + good), ("with a tail", good + "x"), ("a comma too many", good[:-1] + ",}"),
            ("single quotes", good.replace('"', "'")), ("a comment", "/**/" + good), ("spaces", " \n\t" + good + "\n "),
            ("deep lists", '{"inputs":' + "[" * 5000 + "]" * 5000 + "}"),
            ("deep data", good.replace("[1, 2, 3, 4]", "[" * 2000 + "1" + "]" * 2000)),
            ("a zero byte", good.replace("IN", "I\0N")), ("an escape", good.replace("IN", "I\\u004e")),
            ("half a surrogate", good.replace("IN", "\\ud800")), ("a leading zero", good.replace("2", "02")),
            ("a plus sign", good.replace("2", "+2")), ("hex", good.replace("2", "0x2")),
            ("NaN", good.replace("2", "NaN")), ("a dot", good.replace("2", "2.")), ("an exponent", good.replace("2", "2e0")),
            ("a long number", good.replace("2", "2" * 400)), ("a key twice", good.replace('"inputs"', '"id":"a","id":"b","inputs"'))]:
        yield "JSON " + name, infer("identity_fp32", text)
    yield "JSON with a mark", infer("identity_fp32", b"\xef\xbb\xbf" + good.encode())
    yield "JSON not UTF-8", infer("identity_fp32", good.encode().replace(b"IN", b"\xff\xfe"))
    body, data = binary("FP32", (1, 4))
    text = json.dumps(body)
    for name, length in [("short", len(text) - 1), ("long", len(text) + 1), ("past the end", 10**6), ("negative", -1),
                         ("words", "ten"), ("huge", 2**70), ("empty", ""), ("a fraction", "10.5"),
                         ("zero, no raw model", 0), ("with a sign", f"+{len(text)}")]:
        yield ("header length " + name,
               wire("POST", "/v2/models/identity_fp32/infer", text.encode() + data,
                    [("Inference-Header-Content-Length", str(length))]))
    yield "header length missing", wire("POST", "/v2/models/identity_fp32/infer", text.encode() + data)
    yield "raw body", wire("POST", "/v2/models/identity_fp32/infer", blob("FP32", 4),
                           [("Inference-Header-Content-Length", "0")])
    yield "raw body of nothing", wire("POST", "/v2/models/identity_fp32/infer", b"",
                                      [("Inference-Header-Content-Length", "0")])
    yield "raw body, two inputs", wire("POST", "/v2/models/add_sub/infer", blob("INT32", 32),
                                       [("Inference-Header-Content-Length", "0")])
    for size in [0, 15, 17, -16, "16", 16.0, 2**63, None, True]:
        body, data = binary("FP32", (1, 4), size=size)
        body["inputs"][0]["parameters"]["binary_data_size"] = size
        yield f"binary size {size!r}", infer("identity_fp32", body, data)
    both, data = binary("FP32", (1, 4))
    both["inputs"][0]["data"] = [1, 2, 3, 4]
    yield "binary and data", infer("identity_fp32", both, data)
    packed = gzip.compress(good.encode(), mtime=0)
    path = "/v2/models/identity_fp32/infer"
    yield "gzip", wire("POST", path, packed, [("Content-Encoding", "gzip")])
    yield "deflate", wire("POST", path, zlib.compress(good.encode()), [("Content-Encoding", "deflate")])
    yield "gzip cut", wire("POST", path, packed[:-6], [("Content-Encoding", "gzip")])
    yield "gzip wrong", wire("POST", path, good, [("Content-Encoding", "gzip")])
    yield "gzip said deflate", wire("POST", path, packed, [("Content-Encoding", "deflate")])
    yield "encoding unknown", wire("POST", path, good, [("Content-Encoding", "br")])
    yield "encoding identity", wire("POST", path, good, [("Content-Encoding", "identity")])
    yield "gzip asked", wire("POST", path, good, [("Accept-Encoding", "gzip")])
    yield "deflate asked", wire("POST", path, good, [("Accept-Encoding", "deflate")])
    yield "br asked", wire("POST", path, good, [("Accept-Encoding", "br")])
    yield "any asked", wire("POST", path, good, [("Accept-Encoding", "gzip;q=0, deflate, *;q=0.1")])
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (good[:9].encode(), good[9:].encode())) + b"0\r\n\r\n"
    yield "chunked", wire("POST", path, chunks, [("Transfer-Encoding", "chunked")])
    yield "chunk size wrong", wire("POST", path, b"zz\r\n" + chunks, [("Transfer-Encoding", "chunked")])
    yield "type of content", wire("POST", path, good, [("Content-Type", "text/plain")])
    yield "request id header", wire("POST", path, good, [("X-Request-Id", "abc")])


def all_requests():
    seen = {}
    for group in (plain, typed, shapes, named, encoded):
        for name, data in group():
            assert name not in seen, name
            seen[name] = data
    return seen
