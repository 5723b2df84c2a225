# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# DenseNet-121: every layer reads all earlier ones of its block, so the cost of a
# naive concatenation grows with the square of the depth.
from net import Net


def norm_relu(net, x):
    return net.relu(net.batch_norm(x))


def densenet121():
    net = Net("densenet121", seed=121, opset=11)
    x = net.conv_bn_relu(net.image([1, 3, 224, 224]), 64, 7, stride=2)
    x = net.max_pool(x, 3, 2, (1, 1, 1, 1))
    for index, layers in enumerate([6, 12, 24, 16]):
        for layer in range(layers):
            net.scope = f"block{index + 1}.{layer + 1}/"
            y = net.conv(norm_relu(net, x), 128, 1)
            y = net.conv(norm_relu(net, y), 32, 3)
            x = net.concat([x, y])
        net.scope = f"transition{index + 1}/"
        if index < 3:
            x = net.conv(norm_relu(net, x), net.shape(x)[1] // 2, 1)
            x = net.average_pool(x, 2, 2)
    net.scope = ""
    net.output(net.classifier(norm_relu(net, x)), "logits")
    return net


MODELS = {"densenet121": densenet121}
