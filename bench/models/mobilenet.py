# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# MobileNetV2: depthwise convolutions between wide 1x1 ones, ReLU6 as Clip.
from net import Net


def relu6(net, x):
    return net.op("Clip", [x, net.scalar(0.0), net.scalar(6.0)])


def unit(net, x, expand, channels, stride):
    before = net.shape(x)[1]
    y = x
    if expand != 1:
        y = relu6(net, net.batch_norm(net.conv(y, before * expand, 1)))
    width = net.shape(y)[1]
    y = relu6(net, net.batch_norm(net.conv(y, width, 3, stride=stride, group=width)))
    y = net.batch_norm(net.conv(y, channels, 1))
    return net.add(x, y) if stride == 1 and before == channels else y


def mobilenetv2():
    net = Net("mobilenetv2", seed=22, opset=13)
    x = net.conv(net.image([1, 3, 224, 224]), 32, 3, stride=2)
    x = relu6(net, net.batch_norm(x))
    for expand, channels, repeats, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2),
                                              (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                              (6, 320, 1, 1)]:
        for index in range(repeats):
            net.scope = f"features{channels}.{index}/"
            x = unit(net, x, expand, channels, stride if index == 0 else 1)
    net.scope = ""
    x = relu6(net, net.batch_norm(net.conv(x, 1280, 1)))
    net.output(net.classifier(x), "logits")
    return net


MODELS = {"mobilenetv2": mobilenetv2}
