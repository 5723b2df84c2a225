# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small decoders with caches as inputs and outputs, in the forms that exporters of
# language models write. Each function returns a model; its inputs are named as in
# those exports: input_ids, attention_mask, past_key_values.N.key, use_cache_branch...
import numpy as np
from onnx import TensorProto, helper, numpy_helper

VOCABULARY, WIDTH, HEADS, KEY_HEADS, HEAD = 60, 64, 4, 2, 16


class Graph:
    """Nodes, weights and values of one model; branches of an If see it as their outside."""

    def __init__(self, seed=1):
        self.dice = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def weight(self, value):
        self.count += 1
        name = f"weight_{self.count}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def ints(self, *values):
        return self.weight(np.array(values, np.int64))

    def op(self, kind, inputs, outputs=1, domain="", **attributes):
        self.count += 1
        names = outputs if isinstance(outputs, list) else [f"{kind}_{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain,
                                           name=f"{kind}_{self.count}", **attributes))
        return names[0] if len(names) == 1 else names

    def matmul(self, x, rows, columns, bits=0):
        if not bits:
            value = self.dice.standard_normal((rows, columns)) / rows ** 0.5
            return self.op("MatMul", [x, self.weight(value.astype(np.float32))])
        blocks = rows // 16
        packed = self.dice.integers(0, 256, (columns, blocks, 16 * bits // 8)).astype(np.uint8)
        scales = self.dice.uniform(0.02, 0.06, (columns, blocks)).astype(np.float32)
        return self.op("MatMulNBits", [x, self.weight(packed), self.weight(scales)],
                       domain="com.microsoft", K=rows, N=columns, bits=bits, block_size=16)

    def scale(self):
        return self.weight(self.dice.uniform(0.8, 1.2, WIDTH).astype(np.float32))

    def embed(self):
        table = self.dice.standard_normal((VOCABULARY, WIDTH)).astype(np.float32)
        return self.op("Gather", [self.weight(table), "input_ids"])

    def heads(self, x, count):
        return self.op("Transpose", [self.op("Reshape", [x, self.ints(0, 0, count, -1)])], perm=[0, 2, 1, 3])

    def joined(self, x):
        return self.op("Reshape", [self.op("Transpose", [x], perm=[0, 2, 1, 3]), self.ints(0, 0, WIDTH)])


def tensor(name, kind, *dims):
    return helper.make_tensor_value_info(name, kind, list(dims))


def caches(count, heads, length, kind="past_key_values"):
    return [tensor(f"{kind}.{i}.{what}", TensorProto.FLOAT, "batch", heads, length, HEAD)
            for i in range(count) for what in ("key", "value")]


def finish(graph, inputs, outputs, opset):
    made = helper.make_graph(graph.nodes, "decoder", inputs, outputs, graph.weights)
    return helper.make_model(made, ir_version=8, opset_imports=[
        helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)])


def grouped(bits=0, window=-1, packed=False, sink=False, cap=0.0):
    """As onnxruntime-genai writes: one node an attention, the cache any buffer."""
    g = Graph()
    last = g.op("Sub", [g.op("ReduceSum", ["attention_mask", g.ints(1)], keepdims=1), g.ints(1)])
    total = g.op("Gather", [g.op("Shape", ["attention_mask"]), g.weight(np.array(1, np.int64))])
    lengths = [g.op("Cast", [last], to=TensorProto.INT32), g.op("Cast", [total], to=TensorProto.INT32)]
    angle = np.arange(96)[:, None] / 100.0 ** (np.arange(HEAD // 2) / (HEAD / 2))
    wide = [g.weight(np.cos(angle).astype(np.float32)), g.weight(np.sin(angle).astype(np.float32))]
    skip = g.embed()
    x = g.op("SimplifiedLayerNormalization", [skip, g.scale()], axis=-1, epsilon=1e-5)
    for i in range(2):
        size = KEY_HEADS * HEAD
        if packed:
            operands = [g.matmul(x, WIDTH, WIDTH + 2 * size, bits), "", ""]
        else:
            operands = [g.matmul(x, WIDTH, n, bits) for n in (WIDTH, size, size)]
        operands += [f"past_key_values.{i}.key", f"past_key_values.{i}.value"] + lengths + wide
        if sink:
            operands += ["", "", g.weight(g.dice.standard_normal(HEADS).astype(np.float32))]
        y = g.op("GroupQueryAttention", operands,
                 [f"attention_{i}", f"present.{i}.key", f"present.{i}.value"], "com.microsoft",
                 num_heads=HEADS, kv_num_heads=KEY_HEADS, do_rotary=1, local_window_size=window, softcap=cap)[0]
        x, _, _, skip = g.op("SkipSimplifiedLayerNormalization",
                             [skip, g.matmul(y, WIDTH, WIDTH, bits), g.scale()],
                             [f"normal_{i}", "", "", f"sum_{i}"], "com.microsoft", epsilon=1e-5)
    g.op("MatMul", [x, g.weight(g.dice.standard_normal((WIDTH, VOCABULARY)).astype(np.float32))], ["logits"])
    inputs = [tensor("input_ids", TensorProto.INT64, "batch", "sequence"),
              tensor("attention_mask", TensorProto.INT64, "batch", "total")] + caches(2, KEY_HEADS, "past")
    outputs = [tensor("logits", TensorProto.FLOAT, "batch", "sequence", VOCABULARY)] + \
        caches(2, KEY_HEADS, "present", "present")
    return finish(g, inputs, outputs, 14)


def standard():
    """Attention of opset 24 with a cache that grows, four query heads on two."""
    g = Graph()
    x = g.embed()
    for i in range(2):
        size = KEY_HEADS * HEAD
        y = g.op("Attention", [g.matmul(x, WIDTH, WIDTH), g.matmul(x, WIDTH, size), g.matmul(x, WIDTH, size), "",
                               f"past_key_values.{i}.key", f"past_key_values.{i}.value"],
                 [f"attention_{i}", f"present.{i}.key", f"present.{i}.value"],
                 q_num_heads=HEADS, kv_num_heads=KEY_HEADS, is_causal=1)[0]
        x = g.op("RMSNormalization", [g.op("Add", [x, g.matmul(y, WIDTH, WIDTH)]), g.scale()])
    g.op("MatMul", [x, g.weight(g.dice.standard_normal((WIDTH, VOCABULARY)).astype(np.float32))], ["logits"])
    inputs = [tensor("input_ids", TensorProto.INT64, "batch", "sequence")] + caches(2, KEY_HEADS, "past")
    outputs = [tensor("logits", TensorProto.FLOAT, "batch", "sequence", VOCABULARY)] + \
        caches(2, KEY_HEADS, "present", "present")
    return finish(g, inputs, outputs, 23)


def merged():
    """As optimum merges the decoder of an encoder and decoder: two branches, and names of
    extents that only hold for what one of them reads."""
    g = Graph()
    memory = "encoder_hidden_states"
    x = g.embed()
    branches = []
    for has_past in (True, False):
        b = Graph(2)
        b.count = 1000 * (1 + has_past)

        def attend(q, k, v, bias=""):
            scores = b.op("MatMul", [q, b.op("Transpose", [k], perm=[0, 1, 3, 2])])
            if bias:
                scores = b.op("Add", [scores, bias])
            return b.joined(b.op("MatMul", [b.op("Softmax", [scores], axis=-1), v]))
        fresh = [b.heads(b.matmul(x, WIDTH, WIDTH), HEADS) for _ in range(3)]
        own = [b.op("Concat", [f"past_key_values.0.decoder.{what}", value], axis=2) if has_past else value
               for what, value in zip(("key", "value"), fresh[1:])]
        y = b.op("Add", [x, attend(fresh[0], *own)])
        query = b.heads(b.matmul(y, WIDTH, WIDTH), HEADS)
        seen = [f"past_key_values.0.encoder.{what}" for what in ("key", "value")] if has_past else \
            [b.heads(b.matmul(memory, WIDTH, WIDTH), HEADS) for _ in range(2)]
        mask = b.op("Unsqueeze", [b.op("Cast", ["encoder_attention_mask"], to=TensorProto.FLOAT), b.ints(1, 2)])
        logits = b.matmul(b.op("Add", [y, attend(query, *seen, mask)]), WIDTH, VOCABULARY)
        results = [b.op("Identity", [value]) for value in [logits] + own + seen]
        branches.append(helper.make_graph(b.nodes, "branch", [], [
            helper.make_empty_tensor_value_info(name) for name in results], b.weights))
    names = ["logits"] + [f"present.0.{where}.{what}" for where in ("decoder", "encoder") for what in ("key", "value")]
    flag = g.op("Squeeze", ["use_cache_branch"])
    g.op("If", [flag], names, then_branch=branches[0], else_branch=branches[1])
    past = [tensor(f"past_key_values.0.{where}.{what}", TensorProto.FLOAT, "batch", HEADS, length, HEAD)
            for where, length in (("decoder", "past"), ("encoder", "encoder_sequence"))
            for what in ("key", "value")]
    inputs = [tensor("encoder_attention_mask", TensorProto.INT64, "batch", "encoder_sequence"),
              tensor("input_ids", TensorProto.INT64, "batch", "sequence"),
              tensor(memory, TensorProto.FLOAT, "batch", "encoder_sequence", WIDTH)] + past + \
        [tensor("use_cache_branch", TensorProto.BOOL, 1)]
    outputs = [tensor("logits", TensorProto.FLOAT, "batch", "sequence", VOCABULARY)] + \
        [tensor(name, TensorProto.FLOAT, "batch", HEADS, name + ".length", HEAD) for name in names[1:]]
    return finish(g, inputs, outputs, 17)
