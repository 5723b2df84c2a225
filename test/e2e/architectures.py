# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small models with the true structure of families that exporters write, in the
# operators and detours that they write them in. Sizes are tiny; the batch, and the
# sequence where there is one, is a name. Each function returns (net, shapes): inputs
# of the shapes below `shapes` are fed beside the sample.
import numpy as np

from net import Net


class Part:
    """What several families share."""

    def __init__(self, net):
        self.net = net

    def sizes(self, x, *dims):
        """A target for Reshape; None: the size of x at that place, by Shape and Gather."""
        net, parts = self.net, []
        for axis, dim in enumerate(dims):
            if dim is None:
                size = net.op("Gather", [net.op("Shape", [x]), net.scalar(axis, np.int64)], axis=0)
                parts.append(net.op("Unsqueeze", [size, net.ints(0)]))
            else:
                parts.append(net.ints(dim))
        return net.concat(parts, axis=0)

    def reshape(self, x, *dims):
        return self.net.op("Reshape", [x, self.sizes(x, *dims)])

    def mul(self, x, value):
        return self.net.op("Mul", [x, self.net.scalar(value)])

    def layer_norm(self, x, width):
        net = self.net
        gamma = net.weight(net.rng.uniform(0.8, 1.2, width).astype(np.float32))
        return net.op("LayerNormalization", [x, gamma, net.weight(net.normal([width], 0.1))],
                      axis=-1, epsilon=1e-5)

    def rms_norm(self, x, width):
        net = self.net
        square = net.op("ReduceMean", [net.op("Pow", [x, net.scalar(2.0)]), net.ints(-1)])
        root = net.op("Sqrt", [net.op("Add", [square, net.scalar(1e-6)])])
        scaled = net.op("Mul", [x, net.op("Div", [net.scalar(1.0), root])])
        return net.op("Mul", [net.weight(net.rng.uniform(0.8, 1.2, width).astype(np.float32)), scaled])

    def gelu(self, x):
        net = self.net
        erf = net.op("Erf", [net.op("Div", [x, net.scalar(2 ** 0.5)])])
        return self.mul(net.op("Mul", [x, net.op("Add", [erf, net.scalar(1.0)])]), 0.5)

    def silu(self, x):
        return self.net.op("Mul", [x, self.net.op("Sigmoid", [x])])

    def heads(self, x, count, width):
        return self.net.op("Transpose", [self.reshape(x, None, None, count, width)], perm=[0, 2, 1, 3])

    def attention(self, x, memory, count, width, bias=None):
        net = self.net
        q = self.heads(net.matmul(x, count * width), count, width)
        k = self.heads(net.matmul(memory, count * width), count, width)
        v = self.heads(net.matmul(memory, count * width), count, width)
        return self.attend(q, k, v, count * width, width, bias)

    def attend(self, q, k, v, hidden, width, bias=None):
        net = self.net
        scores = net.op("MatMul", [self.mul(q, width ** -0.5),
                                   net.op("Transpose", [k], perm=[0, 1, 3, 2])])
        if bias:
            scores = net.op("Add", [scores, bias])
        y = net.op("MatMul", [net.op("Softmax", [scores], axis=-1), v])
        y = self.reshape(net.op("Transpose", [y], perm=[0, 2, 1, 3]), None, None, hidden)
        return net.matmul(y, hidden)

    def block(self, x, hidden, count, bias=None):
        net = self.net
        norm = self.layer_norm(x, hidden)
        x = net.add(x, self.attention(norm, norm, count, hidden // count, bias))
        inner = self.gelu(net.matmul(self.layer_norm(x, hidden), 2 * hidden))
        return net.add(x, net.matmul(inner, hidden))


def vit():
    net = Net("vit", opset=17)
    part, hidden = Part(net), 32
    x = net.image(["batch", 3, 32, 32])
    x = part.reshape(net.conv(x, hidden, 8, stride=8, pad=0, bias=True), None, hidden, 16)
    x = net.op("Transpose", [x], perm=[0, 2, 1])
    batch = part.sizes(x, None, 1, 1)
    token = net.op("Tile", [net.weight(net.normal([1, 1, hidden])), batch])
    x = net.add(net.concat([token, x], axis=1), net.weight(net.normal([1, 17, hidden], 0.3)))
    for _ in range(2):
        x = part.block(x, hidden, 4)
    x = net.op("Gather", [part.layer_norm(x, hidden), net.scalar(0, np.int64)], axis=1)
    net.output(net.gemm(x, 10), "logits", ["batch", 10])
    return net, {"input": [(3, 3, 32, 32)]}


def swin():
    net = Net("swin", opset=17)
    part, hidden, window = Part(net), 16, 4
    x = net.image(["batch", 3, 32, 32])
    x = net.op("Transpose", [net.conv(x, hidden, 4, stride=4, pad=0, bias=True)], perm=[0, 2, 3, 1])
    for shift in (0, 2):
        y = part.layer_norm(x, hidden)
        if shift:  # torch.roll
            for axis in (1, 2):
                end = net.op("Slice", [y, net.ints(shift), net.ints(2 ** 31), net.ints(axis)])
                begin = net.op("Slice", [y, net.ints(0), net.ints(shift), net.ints(axis)])
                y = net.concat([end, begin], axis=axis)
        y = part.reshape(y, None, 8 // window, window, 8 // window, window, hidden)
        y = net.op("Transpose", [y], perm=[0, 1, 3, 2, 4, 5])
        y = net.op("Reshape", [y, net.ints(-1, window * window, hidden)])
        table = net.weight(net.normal([49, 2], 0.5))
        index = net.weight(net.rng.integers(0, 49, 256))
        bias = net.op("Reshape", [net.op("Gather", [table, index], axis=0), net.ints(16, 16, 2)])
        bias = net.op("Unsqueeze", [net.op("Transpose", [bias], perm=[2, 0, 1]), net.ints(0)])
        y = part.attention(y, y, 2, hidden // 2, bias)
        y = net.op("Reshape", [y, net.ints(-1, 2, 2, window, window, hidden)])
        y = net.op("Transpose", [y], perm=[0, 1, 3, 2, 4, 5])
        x = net.add(x, net.op("Reshape", [y, net.ints(-1, 8, 8, hidden)]))
        x = net.add(x, net.matmul(part.gelu(net.matmul(part.layer_norm(x, hidden), 32)), hidden))
    # Patch merging: every second row and column, joined.
    corners = []
    for row in (0, 1):
        for column in (0, 1):
            y = net.op("Slice", [x, net.ints(row), net.ints(2 ** 31), net.ints(1), net.ints(2)])
            corners.append(net.op("Slice", [y, net.ints(column), net.ints(2 ** 31), net.ints(2),
                                            net.ints(2)]))
    x = net.matmul(part.layer_norm(net.concat(corners, axis=-1), 4 * hidden), 2 * hidden, bias=False)
    x = net.op("ReduceMean", [x], axes=[1, 2], keepdims=0)
    net.output(net.gemm(x, 10), "logits", ["batch", 10])
    return net, {"input": [(2, 3, 32, 32)]}


def convnext():
    net = Net("convnext", opset=17)
    part, hidden = Part(net), 24
    x = net.conv(net.image(["batch", 3, "height", "width"]), hidden, 4, stride=4, pad=0, bias=True)
    for _ in range(2):
        y = net.op("Transpose", [net.conv(x, hidden, 7, group=hidden, bias=True)], perm=[0, 2, 3, 1])
        y = part.gelu(net.matmul(part.layer_norm(y, hidden), 4 * hidden))
        y = net.op("Mul", [net.weight(net.normal([hidden])), net.matmul(y, hidden)])
        x = net.add(x, net.op("Transpose", [y], perm=[0, 3, 1, 2]))
    net.output(net.classifier(x, 10), "logits", ["batch", 10])
    return net, {"input": [(2, 3, 64, 96)]}


def efficientnet():
    net = Net("efficientnet", opset=13)
    part = Part(net)
    x = part.silu(net.batch_norm(net.conv(net.image(["batch", 3, 64, 64]), 16, 3, stride=2)))
    for stride, channels in ((1, 16), (2, 24), (1, 24)):
        wide = net.shape(x)[1] * 4
        y = part.silu(net.batch_norm(net.conv(x, wide, 1)))
        y = part.silu(net.batch_norm(net.conv(y, wide, 3, stride=stride, group=wide)))
        squeezed = net.op("GlobalAveragePool", [y])
        gate = net.conv(part.silu(net.conv(squeezed, 8, 1, bias=True)), wide, 1, bias=True)
        y = net.op("Mul", [y, net.op("Sigmoid", [gate])])
        y = net.batch_norm(net.conv(y, channels, 1))
        x = net.add(x, y) if stride == 1 and net.shape(x)[1] == channels else y
    x = net.op("HardSwish", [x]) if net.opset >= 14 else net.op("HardSigmoid", [x])
    net.output(net.classifier(x, 10), "logits", ["batch", 10])
    return net, {"input": [(2, 3, 64, 64)]}


def t5():
    net = Net("t5", opset=18)
    part, hidden, count = Part(net), 32, 4
    ids = net.input("input_ids", ["batch", "sequence"], net.rng.integers(0, 50, (2, 7)))
    x = net.op("Gather", [net.weight(net.normal([50, hidden])), ids], axis=0)
    length = net.op("Gather", [net.op("Shape", [ids]), net.scalar(1, np.int64)], axis=0)
    line = net.op("Range", [net.scalar(0, np.int64), length, net.scalar(1, np.int64)])
    apart = net.op("Sub", [net.op("Unsqueeze", [line, net.ints(0)]),
                           net.op("Unsqueeze", [line, net.ints(1)])])
    far = net.op("Cast", [net.op("Greater", [apart, net.scalar(0, np.int64)])], to=7)
    side = net.op("Mul", [far, net.scalar(16, np.int64)])
    apart = net.op("Abs", [apart])
    real = net.op("Div", [net.op("Cast", [apart], to=1), net.scalar(8.0)])
    large = net.op("Cast", [part.mul(net.op("Log", [real]), 8 / np.log(16))], to=7)
    large = net.op("Min", [net.op("Add", [large, net.scalar(8, np.int64)]), net.scalar(15, np.int64)])
    near = net.op("Less", [apart, net.scalar(8, np.int64)])
    bucket = net.op("Add", [side, net.op("Where", [near, apart, large])])
    bias = net.op("Gather", [net.weight(net.normal([32, count], 0.5)), bucket], axis=0)
    bias = net.op("Unsqueeze", [net.op("Transpose", [bias], perm=[2, 0, 1]), net.ints(0)])
    for _ in range(2):
        norm = part.rms_norm(x, hidden)
        x = net.add(x, part.attention(norm, norm, count, hidden // count, bias))
        norm = part.rms_norm(x, hidden)
        gate = part.gelu(net.matmul(norm, 64, bias=False))
        y = net.op("Mul", [gate, net.matmul(norm, 64, bias=False)])
        x = net.add(x, net.matmul(y, hidden, bias=False))
    net.output(part.rms_norm(x, hidden), "hidden", ["batch", "sequence", hidden])
    return net, {"input_ids": [(1, 1), (3, 13)]}


def rotated(net, x, cosine, sine):
    half = net.shape(x)[-1] // 2
    a = net.op("Slice", [x, net.ints(0), net.ints(half), net.ints(3)])
    b = net.op("Slice", [x, net.ints(half), net.ints(2 ** 63 - 1), net.ints(3)])
    turned = net.concat([net.op("Neg", [b]), a], axis=-1)
    return net.add(net.op("Mul", [x, cosine]), net.op("Mul", [turned, sine]))


def repeated(net, part, x, times):
    """repeat_kv: Unsqueeze, Expand by shape arithmetic, Reshape."""
    count, width = net.shape(x)[1], net.shape(x)[3]
    length = net.op("Gather", [net.op("Shape", [x]), net.scalar(2, np.int64)], axis=0)
    length = net.op("Unsqueeze", [length, net.ints(0)])
    batch = part.sizes(x, None)
    wide = net.concat([batch, net.ints(count, times), length, net.ints(width)], axis=0)
    y = net.op("Expand", [net.op("Unsqueeze", [x, net.ints(2)]), wide])
    return net.op("Reshape", [y, net.concat([batch, net.ints(count * times), length,
                                             net.ints(width)], axis=0)])


def llama():
    net = Net("llama", opset=18)
    part, hidden, count, groups, width = Part(net), 32, 4, 2, 8
    ids = net.input("input_ids", ["batch", "sequence"], net.rng.integers(0, 50, (2, 3)))
    place = net.input("position_ids", ["batch", "sequence"], np.arange(4, 7)[None].repeat(2, 0))
    cache = ["batch", groups, "past", width]
    past = [net.input(name, cache, net.normal([2, groups, 4, width]))
            for name in ("past_key", "past_value")]
    x = net.op("Gather", [net.weight(net.normal([50, hidden])), ids], axis=0)
    frequency = (10000.0 ** (-np.arange(0, width, 2) / width)).astype(np.float32)
    angle = net.op("Cast", [net.op("Unsqueeze", [place, net.ints(2)])], to=1)
    angle = net.op("Mul", [angle, net.weight(frequency[None, None])])
    angle = net.op("Unsqueeze", [net.concat([angle, angle], axis=-1), net.ints(1)])
    cosine, sine = net.op("Cos", [angle]), net.op("Sin", [angle])
    norm = part.rms_norm(x, hidden)
    q = part.heads(net.matmul(norm, count * width, bias=False), count, width)
    k = part.heads(net.matmul(norm, groups * width, bias=False), groups, width)
    v = part.heads(net.matmul(norm, groups * width, bias=False), groups, width)
    q, k = rotated(net, q, cosine, sine), rotated(net, k, cosine, sine)
    k, v = net.concat([past[0], k], axis=2), net.concat([past[1], v], axis=2)
    net.output(k, "present_key", ["batch", groups, "total", width])
    net.output(v, "present_value", ["batch", groups, "total", width])
    total = net.op("Gather", [net.op("Shape", [k]), net.scalar(2, np.int64)], axis=0)
    line = net.op("Range", [net.scalar(0, np.int64), total, net.scalar(1, np.int64)])
    later = net.op("Greater", [net.op("Unsqueeze", [line, net.ints(0, 1)]),
                               net.op("Unsqueeze", [place, net.ints(2)])])
    mask = net.op("Where", [later, net.scalar(np.finfo(np.float32).min), net.scalar(0.0)])
    mask = net.op("Unsqueeze", [mask, net.ints(1)])
    y = part.attend(q, repeated(net, part, k, 2), repeated(net, part, v, 2), hidden, width, mask)
    x = net.add(x, y)
    norm = part.rms_norm(x, hidden)
    gate = part.silu(net.matmul(norm, 64, bias=False))
    y = net.op("Mul", [gate, net.matmul(norm, 64, bias=False)])
    x = part.rms_norm(net.add(x, net.matmul(y, hidden, bias=False)), hidden)
    net.output(net.matmul(x, 50, bias=False), "logits", ["batch", "sequence", 50])
    return net, {}


def unet():
    net = Net("unet", opset=17)
    part = Part(net)
    x = net.image(["batch", 4, 16, 16], "sample")
    step = net.input("timestep", ["batch"], np.array([17.0], np.float32))
    frequency = np.exp(-np.log(10000) * np.arange(8) / 8).astype(np.float32)
    angle = net.op("Mul", [net.op("Unsqueeze", [step, net.ints(1)]), net.weight(frequency[None])])
    time = net.concat([net.op("Cos", [angle]), net.op("Sin", [angle])], axis=-1)
    time = part.silu(net.gemm(part.silu(net.gemm(time, 32)), 32))
    text = net.input("encoder_hidden_states", ["batch", "words", 12], net.normal([1, 5, 12]))

    def group_norm(x, groups):  # as PyTorch writes it below opset 18
        channels = net.shape(x)[1]
        y = net.op("Reshape", [x, net.ints(0, groups, -1)])
        y = net.op("InstanceNormalization", [y, net.weight(np.ones(groups, np.float32)),
                                             net.weight(np.zeros(groups, np.float32))], epsilon=1e-5)
        y = net.op("Reshape", [y, net.op("Shape", [x])])
        y = net.op("Mul", [y, net.weight(net.rng.uniform(0.8, 1.2, (channels, 1, 1)).astype(np.float32))])
        return net.add(y, net.weight(net.normal([channels, 1, 1], 0.1)))

    def residual(x, channels):
        y = net.conv(part.silu(group_norm(x, 4)), channels, 3, bias=True)
        y = net.add(y, net.op("Unsqueeze", [net.gemm(time, channels), net.ints(2, 3)]))
        y = net.conv(part.silu(group_norm(y, 4)), channels, 3, bias=True)
        return net.add(y, x if net.shape(x)[1] == channels else net.conv(x, channels, 1, bias=True))

    def transformer(x):
        channels, height, width = net.shape(x)[1:]
        y = net.op("Transpose", [net.conv(group_norm(x, 4), channels, 1, bias=True)], perm=[0, 2, 3, 1])
        y = part.reshape(y, None, height * width, channels)
        norm = part.layer_norm(y, channels)
        y = net.add(y, part.attention(norm, norm, 4, channels // 4))
        y = net.add(y, part.attention(part.layer_norm(y, channels), text, 4, channels // 4))
        a, b = net.op("Split", [net.matmul(part.layer_norm(y, channels), 4 * channels)], count=2, axis=-1)
        y = net.add(y, net.matmul(net.op("Mul", [a, part.gelu(b)]), channels))
        y = net.op("Transpose", [part.reshape(y, None, height, width, channels)], perm=[0, 3, 1, 2])
        return net.add(net.conv(y, channels, 1, bias=True), x)

    first = net.conv(x, 16, 3, bias=True)
    a = transformer(residual(first, 16))
    b = residual(net.conv(a, 16, 3, stride=2, bias=True), 32)
    middle = transformer(residual(b, 32))
    y = residual(net.concat([middle, b]), 32)
    y = net.op("Resize", [y, "", net.weight(np.array([1, 1, 2, 2], np.float32))], mode="nearest",
               coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    y = residual(net.concat([net.conv(y, 16, 3, bias=True), a]), 16)
    net.output(net.conv(part.silu(group_norm(y, 4)), 4, 3, bias=True), "out", ["batch", 4, 16, 16])
    return net, {"encoder_hidden_states": [(2, 7, 12)], "sample": [(2, 4, 16, 16)], "timestep": [(2,)]}


def whisper():
    net = Net("whisper", opset=17)
    part, hidden = Part(net), 32
    x = net.input("mel", ["batch", 20, 48], net.normal([1, 20, 48]))

    def conv(x, stride):
        channels = net.shape(x)[1]
        return net.scaled("Conv", x, net.normal([hidden, channels, 3]), channels * 3, True, 1,
                          kernel_shape=[3], strides=[stride], pads=[1, 1])
    x = net.op("Transpose", [part.gelu(conv(part.gelu(conv(x, 1)), 2))], perm=[0, 2, 1])
    x = net.add(x, net.weight(net.normal([24, hidden], 0.3)))
    for _ in range(2):
        x = part.block(x, hidden, 4)
    net.output(part.layer_norm(x, hidden), "hidden", ["batch", 24, hidden])
    return net, {"mel": [(3, 20, 48)]}


def crnn():
    net = Net("crnn", opset=14)
    part, hidden = Part(net), 12
    x = net.image(["batch", 1, 16, "width"])
    x = net.max_pool(net.conv_bn_relu(x, 8, 3), 2, 2)
    x = net.conv_bn_relu(x, 16, 3)
    x = net.op("MaxPool", [x], kernel_shape=[8, 1], strides=[8, 1])
    x = net.op("Transpose", [net.op("Squeeze", [x, net.ints(2)])], perm=[2, 0, 1])
    for _ in range(2):
        width = net.shape(x)[2]
        operands = [x] + [net.weight(net.normal([2, 4 * hidden, size], 0.4)) for size in (width, hidden)]
        operands.append(net.weight(net.normal([2, 8 * hidden], 0.1)))
        y = net.op("LSTM", operands + [""] * 1, hidden_size=hidden, direction="bidirectional")
        y = net.op("Transpose", [y], perm=[0, 2, 1, 3])
        x = net.op("Reshape", [y, net.ints(0, 0, -1)])
    net.output(net.op("LogSoftmax", [net.matmul(x, 11)], axis=2), "logits", ["time", "batch", 11])
    return net, {"input": [(2, 1, 16, 64)]}
