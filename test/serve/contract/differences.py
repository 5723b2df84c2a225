# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where Sinter answers otherwise than Triton 2.51, and why.

A rule is (names, Triton's status, our status, reason); names is a regular
expression over whole names of requests.py. The first that fits is used; where both
answer 200, what they answer is allowed to differ. A rule that no answer needs fails
the replay: a difference that is gone is no longer listed.
"""

RULES = [
    (r".*absent/ready|.*versions/2/ready", 400, 404,
     "a model that does not exist is not found; not ready (503) is for one that will be"),
    (r".*absent/stats|.*versions/2/stats", 400, 404, "an unknown model is not found, as everywhere else"),
    (r".*versions/99999999999999999999|get /v2/models/plane/versions/(x|-1)", None, 404,
     "the version slot takes labels: an unknown one is not found"),
    (r"get /v2/(models/plane/)?", 404, 200, "a slash at the end names the same thing"),
    (r"head .*", 405, 200, "HEAD is GET without a body, as HTTP has it"),
    (r"options .*", 405, 204, "OPTIONS says what may be done, as HTTP has it"),
    (r"get .*plane.*/config", 200, 200, "the compiler proved that rows are independent: dimension 0 is a batch"),
    (r"index (\[\]|null)", 200, 400, "a body that is no object is a mistake"),
    (r"FP16 (as JSON|binary to JSON)", 400, 200, "FP16 has exact decimal values: nothing is lost in JSON"),
    (r"FP64 digits", 200, 200, "every number is read and written to the last bit; Triton turns 1e-30 into another"),
    (r"shape zero rows", 400, 200, "no rows in, no rows out"),
    (r"shape past the batch", 400, 200, "a request of many rows is split over batches"),
    (r"outputs in other order", 200, 200, "outputs come in the order asked, over HTTP as over gRPC"),
    (r"classification 0", 200, 200, "softmax differs from ONNX Runtime's in the last bit; classes do not"),
    (r"get /v2/models/pl%61ne", 404, 200, "a path is decoded, as RFC 3986 has it"),
    (r"(un)?load .*", 503, 403, "control belongs to the admin listener unless --repository-control=all"),
    (r"shared memory .*|get /v2/systemsharedmemory.*", None, 501,
     "shared memory is off unless --shared-memory allows it"),
    (r"get /v2/cudasharedmemory.*", 200, 501, "a CPU server offers no CUDA memory"),
    (r"(UINT8|UINT16|UINT32|INT8|INT16|INT32) (above|below)", 200, 400,
     "a number its type cannot hold is refused; Triton wraps it"),
    (r"FP(32|64) (NaN|Infinity)", 200, 400, "NaN and Infinity are no JSON; the error says to send binary"),
    (r"FP(32|64) NaN out as JSON", 200, 400, "JSON cannot hold NaN; the error says to ask for binary"),
    (r"data (too deep|other nesting|half nested)", 200, 400, "nested data has the nesting of its shape"),
    (r"output twice", 200, 400, "an output is asked for once"),
    (r"gzip cut", 200, 400, "a body that is cut is an error"),
    (r"gzip said deflate", 200, 400, "an encoding is what its header says"),
    (r"JSON with a mark", 200, 400, "JSON between programs has no byte order mark (RFC 8259)"),
    (r"JSON a key twice", 200, 400, "which of two would count?"),
    (r"header length with a sign", 200, 400, "a length is digits"),
    (r"gzip wrong", None, 400, "a body that its header belies is an error of the client"),
    (r"chunk size wrong", 0, 400, "a client learns what was wrong before the connection closes"),
    (r".*", 500, 400, "a body that cannot be parsed is the client's fault"),
]
