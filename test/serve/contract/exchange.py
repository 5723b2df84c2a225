# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One request over one connection, and its answer in a form that compares."""
import gzip
import http.client
import json
import socket
import zlib


def strict(text):
    """JSON as its standard has it: without NaN and Infinity."""
    def refuse(word):
        raise ValueError(f"{word} is no JSON")
    return json.loads(text, parse_constant=refuse)


# What a client may build on; dates, server names and lengths are no contract.
HEADERS = ("content-type", "content-encoding", "inference-header-content-length", "allow")


def send(address, data, timeout=20):
    """The answer to raw bytes: {status, headers, json | tensors | text | nothing}.
    status 0: the connection ended with no answer."""
    method = data.split(b" ", 1)[0].decode()
    with socket.create_connection(address, timeout=timeout) as connection:
        try:
            connection.sendall(data)
            reply = http.client.HTTPResponse(connection, method=method)
            reply.begin()
            body = reply.read()
        except (http.client.HTTPException, OSError):
            return {"status": 0}
    answer = {"status": reply.status,
              "headers": {k: reply.getheader(k) for k in HEADERS if reply.getheader(k) is not None}}
    encoding = answer["headers"].get("content-encoding")
    if encoding == "gzip":
        body = gzip.decompress(body)
    elif encoding == "deflate":
        body = zlib.decompress(body)
    cut = answer["headers"].pop("inference-header-content-length", None)
    if cut is not None:
        answer["json"] = strict(body[:int(cut)])
        answer["binary"] = body[int(cut):].hex()
    elif body:
        try:
            answer["json"] = strict(body)
        except ValueError:
            answer["text"] = body.decode("utf-8", "replace")
    return answer
