# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ShuffleNet v1 with three groups: grouped 1x1 convolutions, depthwise 3x3, and the
# channel shuffle that exporters write as Reshape, Transpose, Reshape.
from net import Net

GROUPS = 3


def shuffle(net, x):
    n, c, h, w = net.shape(x)
    x = net.op("Reshape", [x, net.ints(n, GROUPS, c // GROUPS, h, w)])
    x = net.op("Transpose", [x], perm=[0, 2, 1, 3, 4])
    return net.op("Reshape", [x, net.ints(n, c, h, w)])


def unit(net, x, channels, stride):
    before = net.shape(x)[1]
    width = channels // 4
    first_group = 1 if before == 24 else GROUPS
    y = net.conv_bn_relu(x, width, 1, group=first_group)
    y = shuffle(net, y)
    y = net.batch_norm(net.conv(y, width, 3, stride=stride, group=width))
    y = net.conv(y, channels - before if stride == 2 else channels, 1, group=GROUPS)
    y = net.batch_norm(y)
    if stride == 2:
        return net.relu(net.concat([net.average_pool(x, 3, 2, (1, 1, 1, 1)), y]))
    return net.relu(net.add(x, y))


def shufflenet():
    net = Net("shufflenet", seed=3, opset=9)
    x = net.conv_bn_relu(net.image([1, 3, 224, 224]), 24, 3, stride=2)
    x = net.max_pool(x, 3, 2, (1, 1, 1, 1))
    for stage, (channels, repeats) in enumerate([(240, 4), (480, 8), (960, 4)]):
        for index in range(repeats):
            net.scope = f"stage{stage + 2}.{index}/"
            x = unit(net, x, channels, 2 if index == 0 else 1)
    net.scope = ""
    net.output(net.classifier(x), "logits")
    return net


MODELS = {"shufflenet": shufflenet}
