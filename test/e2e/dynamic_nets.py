# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The rest of architectures.py: nets whose sizes are computed while they run, as
# exporters write interpolation to another map's size, padding to a multiple, masks
# from lengths and positional tables cut to the input.
import numpy as np

from architectures import Part
from net import Net


def size_of(net, x, axis):
    """One extent as a vector of one element."""
    one = net.op("Gather", [net.op("Shape", [x]), net.scalar(axis, np.int64)], axis=0)
    return net.op("Unsqueeze", [one, net.ints(0)])


def pyramid():
    """Maps resized to each other's size and summed; the output to the input's."""
    net = Net("pyramid", opset=13)
    x = net.image(["batch", 3, "height", "width"])
    levels, y = [], x
    for channels in (8, 16, 16):
        y = net.conv_bn_relu(y, channels, 3, stride=2)
        levels.append(net.conv(y, 12, 1, bias=True))

    def resized(a, like, mode):
        sizes = net.concat([net.op("Slice", [net.op("Shape", [a]), net.ints(0), net.ints(2)]),
                            net.op("Slice", [net.op("Shape", [like]), net.ints(2), net.ints(4)])],
                           axis=0)
        more = {"nearest": {"nearest_mode": "floor",
                            "coordinate_transformation_mode": "asymmetric"},
                "linear": {"coordinate_transformation_mode": "pytorch_half_pixel"}}[mode]
        return net.op("Resize", [a, "", "", sizes], mode=mode, **more)
    y = levels[-1]
    for level in reversed(levels[:-1]):
        y = net.conv(net.add(level, resized(y, level, "nearest")), 12, 3, bias=True)
    y = resized(net.conv(y, 4, 1, bias=True), x, "linear")
    net.output(y, "mask", ["batch", 4, "height", "width"])
    net.output(net.op("ArgMax", [y], axis=1, keepdims=0), "labels", ["batch", "height", "width"])
    return net, {"input": [(1, 3, 64, 48), (2, 3, 37, 50)]}


def unfolded():
    """MobileViT: ceil(height / 2) * 2 in floats, patches of 2x2, a grid of sqrt(16) rows."""
    net = Net("unfolded", opset=17)
    part, hidden = Part(net), 8
    x = net.conv(net.image(["batch", 3, "height", "width"]), hidden, 3, stride=2, bias=True)
    two = net.scalar(2, np.int64)

    def even(axis):
        size = net.op("Gather", [net.op("Shape", [x]), net.scalar(axis, np.int64)], axis=0)
        size = net.op("Div", [net.op("Cast", [size], to=1), net.scalar(2.0)])
        size = net.op("Mul", [net.op("Ceil", [size]), net.scalar(2.0)])
        return net.op("Cast", [size], to=7)
    height, width = even(2), even(3)
    line = [net.op("Unsqueeze", [size, net.ints(0)]) for size in (height, width)]
    batch = size_of(net, x, 0)
    y = net.op("Resize", [x, "", "", net.concat([batch, net.ints(hidden)] + line, axis=0)],
               mode="linear", coordinate_transformation_mode="pytorch_half_pixel")
    rows = [net.op("Unsqueeze", [net.op("Div", [size, two]), net.ints(0)]) for size in (height, width)]
    shape = net.concat([net.ints(-1), rows[0], net.ints(2), rows[1], net.ints(2)], axis=0)
    y = net.op("Transpose", [net.op("Reshape", [y, shape])], perm=[0, 1, 3, 2, 4])
    pixels = net.op("Unsqueeze", [net.op("Mul", [net.op("Div", [height, two]),
                                                 net.op("Div", [width, two])]), net.ints(0)])
    shape = net.concat([batch, net.ints(hidden), pixels, net.ints(4)], axis=0)
    y = net.op("Transpose", [net.op("Reshape", [y, shape])], perm=[0, 3, 2, 1])
    y = net.op("Reshape", [y, net.concat([net.ints(-1), pixels, net.ints(hidden)], axis=0)])
    y = part.layer_norm(part.block(part.layer_norm(y, hidden), hidden, 2), hidden)
    side = net.op("Cast", [net.op("Pow", [net.scalar(16.0), net.scalar(0.5)])], to=7)
    side = net.op("Unsqueeze", [side, net.ints(0)])
    table = net.op("Reshape", [net.weight(net.normal([16, hidden])),
                               net.concat([net.ints(1), side, side, net.ints(-1)], axis=0)])
    table = net.op("Transpose", [table], perm=[0, 3, 1, 2])
    sizes = net.concat([net.ints(1, hidden)] + line, axis=0)
    table = net.op("Resize", [table, "", "", sizes], mode="nearest", nearest_mode="floor",
                   coordinate_transformation_mode="asymmetric")
    net.output(y, "patches", ["rows", "pixels", hidden])
    net.output(table, "positions", [1, hidden, "rows of two", "columns of two"])
    return net, {"input": [(2, 3, 30, 22), (1, 3, 17, 45)]}


def pooled():
    """Sizes as torch.export writes them for adaptive pooling: quotients of what may be negative."""
    net = Net("pooled", opset=18)
    picture = net.image(["batch", 3, "height", 20])
    x = net.conv(picture, 8, 3, stride=2, bias=True)
    height = net.op("Squeeze", [net.op("Shape", [picture], start=2, end=3)])
    size = net.op("Div", [net.op("Add", [net.scalar(-7, np.int64), height]), net.scalar(8, np.int64)])
    size = net.op("Div", [net.op("Add", [net.scalar(-3, np.int64), size]), net.scalar(4, np.int64)])
    size = net.op("Add", [size, net.scalar(4, np.int64)])
    line = net.op("Range", [net.scalar(0, np.int64), size, net.scalar(1, np.int64)])
    count = net.op("Unsqueeze", [size, net.ints(0)])
    # The last rows, counted from the end by a number that may be 0.
    back = net.op("Neg", [net.op("Min", [count, net.ints(3)])])
    y = net.op("Slice", [x, back, net.ints(2 ** 31), net.ints(2)])
    net.output(net.op("ReduceSum", [y, net.ints(2)], keepdims=0), "sums", ["batch", 8, 10])
    net.output(line, "line", ["length"])
    return net, {"input": [(2, 3, 40, 20), (1, 3, 90, 20)]}


def segformer():
    """Attention over pixels whose number depends on the picture, keys reduced by a conv."""
    net = Net("segformer", opset=17)
    part, hidden = Part(net), 16
    x = net.conv(net.image(["batch", 3, "height", "width"]), hidden, 7, stride=4, bias=True)

    def pixels(x):
        shape = net.concat([size_of(net, x, 0), net.ints(hidden, -1)], axis=0)
        return net.op("Transpose", [net.op("Reshape", [x, shape])], perm=[0, 2, 1])

    def picture(tokens, like):
        shape = net.concat([size_of(net, like, 0), net.ints(hidden), size_of(net, like, 2),
                            size_of(net, like, 3)], axis=0)
        return net.op("Reshape", [net.op("Transpose", [tokens], perm=[0, 2, 1]), shape])
    for _ in range(2):
        tokens = part.layer_norm(pixels(x), hidden)
        fewer = net.conv(picture(tokens, x), hidden, 2, stride=2, pad=0, bias=True)
        memory = part.layer_norm(pixels(fewer), hidden)
        tokens = net.add(pixels(x), part.attention(tokens, memory, 2, hidden // 2))
        inner = net.matmul(part.layer_norm(tokens, hidden), hidden)
        inner = part.gelu(pixels(net.conv(picture(inner, x), hidden, 3, group=hidden, bias=True)))
        x = picture(net.add(tokens, net.matmul(inner, hidden)), x)
    net.output(net.conv(x, 5, 1, bias=True), "logits", ["batch", 5, "rows", "columns"])
    return net, {"input": [(2, 3, 32, 64), (1, 3, 40, 56)]}


def padded_windows():
    """Windows over a picture that is first padded to a multiple of their size."""
    net = Net("padded_windows", opset=17)
    part, hidden, window = Part(net), 8, 4
    x = net.conv(net.image(["batch", 3, "height", "width"]), hidden, 3, bias=True)
    pads = []
    for axis in (2, 3):
        rest = net.op("Mod", [size_of(net, x, axis), net.ints(window)])
        pads.append(net.op("Mod", [net.op("Sub", [net.ints(window), rest]), net.ints(window)]))
    y = net.op("Pad", [x, net.concat([net.ints(0, 0, 0, 0, 0, 0)] + pads, axis=0)])
    counts = [net.op("Div", [size_of(net, y, axis), net.ints(window)]) for axis in (2, 3)]
    batch = size_of(net, y, 0)
    shape = net.concat([batch, net.ints(hidden), counts[0], net.ints(window), counts[1],
                        net.ints(window)], axis=0)
    y = net.op("Transpose", [net.op("Reshape", [y, shape])], perm=[0, 2, 4, 3, 5, 1])
    y = net.op("Reshape", [y, net.ints(-1, window * window, hidden)])
    y = net.add(y, part.attention(y, y, 2, hidden // 2))
    shape = net.concat([batch] + counts + [net.ints(window, window, hidden)], axis=0)
    y = net.op("Transpose", [net.op("Reshape", [y, shape])], perm=[0, 5, 1, 3, 2, 4])
    whole = [net.op("Mul", [count, net.ints(window)]) for count in counts]
    y = net.op("Reshape", [y, net.concat([batch, net.ints(hidden)] + whole, axis=0)])
    ends = net.concat([size_of(net, x, 2), size_of(net, x, 3)], axis=0)
    y = net.op("Slice", [y, net.ints(0, 0), ends, net.ints(2, 3)])
    net.output(net.add(x, y), "out", ["batch", hidden, "height", "width"])
    return net, {"input": [(1, 3, 16, 20), (2, 3, 13, 7)]}


def keras():
    """NHWC in and out, SAME padding, ReLU6, a mean over the picture: as tf2onnx writes it."""
    net = Net("keras", opset=13)
    x = net.input("image", ["batch", 32, 32, 3], net.normal([1, 32, 32, 3]))
    x = net.op("Transpose", [x], perm=[0, 3, 1, 2])
    for channels, stride in ((8, 2), (16, 2), (16, 1)):
        fan = net.shape(x)[1] * 9
        x = net.scaled("Conv", x, net.normal([channels, net.shape(x)[1], 3, 3]), fan, True, 1,
                       kernel_shape=[3, 3], strides=[stride] * 2, auto_pad="SAME_UPPER")
        x = net.op("Clip", [x, net.scalar(0.0), net.scalar(6.0)])
    x = net.op("AveragePool", [x], kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    pooled = net.op("ReduceMean", [x], axes=[2, 3], keepdims=0)
    net.output(net.op("Softmax", [net.matmul(pooled, 7)], axis=-1), "classes", ["batch", 7])
    net.output(net.op("Transpose", [x], perm=[0, 2, 3, 1]), "features", ["batch", 4, 4, 16])
    return net, {"image": [(3, 32, 32, 3)]}


def wav2vec():
    """Strided 1-D convolutions on samples, group norm, a wide grouped position conv."""
    net = Net("wav2vec", opset=17)
    part, hidden = Part(net), 16
    x = net.op("Unsqueeze", [net.input("samples", ["batch", "length"], net.normal([1, 1600])),
                             net.ints(1)])

    def conv(x, kernel, stride, pad=0, group=1):
        fan = net.shape(x)[1] // group
        return net.scaled("Conv", x, net.normal([hidden, fan, kernel]), fan * kernel, True, 1,
                          kernel_shape=[kernel], strides=[stride], pads=[pad, pad], group=group)
    x = conv(x, 10, 5)
    x = net.op("InstanceNormalization", [x, net.weight(np.ones(hidden, np.float32)),
                                         net.weight(net.normal([hidden], 0.1))])
    for kernel in (3, 2):
        x = conv(part.gelu(x), kernel, 2)
    x = part.layer_norm(net.op("Transpose", [part.gelu(x)], perm=[0, 2, 1]), hidden)
    place = conv(net.op("Transpose", [x], perm=[0, 2, 1]), 16, 1, 8, 4)
    place = net.op("Slice", [place, net.ints(0), net.ints(-1), net.ints(2)])
    x = net.add(x, net.op("Transpose", [part.gelu(place)], perm=[0, 2, 1]))
    x = part.block(part.layer_norm(x, hidden), hidden, 4)
    net.output(net.matmul(x, 9), "logits", ["batch", "frames", 9])
    return net, {"samples": [(2, 2000), (1, 777)]}


def vocoder():
    """HiFi-GAN: transposed convolutions with dilated residual blocks between."""
    net = Net("vocoder", opset=13)
    x = net.input("mel", ["batch", 20, "frames"], net.normal([1, 20, 11]))

    def conv(x, channels, kernel, dilation=1):
        fan = net.shape(x)[1]
        pad = (kernel - 1) * dilation // 2
        return net.scaled("Conv", x, net.normal([channels, fan, kernel]), fan * kernel, True, 1,
                          kernel_shape=[kernel], pads=[pad, pad], dilations=[dilation])
    x = conv(x, 32, 7)
    for up in (4, 2):
        channels = net.shape(x)[1] // 2
        weight = net.normal([2 * channels, channels, 2 * up], (2 * channels) ** -0.5)
        x = net.op("ConvTranspose", [net.op("LeakyRelu", [x], alpha=0.1), net.weight(weight),
                                     net.weight(net.normal([channels], 0.1))],
                   kernel_shape=[2 * up], strides=[up], pads=[up // 2, up // 2])
        parts = []
        for kernel in (3, 5):
            y = x
            for dilation in (1, 3):
                y = net.add(y, conv(net.op("LeakyRelu", [y], alpha=0.1), channels, kernel, dilation))
            parts.append(y)
        x = net.op("Div", [net.add(*parts), net.scalar(2.0)])
    net.output(net.op("Tanh", [conv(net.op("LeakyRelu", [x], alpha=0.01), 1, 7)]), "samples",
               ["batch", 1, "length"])
    return net, {"mel": [(2, 20, 5), (1, 20, 33)]}


def upscaler():
    """ESRGAN: dense residual blocks, nearest upsampling, PixelShuffle."""
    net = Net("upscaler", opset=13)
    x = first = net.conv(net.image(["batch", 3, "height", "width"]), 12, 3, bias=True)
    for _ in range(2):
        maps = [x]
        for _ in range(2):
            y = net.conv(net.concat(maps) if len(maps) > 1 else x, 6, 3, bias=True)
            maps.append(net.op("LeakyRelu", [y], alpha=0.2))
        y = net.conv(net.concat(maps), 12, 3, bias=True)
        x = net.add(x, net.op("Mul", [y, net.scalar(0.2)]))
    x = net.add(first, net.conv(x, 12, 3, bias=True))
    x = net.op("Resize", [x, "", net.weight(np.array([1, 1, 2, 2], np.float32))], mode="nearest",
               coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    x = net.op("LeakyRelu", [net.conv(x, 12, 3, bias=True)], alpha=0.2)
    x = net.op("DepthToSpace", [net.conv(x, 12, 3, bias=True)], blocksize=2, mode="CRD")
    net.output(x, "out", ["batch", 3, "tall", "wide"])
    return net, {"input": [(1, 3, 24, 40), (2, 3, 11, 9)]}


def text_encoder():
    """CLIP: a causal mask by Trilu, and the state at each sentence's last word."""
    net = Net("text_encoder", opset=14)
    part, hidden = Part(net), 32
    sample = net.rng.integers(0, 40, (2, 7))
    ids = net.input("input_ids", ["batch", "sequence"], sample)
    length = size_of(net, ids, 1)
    table = net.op("Slice", [net.weight(net.normal([16, hidden], 0.3)), net.ints(0), length, net.ints(0)])
    x = net.add(net.op("Gather", [net.weight(net.normal([50, hidden])), ids], axis=0), table)
    square = net.op("Expand", [net.scalar(np.finfo(np.float32).min), net.concat([length, length], axis=0)])
    mask = net.op("Unsqueeze", [net.op("Trilu", [square, net.scalar(1, np.int64)], upper=1),
                                net.ints(0, 1)])

    def norm(x):
        centred = net.op("Sub", [x, net.op("ReduceMean", [x], axes=[-1])])
        variance = net.op("ReduceMean", [net.op("Pow", [centred, net.scalar(2.0)])], axes=[-1])
        return net.op("Div", [centred, net.op("Sqrt", [net.add(variance, net.scalar(1e-5))])])
    for _ in range(2):
        y = norm(x)
        x = net.add(x, part.attention(y, y, 4, 8, mask))
        inner = net.matmul(norm(x), 64)
        inner = net.op("Mul", [inner, net.op("Sigmoid", [part.mul(inner, 1.702)])])
        x = net.add(x, net.matmul(inner, hidden))
    last = net.op("ArgMax", [ids], axis=-1, keepdims=0)
    batch = net.op("Squeeze", [size_of(net, ids, 0), net.ints(0)])
    line = net.op("Range", [net.scalar(0, np.int64), batch, net.scalar(1, np.int64)])
    place = net.concat([net.op("Unsqueeze", [line, net.ints(1)]),
                        net.op("Unsqueeze", [last, net.ints(1)])], axis=1)
    pooled = net.op("GatherND", [x, place])
    pooled = net.matmul(pooled, 16, bias=False)
    net.output(net.op("Div", [pooled, net.op("ReduceL2", [pooled], axes=[1])]), "embedding",
               ["batch", 16])
    return net, {"input_ids": [(1, 1), (3, 13)]}
