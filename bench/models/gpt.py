# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A small GPT-2: causal attention at 1x64 (prefill), LayerNormalization as one node,
# the linear layers as Gemm between Reshapes, GELU by tanh, logits by the
# transposed embedding.
import numpy as np

from net import Net

LAYERS, HIDDEN, HEADS, LENGTH, VOCABULARY = 6, 384, 6, 64, 50257


def norm(net, x):
    gamma = net.weight(net.rng.uniform(0.8, 1.2, HIDDEN).astype(np.float32), "gamma")
    beta = net.weight(net.normal([HIDDEN], 0.1), "beta")
    return net.op("LayerNormalization", [x, gamma, beta], axis=-1, epsilon=1e-5)


def linear(net, x, features):
    """GPT-2's Conv1D: flatten, Gemm with an untransposed weight, unflatten."""
    n, s, k = net.shape(x)
    flat = net.op("Reshape", [x, net.ints(-1, k)])
    y = net.scaled("Gemm", flat, net.normal([k, features]), k, True, 1)
    return net.op("Reshape", [y, net.ints(n, s, features)])


def gelu(net, x):
    cube = net.op("Mul", [net.op("Pow", [x, net.scalar(3.0)]), net.scalar(0.044715)])
    inner = net.op("Mul", [net.add(x, cube), net.scalar((2 / np.pi) ** 0.5)])
    outer = net.op("Add", [net.op("Tanh", [inner]), net.scalar(1.0)])
    return net.op("Mul", [net.op("Mul", [x, net.scalar(0.5)]), outer])


def heads(net, x, perm):
    x = net.op("Reshape", [x, net.ints(1, LENGTH, HEADS, HIDDEN // HEADS)])
    return net.op("Transpose", [x], perm=perm)


def attention(net, x, causal):
    parts = net.op("Split", [linear(net, x, 3 * HIDDEN), net.ints(HIDDEN, HIDDEN, HIDDEN)],
                   count=3, axis=2)
    query = heads(net, parts[0], [0, 2, 1, 3])
    key = heads(net, parts[1], [0, 2, 3, 1])
    value = heads(net, parts[2], [0, 2, 1, 3])
    scores = net.op("Div", [net.op("MatMul", [query, key]), net.scalar((HIDDEN / HEADS) ** 0.5)])
    lowest = net.scalar(np.finfo(np.float32).min)
    scores = net.op("Softmax", [net.op("Where", [causal, scores, lowest])], axis=-1)
    y = net.op("Transpose", [net.op("MatMul", [scores, value])], perm=[0, 2, 1, 3])
    return linear(net, net.op("Reshape", [y, net.ints(1, LENGTH, HIDDEN)]), HIDDEN)


def gpt_small():
    net = Net("gpt_small", seed=64, opset=17)
    ids = net.input("input_ids", [1, LENGTH], net.rng.integers(0, VOCABULARY, (1, LENGTH)))
    table = net.weight(net.normal([VOCABULARY, HIDDEN], 0.7), "wte")
    places = net.weight(net.normal([LENGTH, HIDDEN], 0.7), "wpe")
    causal = net.weight(np.tril(np.ones((1, 1, LENGTH, LENGTH), bool)), "causal")
    x = net.op("Add", [net.op("Gather", [table, ids], axis=0), places])
    for index in range(LAYERS):
        net.scope = f"h.{index}/"
        x = net.add(x, attention(net, norm(net, x), causal))
        x = net.add(x, linear(net, gelu(net, linear(net, norm(net, x), 4 * HIDDEN)), HIDDEN))
    net.scope = ""
    head = net.op("Transpose", [table], perm=[1, 0])
    net.output(net.op("MatMul", [norm(net, x), head]), "logits")
    return net


MODELS = {"gpt_small": gpt_small}
