# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ResNet-50, version 1.5: the stride lies in the 3x3 convolution.
from net import Net


def bottleneck(net, x, width, stride):
    skip = x
    y = net.conv_bn_relu(x, width, 1)
    y = net.conv_bn_relu(y, width, 3, stride=stride)
    y = net.batch_norm(net.conv(y, 4 * width, 1))
    if stride != 1 or net.shape(x)[1] != 4 * width:
        skip = net.batch_norm(net.conv(x, 4 * width, 1, stride=stride))
    return net.relu(net.add(y, skip))


def resnet50():
    net = Net("resnet50", seed=50, opset=13)
    x = net.conv_bn_relu(net.image([1, 3, 224, 224]), 64, 7, stride=2)
    x = net.max_pool(x, 3, 2, (1, 1, 1, 1))
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            net.scope = f"layer{stage + 1}.{block}/"
            x = bottleneck(net, x, width, 2 if stage > 0 and block == 0 else 1)
    net.scope = ""
    net.output(net.classifier(x), "logits")
    return net


MODELS = {"resnet50": resnet50}
