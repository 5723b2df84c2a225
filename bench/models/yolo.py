# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# YOLOv8n with its decoding head: the distribution of each box side goes through a
# softmax and a 1x1 convolution with the weights 0..15, then anchors and strides.
# In yolov8n the anchors are constants, as an exporter folds them; in
# yolov8n_dynamic height and width are free and the anchors come from Shape, Range
# and Expand. Height and width must be multiples of 32.
import numpy as np

from net import Net

CLASSES, BINS = 80, 16


def unit(net, x, channels, kernel=1, stride=1):
    x = net.batch_norm(net.conv(x, channels, kernel, stride=stride), epsilon=1e-3)
    return net.op("Mul", [x, net.op("Sigmoid", [x])])


def c2f(net, x, channels, repeats, shortcut=False):
    half = channels // 2
    parts = net.op("Split", [unit(net, x, channels), net.ints(half, half)], count=2, axis=1)
    for _ in range(repeats):
        y = unit(net, unit(net, parts[-1], half, 3), half, 3)
        parts = parts + [net.add(parts[-1], y) if shortcut else y]
    return unit(net, net.concat(parts), channels)


def sppf(net, x):
    parts = [unit(net, x, net.shape(x)[1] // 2)]
    for _ in range(3):
        parts.append(net.max_pool(parts[-1], 5, 1, (2, 2, 2, 2)))
    return unit(net, net.concat(parts), net.shape(x)[1])


def upsample(net, x):
    scales = net.weight(np.array([1, 1, 2, 2], np.float32), "scales")
    return net.op("Resize", [x, "", scales], mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")


def backbone(net, x):
    net.scope = "backbone/"
    x = unit(net, unit(net, x, 16, 3, 2), 32, 3, 2)
    x = c2f(net, x, 32, 1, True)
    p3 = c2f(net, unit(net, x, 64, 3, 2), 64, 2, True)
    p4 = c2f(net, unit(net, p3, 128, 3, 2), 128, 2, True)
    p5 = sppf(net, c2f(net, unit(net, p4, 256, 3, 2), 256, 1, True))
    net.scope = "neck/"
    n4 = c2f(net, net.concat([upsample(net, p5), p4]), 128, 1)
    n3 = c2f(net, net.concat([upsample(net, n4), p3]), 64, 1)
    n4 = c2f(net, net.concat([unit(net, n3, 64, 3, 2), n4]), 128, 1)
    n5 = c2f(net, net.concat([unit(net, n4, 128, 3, 2), p5]), 256, 1)
    return [n3, n4, n5]


def detect(net, x):
    box = net.conv(unit(net, unit(net, x, 64, 3), 64, 3), 4 * BINS, 1, bias=True)
    kind = net.conv(unit(net, unit(net, x, CLASSES, 3), CLASSES, 3), CLASSES, 1, bias=True)
    return net.concat([box, kind])


def constant_anchors(net, levels):
    points, strides = [], []
    for level, stride in zip(levels, (8, 16, 32)):
        h, w = net.shape(level)[2:]
        y, x = np.meshgrid(np.arange(h) + 0.5, np.arange(w) + 0.5, indexing="ij")
        points.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full((1, h * w), stride))
    return (net.weight(np.concatenate(points, 1)[None].astype(np.float32), "anchors"),
            net.weight(np.concatenate(strides, 1).astype(np.float32), "strides"))


def axis_points(net, size):
    """0.5, 1.5 .. size - 0.5"""
    points = net.op("Range", [net.scalar(0, np.int64), size, net.scalar(1, np.int64)])
    return net.op("Add", [net.op("Cast", [points], to=1), net.scalar(0.5)])


def dynamic_anchors(net, levels):
    points, strides = [], []
    for level, stride in zip(levels, (8, 16, 32)):
        shape = net.op("Shape", [level])
        h = net.op("Gather", [shape, net.scalar(2, np.int64)], axis=0)
        w = net.op("Gather", [shape, net.scalar(3, np.int64)], axis=0)
        grid = net.concat([net.op("Unsqueeze", [size, net.ints(0)]) for size in (h, w)], axis=0)
        x = net.op("Unsqueeze", [axis_points(net, w), net.ints(0)])
        y = net.op("Unsqueeze", [axis_points(net, h), net.ints(1)])
        pair = [net.op("Unsqueeze", [net.op("Expand", [axis, grid]), net.ints(2)])
                for axis in (x, y)]
        points.append(net.op("Reshape", [net.concat(pair, axis=2), net.ints(-1, 2)]))
        count = net.op("Unsqueeze", [net.op("Mul", [h, w]), net.ints(0)])
        shape = net.concat([count, net.ints(1)], axis=0)
        strides.append(net.op("Expand", [net.scalar(float(stride)), shape]))
    points = net.op("Transpose", [net.concat(points, axis=0)], perm=[1, 0])
    strides = net.op("Transpose", [net.concat(strides, axis=0)], perm=[1, 0])
    return net.op("Unsqueeze", [points, net.ints(0)]), strides


def decode(net, levels, dynamic):
    """Per anchor: centre, size, then the score of every class."""
    net.scope = "detect/"
    maps = [detect(net, level) for level in levels]
    anchors, strides = (dynamic_anchors if dynamic else constant_anchors)(net, maps)
    width = 4 * BINS + CLASSES
    flat = net.concat([net.op("Reshape", [m, net.ints(1, width, -1)]) for m in maps], axis=2)
    box, kind = net.op("Split", [flat, net.ints(4 * BINS, CLASSES)], count=2, axis=1)
    count = -1 if dynamic else net.shape(box)[2]
    box = net.op("Reshape", [box, net.ints(1, 4, BINS, count)])
    box = net.op("Softmax", [net.op("Transpose", [box], perm=[0, 2, 1, 3])], axis=1)
    bins = net.weight(np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1), "bins")
    box = net.op("Conv", [box, bins], kernel_shape=[1, 1])
    box = net.op("Reshape", [box, net.ints(1, 4, count)])
    near, far = net.op("Split", [box, net.ints(2, 2)], count=2, axis=1)
    low = net.op("Sub", [anchors, near])
    high = net.op("Add", [anchors, far])
    centre = net.op("Div", [net.add(low, high), net.scalar(2.0)])
    box = net.concat([centre, net.op("Sub", [high, low])])
    box = net.op("Mul", [box, strides])
    return net.concat([box, net.op("Sigmoid", [kind])])


def yolov8n():
    net = Net("yolov8n", seed=8, opset=17)
    x = net.image([1, 3, 640, 640], name="images")
    net.output(decode(net, backbone(net, x), False), "output0")
    return net


def yolov8n_dynamic():
    net = Net("yolov8n_dynamic", seed=8, opset=17)
    x = net.image([1, 3, "height", "width"], name="images")
    net.output(decode(net, backbone(net, x), True), "output0", [1, 4 + CLASSES, "anchors"])
    return net


MODELS = {"yolov8n": yolov8n, "yolov8n_dynamic": yolov8n_dynamic}
