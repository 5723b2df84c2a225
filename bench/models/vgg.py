# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# VGG-19 without batch normalisation: 20 GMAC of 3x3 convolutions, then 470 MB of
# weights in three matrix products that are bound by memory.
from net import Net


def vgg19():
    net = Net("vgg19", seed=19, opset=12)
    x = net.image([1, 3, 224, 224])
    for width, depth in [(64, 2), (128, 2), (256, 4), (512, 4), (512, 4)]:
        for _ in range(depth):
            x = net.relu(net.conv(x, width, 3, bias=True))
        x = net.max_pool(x, 2, 2)
    x = net.op("Flatten", [x], axis=1)
    x = net.relu(net.gemm(x, 4096))
    x = net.relu(net.gemm(x, 4096))
    net.output(net.gemm(x, 1000), "logits")
    return net


MODELS = {"vgg19": vgg19}
