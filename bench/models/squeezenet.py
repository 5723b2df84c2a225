# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# SqueezeNet 1.1: small 1x1 and 3x3 convolutions between concatenations.
from net import Net


def fire(net, x, squeeze, expand):
    x = net.relu(net.conv(x, squeeze, 1, bias=True))
    left = net.relu(net.conv(x, expand, 1, bias=True))
    right = net.relu(net.conv(x, expand, 3, bias=True))
    return net.concat([left, right])


def squeezenet():
    net = Net("squeezenet", seed=11, opset=11)
    x = net.relu(net.conv(net.image([1, 3, 224, 224]), 64, 3, stride=2, pad=0, bias=True))
    for stage in [[(16, 64), (16, 64)], [(32, 128), (32, 128)],
                  [(48, 192), (48, 192), (64, 256), (64, 256)]]:
        x = net.max_pool(x, 3, 2)
        for squeeze, expand in stage:
            x = fire(net, x, squeeze, expand)
    x = net.op("Dropout", [x])
    x = net.relu(net.conv(x, 1000, 1, bias=True))
    x = net.op("GlobalAveragePool", [x])
    net.output(net.op("Flatten", [x], axis=1), "logits")
    return net


MODELS = {"squeezenet": squeezenet}
