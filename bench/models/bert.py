# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# BERT as PyTorch exports it: layer norm and GELU taken apart into elementwise
# nodes, the attention mask turned into large negative numbers, heads split by
# Reshape and Transpose. bert_base is static at 1x128; minilm.py uses the same
# encoder with dynamic sizes and real weights.
import numpy as np

from net import Net


class RandomWeights:
    """Every layer drawn from the generator of the net and scaled by it."""

    def __init__(self, net):
        self.net = net

    def table(self, name, rows, width):
        return self.net.weight(self.net.normal([rows, width], 0.6), name)

    def linear(self, x, name, features):
        return self.net.matmul(x, features)

    def norm(self, name, width):
        gamma = self.net.rng.uniform(0.8, 1.2, width).astype(np.float32)
        return (self.net.weight(gamma, "gamma"),
                self.net.weight(self.net.normal([width], 0.1), "beta"))


class Encoder:
    def __init__(self, net, weights, hidden, heads, inner, dynamic=False, epsilon=1e-12):
        self.net, self.weights = net, weights
        self.hidden, self.heads, self.inner = hidden, heads, inner
        self.dynamic, self.epsilon = dynamic, epsilon

    def sizes(self, x, tail):
        """The target of a Reshape: the first two sizes of x, then `tail`."""
        net = self.net
        if not self.dynamic:
            return net.ints(*net.shape(x)[:2], *tail)
        parts = []
        for axis in (0, 1):
            size = net.op("Gather", [net.op("Shape", [x]), net.scalar(axis, np.int64)], axis=0)
            parts.append(net.op("Unsqueeze", [size, net.ints(0)]))
        return net.concat(parts + [net.ints(value) for value in tail], axis=0)

    def layer_norm(self, x, name):
        net = self.net
        gamma, beta = self.weights.norm(name, self.hidden)
        centred = net.op("Sub", [x, net.op("ReduceMean", [x], axes=[-1])])
        square = net.op("Pow", [centred, net.scalar(2.0)])
        variance = net.op("ReduceMean", [square], axes=[-1])
        root = net.op("Sqrt", [net.op("Add", [variance, net.scalar(self.epsilon)])])
        scaled = net.op("Mul", [net.op("Div", [centred, root]), gamma])
        return net.op("Add", [scaled, beta])

    def gelu(self, x):
        net = self.net
        erf = net.op("Erf", [net.op("Div", [x, net.scalar(2.0 ** 0.5)])])
        product = net.op("Mul", [x, net.op("Add", [erf, net.scalar(1.0)])])
        return net.op("Mul", [product, net.scalar(0.5)])

    def split_heads(self, x, perm):
        width = self.hidden // self.heads
        x = self.net.op("Reshape", [x, self.sizes(x, (self.heads, width))])
        return self.net.op("Transpose", [x], perm=perm)

    def attention(self, x, mask, name):
        net = self.net
        query, key, value = (self.weights.linear(x, f"{name}.self.{part}", self.hidden)
                             for part in ("query", "key", "value"))
        query = self.split_heads(query, [0, 2, 1, 3])
        key = self.split_heads(key, [0, 2, 3, 1])
        value = self.split_heads(value, [0, 2, 1, 3])
        scores = net.op("MatMul", [query, key])
        scores = net.op("Div", [scores, net.scalar((self.hidden / self.heads) ** 0.5)])
        scores = net.op("Softmax", [net.op("Add", [scores, mask])], axis=-1)
        y = net.op("Transpose", [net.op("MatMul", [scores, value])], perm=[0, 2, 1, 3])
        y = net.op("Reshape", [y, self.sizes(y, (self.hidden,))])
        y = self.weights.linear(y, f"{name}.output.dense", self.hidden)
        return self.layer_norm(net.add(y, x), f"{name}.output.LayerNorm")

    def layer(self, x, mask, name):
        x = self.attention(x, mask, f"{name}.attention")
        y = self.gelu(self.weights.linear(x, f"{name}.intermediate.dense", self.inner))
        y = self.weights.linear(y, f"{name}.output.dense", self.hidden)
        return self.layer_norm(self.net.add(y, x), f"{name}.output.LayerNorm")

    def mask(self, attention_mask):
        """0 where a token counts, the lowest float where it does not."""
        net = self.net
        mask = net.op("Unsqueeze", [attention_mask, net.ints(1)])
        mask = net.op("Unsqueeze", [mask, net.ints(2)])
        mask = net.op("Sub", [net.scalar(1.0), net.op("Cast", [mask], to=1)])
        return net.op("Mul", [mask, net.scalar(np.finfo(np.float32).min)])

    def embed(self, ids, types, vocabulary, positions):
        net = self.net
        words = self.weights.table("embeddings.word_embeddings", vocabulary, self.hidden)
        kinds = self.weights.table("embeddings.token_type_embeddings", 2, self.hidden)
        places = self.weights.table("embeddings.position_embeddings", positions, self.hidden)
        place = net.weight(np.arange(positions, dtype=np.int64)[None], "position_ids")
        if self.dynamic:
            length = net.op("Gather", [net.op("Shape", [ids]), net.scalar(1, np.int64)], axis=0)
            length = net.op("Unsqueeze", [length, net.ints(0)])
        else:
            length = net.ints(net.shape(ids)[1])
        place = net.op("Slice", [place, net.ints(0), length, net.ints(1), net.ints(1)])
        x = net.add(net.op("Gather", [words, ids], axis=0), net.op("Gather", [kinds, types], axis=0))
        x = net.add(x, net.op("Gather", [places, place], axis=0))
        return self.layer_norm(x, "embeddings.LayerNorm")


def text_inputs(net, dims, batch, length, vocabulary):
    """Token ids; the last tokens of the first row are masked out."""
    ids = net.rng.integers(1, vocabulary, (batch, length))
    mask = np.ones((batch, length), np.int64)
    mask[0, length - length // 8:] = 0
    types = np.zeros((batch, length), np.int64)
    types[:, length // 2:] = 1
    return (net.input("input_ids", dims, ids), net.input("attention_mask", dims, mask),
            net.input("token_type_ids", dims, types))


def bert_base():
    net = Net("bert_base", seed=768, opset=14)
    ids, mask, types = text_inputs(net, [1, 128], 1, 128, 30522)
    encoder = Encoder(net, RandomWeights(net), 768, 12, 3072)
    bias = encoder.mask(mask)
    x = encoder.embed(ids, types, 30522, 512)
    for index in range(12):
        net.scope = f"layer{index}/"
        x = encoder.layer(x, bias, f"encoder.layer.{index}")
    net.scope = ""
    first = net.op("Gather", [x, net.scalar(0, np.int64)], axis=1)
    net.output(x, "last_hidden_state")
    net.output(net.op("Tanh", [net.gemm(first, 768)]), "pooler_output")
    return net


MODELS = {"bert_base": bert_base}
