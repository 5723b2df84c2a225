# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Inception v2 (GoogLeNet with batch normalisation). As converters from Caffe leave
# it, each normalisation is followed by its scale and shift as Mul and Add nodes
# with unsqueezed parameters: four operators that fold into one convolution.
import numpy as np

from net import Net


def unit(net, x, channels, kernel, stride=1):
    x = net.batch_norm(net.conv(x, channels, kernel, stride=stride, bias=True))
    scale = net.weight(net.rng.uniform(0.8, 1.2, channels).astype(np.float32), "scale")
    shift = net.weight(net.normal([channels], 0.1), "shift")
    x = net.op("Mul", [x, net.op("Unsqueeze", [scale], axes=[1, 2])])
    x = net.op("Add", [x, net.op("Unsqueeze", [shift], axes=[1, 2])])
    return net.relu(x)


def block(net, x, one, three, double, pool):
    """Four branches; `one` is None in the blocks that halve the picture."""
    stride = 1 if one else 2
    y = [unit(net, x, one, 1)] if one else []
    y.append(unit(net, unit(net, x, three[0], 1), three[1], 3, stride))
    z = unit(net, unit(net, x, double[0], 1), double[1], 3)
    y.append(unit(net, z, double[1], 3, stride))
    if not one:
        y.append(net.max_pool(x, 3, 2, (0, 0, 1, 1)))
    elif pool[0] == "max":
        y.append(unit(net, net.max_pool(x, 3, 1, (1, 1, 1, 1)), pool[1], 1))
    else:
        y.append(unit(net, net.average_pool(x, 3, 1, (1, 1, 1, 1)), pool[1], 1))
    return net.concat(y)


BLOCKS = [
    (64, (64, 64), (64, 96), ("average", 32)),
    (64, (64, 96), (64, 96), ("average", 64)),
    (None, (128, 160), (64, 96), None),
    (224, (64, 96), (96, 128), ("average", 128)),
    (192, (96, 128), (96, 128), ("average", 128)),
    (160, (128, 160), (128, 160), ("average", 96)),
    (96, (128, 192), (160, 192), ("average", 96)),
    (None, (128, 192), (192, 256), None),
    (352, (192, 320), (160, 224), ("average", 128)),
    (352, (192, 320), (192, 224), ("max", 128)),
]


def inception_v2():
    net = Net("inception_v2", seed=2, opset=9)
    x = unit(net, net.image([1, 3, 224, 224]), 64, 7, 2)
    x = net.max_pool(x, 3, 2, (0, 0, 1, 1))
    x = unit(net, unit(net, x, 64, 1), 192, 3)
    x = net.max_pool(x, 3, 2, (0, 0, 1, 1))
    for index, sizes in enumerate(BLOCKS):
        net.scope = f"block{index + 1}/"
        x = block(net, x, *sizes)
    net.scope = ""
    x = net.average_pool(x, 7, 1)
    n, c, _, _ = net.shape(x)
    x = net.op("Reshape", [x, net.ints(n, c)])
    net.output(net.gemm(x, 1000), "logits")
    return net


MODELS = {"inception_v2": inception_v2}
