# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Builds an ONNX model node by node and evaluates every node as it is added.
#
# Random weights are only a fair test when no layer dies or explodes: an error in
# layer 3 must still be seen behind layer 50. So each layer is scaled, when it is
# added, such that its *measured* output has unit deviation on a sample input, and
# every batch normalisation gets the statistics that it would have learnt, plus
# noise. All weights are drawn from one seeded generator, and no two are equal but
# by chance, so that a swapped or mispacked weight shows.
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper


class Net:
    def __init__(self, name, seed=1, opset=13):
        self.name, self.opset = name, opset
        self.rng = np.random.default_rng(seed)
        self.nodes, self.initializers = [], []
        self.inputs, self.outputs = [], []
        self.values = {}   # name -> numpy value on the sample input
        self.samples = {}  # input name -> numpy value
        self.count = 0
        self.scope = ""

    # Names -------------------------------------------------------------------

    def fresh(self, hint):
        self.count += 1
        return f"{self.scope}{hint}_{self.count}"

    def shape(self, x):
        return list(self.values[x].shape)

    # Inputs, weights, outputs ------------------------------------------------

    def input(self, name, dims, sample):
        """dims may hold names; `sample` is what the layers are scaled with."""
        kind = helper.np_dtype_to_tensor_dtype(sample.dtype)
        self.inputs.append(helper.make_tensor_value_info(name, kind, dims))
        self.values[name] = self.samples[name] = sample
        return name

    def image(self, dims, name="input"):
        sizes = [d if isinstance(d, int) else {"batch": 1}.get(d, 320) for d in dims]
        return self.input(name, dims, self.normal(sizes))

    def weight(self, value, hint="weight"):
        name = self.fresh(hint)
        self.initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        self.values[name] = value
        return name

    def ints(self, *value):
        return self.weight(np.array(value, np.int64), "ints")

    def scalar(self, value, dtype=np.float32):
        return self.weight(np.array(value, dtype), "scalar")

    def normal(self, shape, deviation=1.0, mean=0.0):
        value = self.rng.standard_normal(shape, np.float32)
        value *= np.float32(deviation)
        if mean:
            value += np.float32(mean)
        return value

    def output(self, value, name, dims=None):
        """Gives `value` its public name. dims None: the sizes of the sample."""
        self.op("Identity", [value], outputs=[name])
        kind = helper.np_dtype_to_tensor_dtype(self.values[name].dtype)
        self.outputs.append(helper.make_tensor_value_info(name, kind, dims or self.shape(name)))

    # Nodes -------------------------------------------------------------------

    def evaluate(self, node):
        feeds = {name: self.values[name] for name in node.input if name}
        inputs = [helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in feeds.items()]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
        graph = helper.make_graph([node], "one", inputs, outputs)
        model = helper.make_model(graph, ir_version=8,
                                  opset_imports=[helper.make_opsetid("", self.opset)])
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                               providers=["CPUExecutionProvider"])
        return [np.asarray(value) for value in session.run(None, feeds)]

    def op(self, kind, inputs, count=1, outputs=None, value=None, **attributes):
        """Adds a node and returns its output (a list when count > 1)."""
        names = outputs or [self.fresh(kind.lower()) for _ in range(count)]
        node = helper.make_node(kind, inputs, names, name=self.fresh(kind), **attributes)
        self.nodes.append(node)
        results = [value] if value is not None else self.evaluate(node)
        self.values.update(zip(names, results))
        return names if count > 1 else names[0]

    # Layers ------------------------------------------------------------------

    def scaled(self, kind, x, weight, fan_in, bias, axis, **attributes):
        """A linear layer whose output has unit deviation; `axis` is that of the channels."""
        energy = float(np.mean(np.square(self.values[x], dtype=np.float64))) or 1.0
        weight /= np.float32(np.sqrt(fan_in * energy))
        name = self.fresh("weight")
        self.values[name] = weight
        zero = "zero"  # before opset 11 a Gemm must have a bias
        self.values[zero] = np.zeros(weight.shape[0], np.float32)
        old_gemm = kind == "Gemm" and self.opset < 11
        probe = helper.make_node(kind, [x, name] + [zero] * old_gemm, ["probe"], **attributes)
        value = self.evaluate(probe)[0]
        deviation = np.float32(value.std()) or np.float32(1)
        weight /= deviation
        value /= deviation
        self.initializers.append(numpy_helper.from_array(weight, name))
        inputs = [x, name]
        if bias:
            shift = self.normal([value.shape[axis]], 0.1)
            inputs.append(self.weight(shift, "bias"))
            sizes = [1] * value.ndim
            sizes[axis] = -1
            value = value + shift.reshape(sizes)
        return self.op(kind, inputs, value=value, **attributes)

    def conv(self, x, channels, kernel, stride=1, pad=None, group=1, bias=False, dilation=1):
        kh, kw = (kernel, kernel) if isinstance(kernel, int) else kernel
        pads = [dilation * (kh // 2), dilation * (kw // 2)] * 2 if pad is None else [pad] * 4
        per_group = self.shape(x)[1] // group
        return self.scaled(
            "Conv", x, self.normal([channels, per_group, kh, kw]), per_group * kh * kw, bias, 1,
            kernel_shape=[kh, kw], strides=[stride] * 2, pads=pads, group=group,
            dilations=[dilation] * 2)

    def gemm(self, x, features):
        k = self.shape(x)[-1]
        return self.scaled("Gemm", x, self.normal([features, k]), k, True, 1, transB=1)

    def matmul(self, x, features, bias=True):
        """MatMul and a separate Add, as exporters write a linear layer."""
        k = self.shape(x)[-1]
        y = self.scaled("MatMul", x, self.normal([k, features]), k, False, -1)
        if not bias:
            return y
        return self.op("Add", [self.weight(self.normal([features], 0.1), "bias"), y])

    def batch_norm(self, x, epsilon=1e-5):
        value = self.values[x]
        axes = (0, 2, 3)
        c = value.shape[1]
        # Half of the variance is that of all channels: statistics of one picture
        # alone would divide by almost nothing where a late map is nearly flat.
        mean = 0.9 * value.mean(axes) + self.normal([c], 0.05)
        variance = 0.5 * (value.var(axes) + value.var()) * self.rng.uniform(0.8, 1.25, c)
        parameters = [self.rng.uniform(0.7, 1.3, c).astype(np.float32), self.normal([c], 0.2),
                      mean.astype(np.float32), variance.astype(np.float32)]
        names = [self.weight(p, hint) for p, hint in
                 zip(parameters, ("gamma", "beta", "mean", "variance"))]
        return self.op("BatchNormalization", [x] + names, epsilon=epsilon)

    def relu(self, x):
        return self.op("Relu", [x])

    def conv_bn_relu(self, x, *sizes, **options):
        return self.relu(self.batch_norm(self.conv(x, *sizes, **options)))

    def add(self, a, b):
        return self.op("Add", [a, b])

    def concat(self, parts, axis=1):
        return self.op("Concat", parts, axis=axis)

    def max_pool(self, x, kernel, stride, pads=(0, 0, 0, 0)):
        return self.op("MaxPool", [x], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                       pads=list(pads))

    def average_pool(self, x, kernel, stride, pads=(0, 0, 0, 0), **attributes):
        return self.op("AveragePool", [x], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                       pads=list(pads), **attributes)

    def classifier(self, x, classes=1000):
        """Global pooling, Flatten, Gemm: the usual end of a convolutional net."""
        x = self.op("GlobalAveragePool", [x])
        return self.gemm(self.op("Flatten", [x], axis=1), classes)

    # The model ---------------------------------------------------------------

    def model(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs,
                                  self.initializers)
        model = helper.make_model(graph, ir_version=8, producer_name="sinter-bench-models",
                                  opset_imports=[helper.make_opsetid("", self.opset)])
        onnx.checker.check_model(model)
        return model
