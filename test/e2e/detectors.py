# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The rest of architectures.py: detectors with their boxes, quantised nets, loops.
import numpy as np
from onnx import helper, numpy_helper

from architectures import Part
from net import Net


def ssd():
    """Anchors, NonMaxSuppression, and the gathers that pick what it kept."""
    net = Net("ssd", opset=13)
    part = Part(net)
    x = net.conv_bn_relu(net.image([1, 3, 64, 64]), 16, 3, stride=2)
    boxes, scores = [], []
    for _ in range(2):
        x = net.conv_bn_relu(x, 16, 3, stride=2)
        for parts, size in ((boxes, 4), (scores, 5)):
            y = net.op("Transpose", [net.conv(x, 2 * size, 3, bias=True)], perm=[0, 2, 3, 1])
            parts.append(net.op("Reshape", [y, net.ints(1, -1, size)]))
    count = 2 * (16 * 16 + 8 * 8)
    anchors = np.concatenate([net.rng.uniform(0, 1, (1, count, 2)),
                              net.rng.uniform(0.1, 0.4, (1, count, 2))], 2).astype(np.float32)
    raw = net.concat(boxes)
    centre, size = net.op("Split", [raw, net.ints(2, 2)], count=2, axis=2)
    centre = net.add(net.op("Mul", [part.mul(centre, 0.1), net.weight(anchors[..., 2:])]),
                     net.weight(anchors[..., :2]))
    size = net.op("Mul", [net.op("Exp", [part.mul(size, 0.2)]), net.weight(anchors[..., 2:])])
    half = part.mul(size, 0.5)
    boxes = net.concat([net.op("Sub", [centre, half]), net.add(centre, half)], axis=2)
    scores = net.op("Transpose", [net.op("Softmax", [net.concat(scores)], axis=-1)], perm=[0, 2, 1])
    picked = net.op("NonMaxSuppression", [
        boxes, scores, net.ints(20), net.weight(np.array([0.5], np.float32)),
        net.weight(np.array([0.3], np.float32))])
    place = net.op("Squeeze", [net.op("Slice", [picked, net.ints(2), net.ints(3), net.ints(1)]),
                               net.ints(1)])
    net.output(net.op("Gather", [net.op("Squeeze", [boxes, net.ints(0)]), place], axis=0), "boxes",
               ["kept", 4])
    net.output(net.op("GatherND", [scores, net.op("Slice", [picked, net.ints(0), net.ints(3),
                                                            net.ints(1)])]), "scores", ["kept"])
    return net, {}


def yolo():
    """TopK over anchors, then a class and a box for each."""
    net = Net("yolo", opset=13)
    part = Part(net)
    x = net.image(["batch", 3, 64, 64])
    maps = []
    for _ in range(3):
        x = part.silu(net.batch_norm(net.conv(x, 16, 3, stride=2)))
        a, b = net.op("Split", [x], count=2, axis=1)
        x = net.concat([a, part.silu(net.conv(b, 8, 3, bias=True))])
        maps.append(part.reshape(net.conv(x, 9, 1, bias=True), None, 9, -1))
    y = net.op("Transpose", [net.concat(maps[1:], axis=2)], perm=[0, 2, 1])
    boxes, scores = net.op("Split", [y, net.ints(4, 5)], count=2, axis=2)
    best = net.op("ReduceMax", [net.op("Sigmoid", [scores])], axes=[2], keepdims=0)
    values, index = net.op("TopK", [best, net.ints(10)], count=2, axis=1)
    wide = net.op("Expand", [net.op("Unsqueeze", [index, net.ints(2)]), net.ints(1, 1, 4)])
    net.output(net.op("GatherElements", [boxes, wide], axis=1), "boxes", ["batch", 10, 4])
    net.output(values, "scores", ["batch", 10])
    return net, {"input": [(2, 3, 64, 64)]}


def two_stages():
    """RoiAlign over the boxes of a first stage, as torchvision's detectors do."""
    net = Net("two_stages", opset=16)
    x = net.conv_bn_relu(net.image([1, 3, 64, 64]), 16, 3, stride=2)
    x = net.conv_bn_relu(x, 16, 3, stride=2)
    corner = net.rng.uniform(0, 30, (6, 2)).astype(np.float32)
    rois = np.concatenate([corner, corner + net.rng.uniform(8, 30, (6, 2))], 1).astype(np.float32)
    rois = net.input("rois", ["boxes", 4], rois)
    first = net.op("Gather", [net.op("Shape", [rois]), net.ints(0)], axis=0)
    batch = net.op("Expand", [net.ints(0), first])
    y = net.op("RoiAlign", [x, rois, batch], output_height=5, output_width=5, sampling_ratio=2,
               spatial_scale=0.25, coordinate_transformation_mode="output_half_pixel")
    y = net.op("Flatten", [y], axis=1)
    y = net.relu(net.gemm(y, 32))
    net.output(net.op("Softmax", [net.gemm(y, 6)], axis=-1), "scores", ["boxes", 6])
    net.output(net.gemm(y, 4), "deltas", ["boxes", 4])
    return net, {"rois": [(1, 4), (11, 4)]}


def guarded():
    """torchvision's batched_nms: candidates by score, at most 9, and NMS unless there are none."""
    net = Net("guarded", opset=17)
    scores = net.input("scores", ["anchors"], net.rng.uniform(0.2, 1, 20).astype(np.float32))
    corner = net.rng.uniform(0, 30, (20, 2))
    boxes = net.weight(np.concatenate([corner, corner + 12], 1).astype(np.float32))
    place = net.op("Transpose", [net.op("NonZero", [net.op("Greater", [scores, net.scalar(0.5)])])],
                   perm=[1, 0])
    best = net.op("GatherND", [scores, place])
    counts = net.concat([net.ints(9), net.op("Shape", [best])], axis=0)
    k = net.op("Reshape", [net.op("ReduceMin", [counts], keepdims=0), net.ints(1)])
    best, order = net.op("TopK", [best, k], count=2, axis=0)
    place = net.op("Gather", [net.op("Squeeze", [place, net.ints(1)]), order], axis=0)
    kept = net.op("Gather", [boxes, place], axis=0)
    none = net.op("Equal", [net.op("ReduceProd", [net.op("Shape", [kept])], keepdims=0),
                            net.scalar(0, np.int64)])
    info, make = helper.make_empty_tensor_value_info, helper.make_node
    empty = helper.make_graph(
        [make("Constant", [], ["nothing"], value=numpy_helper.from_array(np.zeros(0, np.int64)))],
        "empty", [], [info("nothing")])
    some = helper.make_graph(
        [make("Unsqueeze", [kept, "first"], ["wide"]), make("Unsqueeze", [best, "front"], ["rows"]),
         make("NonMaxSuppression", ["wide", "rows", "most", "overlap"], ["triples"]),
         make("Gather", ["triples", "last"], ["column"], axis=1), make("Squeeze", ["column", "second"], ["keep"])],
        "some", [], [info("keep")])
    for name, value in (("first", [0]), ("front", [0, 1]), ("most", [2 ** 40]), ("last", [2]),
                        ("second", [1])):
        some.initializer.append(numpy_helper.from_array(np.array(value), name))
    some.initializer.append(numpy_helper.from_array(np.array([0.3], np.float32), "overlap"))
    keep = net.op("If", [none], then_branch=empty, else_branch=some, value=np.arange(3))
    net.output(net.op("Gather", [kept, keep], axis=0), "boxes", ["kept", 4])
    net.output(net.op("Gather", [best, keep], axis=0), "scores_out", ["kept"])
    return net, {"scores": [(20,), (3,)]}


def deformable():
    """Deformable attention: values of several levels sampled by GridSample."""
    net = Net("deformable", opset=16)
    part, count, width, points = Part(net), 2, 8, 3
    queries = net.input("queries", ["batch", 6, 16], net.normal([1, 6, 16]))
    image = net.image(["batch", 3, 32, 32])
    offsets = part.reshape(net.op("Tanh", [net.matmul(queries, count * points * 2)]), None, 6, count,
                           points, 2)
    grid = net.op("Transpose", [offsets], perm=[0, 2, 1, 3, 4])
    grid = net.op("Reshape", [grid, net.ints(-1, 6, points, 2)])
    weights = part.reshape(net.matmul(queries, count * points), None, 6, count, points)
    weights = net.op("Transpose", [net.op("Softmax", [weights], axis=-1)], perm=[0, 2, 1, 3])
    weights = net.op("Reshape", [weights, net.ints(-1, 1, 6, points)])
    value = net.conv(net.relu(net.conv(image, 16, 3, stride=2)), count * width, 3, stride=2)
    value = net.op("Reshape", [value, net.ints(-1, width, 8, 8)])
    sampled = net.op("GridSample", [value, grid], mode="bilinear", padding_mode="zeros",
                     align_corners=0)
    y = net.op("ReduceSum", [net.op("Mul", [sampled, weights]), net.ints(-1)], keepdims=0)
    y = net.op("Reshape", [y, net.ints(-1, count * width, 6)])
    net.output(net.matmul(net.op("Transpose", [y], perm=[0, 2, 1]), 16), "out", ["batch", 6, 16])
    return net, {}


def quantised():
    """A CNN as ONNX Runtime's static quantiser writes it: QDQ, weights per channel."""
    net = Net("quantised", opset=13)

    def quantised(x):
        value = net.values[x]
        high, low = float(value.max()), min(float(value.min()), 0.0)
        scale = net.scalar(max((high - low) / 255, 1e-6))
        zero = net.weight(np.array(round(-low / float(net.values[scale])), np.uint8))
        return net.op("DequantizeLinear", [net.op("QuantizeLinear", [x, scale, zero]), scale, zero])

    def conv(x, channels, kernel, stride=1, group=1):
        fan = net.shape(x)[1] // group
        weight = net.rng.integers(-127, 128, (channels, fan, kernel, kernel)).astype(np.int8)
        scale = (net.rng.uniform(0.5, 1.5, channels) / (127 * (fan * kernel * kernel) ** 0.5)).astype(np.float32)
        w = net.op("DequantizeLinear", [net.weight(weight), net.weight(scale),
                                        net.weight(np.zeros(channels, np.int8))], axis=0)
        bias = net.weight(net.normal([channels], 0.1))
        return net.op("Conv", [x, w, bias], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                      pads=[kernel // 2] * 4, group=group)
    x = quantised(net.image(["batch", 3, 32, 32]))
    x = quantised(net.relu(conv(x, 16, 3, 2)))
    for _ in range(2):
        y = quantised(net.relu(conv(x, 16, 3, group=16)))
        x = quantised(net.add(x, quantised(conv(y, 16, 1))))
    x = quantised(net.op("GlobalAveragePool", [x]))
    net.output(net.gemm(net.op("Flatten", [x]), 10), "logits", ["batch", 10])
    return net, {"input": [(2, 3, 32, 32)]}


def decoder():
    """A greedy decoder: a Loop whose trips and state depend on data."""
    net = Net("decoder", opset=16)
    start = net.input("start", [1], np.array([3], np.int64))
    steps = net.input("steps", [], np.array(6, np.int64))
    table, weight = net.normal([12, 8]), net.normal([8, 12])
    nodes = [
        helper.make_node("Gather", ["table", "token"], ["embedded"], axis=0),
        helper.make_node("Add", ["state", "embedded"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["next_state"]),
        helper.make_node("MatMul", ["next_state", "weight"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["next"], axis=1, keepdims=0),
        helper.make_node("Equal", ["next", "stop"], ["is_stop"]),
        helper.make_node("Not", ["is_stop"], ["goes"]),
        helper.make_node("Squeeze", ["goes", "axis"], ["goes_on"])]
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        nodes, "body",
        [info("trip", 7, []), info("condition", 9, []), info("token", 7, [1]), info("state", 1, [1, 8])],
        [info("goes_on", 9, []), info("next", 7, [1]), info("next_state", 1, [1, 8]),
         info("next", 7, [1]), info("logits", 1, [1, 12])])
    for name, value in (("table", table), ("weight", weight), ("stop", np.array([0])),
                        ("axis", np.array([0]))):
        body.initializer.append(numpy_helper.from_array(value, name))
    results = net.op("Loop", [steps, net.weight(np.array(True)), start,
                              net.weight(np.zeros((1, 8), np.float32))], count=4, body=body)
    net.output(results[1], "state")
    net.output(results[2], "tokens", ["trips", 1])
    net.output(results[3], "logits", ["trips", 1, 12])
    return net, {}
