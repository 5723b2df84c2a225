# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small cases of operators that ONNX's own suite does not know: those of com.microsoft.
# The expected outputs are ONNX Runtime's. A case is (name, operator, inputs, attributes,
# outputs); an input in Constant is an initializer, None is left out.
import numpy as np

MS = "com.microsoft"


class Constant:
    def __init__(self, value):
        self.value = np.asarray(value)


class Dice:
    def __init__(self, seed):
        self.dice = np.random.default_rng(seed)

    def real(self, *shape):
        return self.dice.standard_normal(shape).astype(np.float32)

    def byte(self, *shape):
        return self.dice.integers(0, 256, shape).astype(np.uint8)

    def weight(self, *shape, scale=1):
        return Constant(self.real(*shape) * np.float32(scale))

    def positive(self, *shape, scale=0.1):
        return Constant((np.abs(self.real(*shape)) + 0.1) * np.float32(scale))


def drawn(seed, *families):
    """The cases of all families, which draw from one sequence."""
    dice = Dice(seed)
    for family in families:
        yield from family(dice)


def cases():
    dice = np.random.default_rng(7)

    def real(*shape):
        return dice.standard_normal(shape).astype(np.float32)

    def byte(*shape, signed=False):
        low, high = (-128, 128) if signed else (0, 256)
        return dice.integers(low, high, shape).astype(np.int8 if signed else np.uint8)

    def weight(*shape):
        return Constant(real(*shape))

    def scale(value):
        return Constant(np.float32(value))

    def zero(value, signed=False):
        return Constant(np.array(value, np.int8 if signed else np.uint8))

    ones = lambda n: Constant(np.abs(real(n)) + 0.5)  # noqa: E731
    yield from activations(real, weight)
    yield from products(real, weight)
    yield from norms(real, weight, ones)
    yield from quantised(real, byte, weight, scale, zero)
    yield from attention(dice, real, weight, ones)


def activations(real, weight):
    yield "gelu", "Gelu", [real(2, 5, 8)], {}, 1
    yield "bias_gelu", "BiasGelu", [real(2, 5, 8), weight(8)], {}, 1
    yield "fast_gelu", "FastGelu", [real(2, 5, 8)], {}, 1
    yield "fast_gelu_bias", "FastGelu", [real(2, 5, 8), weight(8)], {}, 1
    yield "quick_gelu", "QuickGelu", [real(2, 5, 8)], {}, 1
    yield "quick_gelu_alpha", "QuickGelu", [real(2, 5, 8)], {"alpha": 1.0}, 1
    yield "expand_dims", "ExpandDims", [real(2, 3), Constant(np.int32(1))], {}, 1
    yield "pad", "Pad", [real(2, 3), Constant(np.array([0, 1, 1, 2])), Constant(np.float32(3))], \
        {"mode": "constant"}, 1
    yield "cdist", "CDist", [real(4, 3), real(5, 3)], {"metric": "euclidean"}, 1
    yield "cdist_square", "CDist", [real(4, 3), real(5, 3)], {"metric": "sqeuclidean"}, 1
    yield "trilu", "Trilu", [real(3, 4)], {"upper": 0}, 1


def products(real, weight):
    yield "fused_matmul", "FusedMatMul", [real(2, 3, 4), weight(2, 5, 4)], \
        {"transB": 1, "alpha": 0.5}, 1
    yield "fused_matmul_a", "FusedMatMul", [real(2, 4, 3), weight(2, 4, 5)], {"transA": 1}, 1
    yield "fused_matmul_batch", "FusedMatMul", [real(3, 2, 4), weight(2, 4, 5)], \
        {"transBatchA": 1}, 1
    yield "fused_gemm", "FusedGemm", [real(3, 4), weight(5, 4), weight(5)], \
        {"transB": 1, "activation": "Relu"}, 1
    yield "fused_gemm_leaky", "FusedGemm", [real(3, 4), weight(4, 5), weight(5)], \
        {"activation": "LeakyRelu", "activation_alpha": 0.2}, 1
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    yield "fused_conv_relu", "FusedConv", [real(1, 4, 6, 6), weight(8, 4, 3, 3), weight(8)], \
        dict(conv, activation="Relu"), 1
    yield "fused_conv_sum", "FusedConv", \
        [real(1, 4, 6, 6), weight(8, 4, 3, 3), weight(8), real(1, 8, 6, 6)], \
        dict(conv, activation="Relu"), 1
    yield "fused_conv_clip", "FusedConv", [real(1, 4, 6, 6), weight(8, 4, 3, 3), weight(8)], \
        dict(conv, activation="Clip", activation_params=[0.0, 6.0]), 1
    yield "fused_conv_hard", "FusedConv", [real(1, 4, 6, 6), weight(8, 4, 3, 3), None], \
        dict(conv, activation="HardSigmoid", activation_params=[0.2, 0.5]), 1


def norms(real, weight, ones):
    yield "skip_layer_norm", "SkipLayerNormalization", \
        [real(2, 3, 8), real(2, 3, 8), ones(8), weight(8), weight(8)], {"epsilon": 1e-5}, 1
    yield "skip_layer_norm_sum", "SkipLayerNormalization", \
        [real(2, 3, 8), real(2, 3, 8), ones(8), weight(8)], {"epsilon": 1e-5}, [1, 0, 0, 1]
    yield "skip_simplified_norm", "SkipSimplifiedLayerNormalization", \
        [real(2, 3, 8), real(2, 3, 8), ones(8)], {"epsilon": 1e-5}, [1, 0, 0, 1]
    yield "simplified_norm", "ai.onnx:SimplifiedLayerNormalization", [real(2, 3, 8), ones(8)], \
        {"axis": -1, "epsilon": 1e-6, "stash_type": 1}, 1
    yield "old_layer_norm", "ai.onnx:LayerNormalization", [real(2, 3, 8), ones(8), weight(8)], \
        {"axis": -1, "epsilon": 1e-5}, 1


def quantised(real, byte, weight, scale, zero):
    for op in ("QLinearAdd", "QLinearMul"):
        yield op.lower(), op, [byte(2, 3, 8), scale(0.02), zero(120), byte(8), scale(0.03),
                               zero(100), scale(0.05), zero(110)], {}, 1
        yield op.lower() + "_signed", op, \
            [byte(2, 8, signed=True), scale(0.02), zero(-3, True), byte(2, 8, signed=True),
             scale(0.03), zero(5, True), scale(0.05), zero(1, True)], {}, 1
    one = [byte(2, 4, 6, 6), scale(0.02), zero(120), scale(0.03), zero(110)]
    yield "qlinear_sigmoid", "QLinearSigmoid", one[:3] + [scale(1 / 256), zero(0)], {}, 1
    yield "qlinear_leaky_relu", "QLinearLeakyRelu", one, {"alpha": 0.1}, 1
    yield "qlinear_global_average", "QLinearGlobalAveragePool", one, {}, 1
    yield "qlinear_global_average_last", "QLinearGlobalAveragePool", one, {"channels_last": 1}, 1
    yield "qlinear_average", "QLinearAveragePool", one, \
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, 1
    yield "qlinear_softmax", "QLinearSoftmax", [byte(3, 10), scale(0.05), zero(120),
                                                scale(1 / 256), zero(0)], {"axis": 1, "opset": 13}, 1
    yield "qlinear_concat", "QLinearConcat", \
        [scale(0.04), zero(100), byte(2, 3), scale(0.03), zero(120), byte(2, 5), scale(0.05),
         zero(90)], {"axis": 1}, 1
    yield "qlinear_where", "QLinearWhere", \
        [byte(2, 8) > 128, byte(2, 8), scale(0.03), zero(120), byte(2, 8), scale(0.05), zero(90),
         scale(0.04), zero(100)], {}, 1
    yield "qgemm", "QGemm", \
        [byte(3, 8), scale(0.02), zero(120), Constant(byte(8, 5)), scale(0.01), zero(128),
         Constant(np.arange(5, dtype=np.int32) * 100), scale(0.1), zero(100)], {}, 1
    yield "qgemm_float", "QGemm", \
        [byte(3, 8), scale(0.02), zero(120), Constant(byte(5, 8)), scale(0.01), zero(128)], \
        {"transB": 1}, 1
    yield "matmul_integer_to_float", "MatMulIntegerToFloat", \
        [byte(3, 8), Constant(byte(8, 5, signed=True)), scale(0.02), scale(0.03), zero(120),
         zero(3, True), weight(5)], {}, 1
    yield "dynamic_quantize_matmul", "DynamicQuantizeMatMul", \
        [real(3, 8), Constant(byte(8, 5, signed=True)), scale(0.03), zero(0, True), weight(5)], {}, 1
    for bits in (4, 8):
        n, k, block = 6, 40, 16
        blocks = -(-k // block)
        packed = Constant(byte(n, blocks, block * bits // 8))
        scales = Constant(np.abs(real(n * blocks)) * np.float32(0.1))
        shape = {"N": n, "K": k, "bits": bits, "block_size": block}
        yield f"matmul_{bits}_bits", "MatMulNBits", [real(2, 3, k), packed, scales], shape, 1
        yield f"matmul_{bits}_bits_zero", "MatMulNBits", \
            [real(2, 3, k), packed, scales, Constant(byte(n * -(-blocks * bits // 8)))], shape, 1
    yield "dynamic_quantize_lstm", "DynamicQuantizeLSTM", \
        [real(3, 2, 4), Constant(byte(1, 4, 12, signed=True)), Constant(byte(1, 3, 12, signed=True)),
         weight(1, 24), None, None, None, None, Constant(np.array([0.01], np.float32)),
         Constant(np.array([0], np.int8)), Constant(np.array([0.01], np.float32)),
         Constant(np.array([0], np.int8))], {"hidden_size": 3}, 3
    # One row a batch: there its scale is that of the rows of a thread of ONNX Runtime.
    for name, directions in (("forward", 1), ("bidirectional", 2)):
        steps = Constant(np.full(directions, 0.05, np.float32))
        zeros = Constant(np.zeros(directions, np.int8))
        yield f"dynamic_quantize_lstm_{name}", "DynamicQuantizeLSTM", \
            [real(6, 1, 20), Constant(byte(directions, 20, 72, signed=True)),
             Constant(byte(directions, 18, 72, signed=True)), weight(directions, 144), None,
             real(directions, 1, 18), real(directions, 1, 18), None, steps, zeros, steps, zeros], \
            {"hidden_size": 18, "direction": name}, 3
    step, middle = Constant(np.array([0.02], np.float32)), Constant(np.array([121], np.uint8))
    yield "dynamic_quantize_lstm_unsigned", "DynamicQuantizeLSTM", \
        [real(5, 1, 7), Constant(byte(1, 7, 44)), Constant(byte(1, 11, 44)), None, None, None,
         None, None, step, middle, step, middle], {"hidden_size": 11}, 3


def attention(dice, real, weight, ones):
    def ints(*values, type=np.int32):
        return np.array(values, type)
    heads = {"num_heads": 2}
    self_ = [real(2, 4, 8), weight(8, 24), weight(24)]
    yield "attention", "Attention", self_, heads, 1
    yield "attention_causal", "Attention", self_, dict(heads, unidirectional=1), 1
    yield "attention_lengths", "Attention", self_ + [ints(3, 4)], heads, 1
    yield "attention_mask", "Attention", self_ + [ints([1, 1, 1, 0], [1, 1, 0, 0])], heads, 1
    yield "attention_past", "Attention", self_ + [None, real(2, 2, 2, 3, 4)], \
        dict(heads, unidirectional=1), 2
    qkv = [real(2, 4, 8), real(2, 5, 8), real(2, 5, 8)]
    yield "multi_head", "MultiHeadAttention", qkv, heads, 1
    yield "multi_head_bias", "MultiHeadAttention", qkv + [weight(24)], heads, 1
    yield "multi_head_mask", "MultiHeadAttention", \
        qkv + [None, ints([1, 1, 1, 0, 0], [1, 1, 1, 1, 0])], heads, 1
    yield "multi_head_lengths", "MultiHeadAttention", qkv + [None, ints(3, 5)], heads, 1
    yield "multi_head_added", "MultiHeadAttention", qkv + [None, None, real(2, 2, 4, 5)], heads, 1
    yield "multi_head_cross", "MultiHeadAttention", \
        [real(2, 4, 8), real(2, 2, 5, 4), real(2, 2, 5, 4)], heads, 1
    yield "multi_head_past", "MultiHeadAttention", \
        [real(2, 1, 8), real(2, 1, 8), real(2, 1, 8), None, None, None, real(2, 2, 3, 4),
         real(2, 2, 3, 4)], heads, 3
    caches = [Constant(np.cos(real(16, 4))), Constant(np.sin(real(16, 4)))]
    grouped = {"num_heads": 4, "kv_num_heads": 2}
    new = [real(1, 3, 64), real(1, 3, 32), real(1, 3, 32)]
    none = [real(1, 2, 0, 16), real(1, 2, 0, 16)]
    past = [real(1, 2, 5, 16), real(1, 2, 5, 16)]
    wide = [Constant(np.cos(real(16, 8))), Constant(np.sin(real(16, 8)))]
    yield "group_query_prompt", "GroupQueryAttention", \
        new + none + [ints(2), ints(3).reshape(1)], grouped, 3
    yield "group_query_rotary", "GroupQueryAttention", \
        new + none + [ints(2), ints(3).reshape(1)] + wide, dict(grouped, do_rotary=1), 3
    one = [real(1, 1, 64), real(1, 1, 32), real(1, 1, 32)]
    yield "group_query_past", "GroupQueryAttention", \
        one + past + [ints(5), ints(6).reshape(1)] + wide, dict(grouped, do_rotary=1), 3
    yield "group_query_packed", "GroupQueryAttention", \
        [real(1, 1, 128), None, None] + past + [ints(5), ints(6).reshape(1)] + wide, \
        dict(grouped, do_rotary=1), 3
    yield "group_query_window", "GroupQueryAttention", \
        one + past + [ints(5), ints(6).reshape(1)], dict(grouped, local_window_size=3), 3
    # A buffer that is longer than what it holds; a shorter row; a sink.
    buffer = [real(2, 2, 9, 16), real(2, 2, 9, 16)]
    pair = [real(2, 1, 64), real(2, 1, 32), real(2, 1, 32)]
    yield "group_query_buffer", "GroupQueryAttention", \
        pair + buffer + [ints(5, 3), ints(6).reshape(1)] + wide, dict(grouped, do_rotary=1), 3
    prompt = [real(2, 4, 64), real(2, 4, 32), real(2, 4, 32)]
    yield "group_query_filled", "GroupQueryAttention", \
        prompt + buffer + [ints(3, 3), ints(4).reshape(1)] + wide, dict(grouped, do_rotary=1), 3
    yield "group_query_chunk", "GroupQueryAttention", \
        [real(1, 3, 64), real(1, 3, 32), real(1, 3, 32)] + past + [ints(7), ints(8).reshape(1)] + wide, \
        dict(grouped, do_rotary=1, local_window_size=4), 3
    yield "group_query_sink", "GroupQueryAttention", \
        pair + buffer + [ints(5, 3), ints(6).reshape(1)] + wide + [None, None, Constant(real(4))], \
        dict(grouped, do_rotary=1), 3
    yield "group_query_smooth", "GroupQueryAttention", \
        pair + buffer + [ints(5, 3), ints(6).reshape(1)], dict(grouped, smooth_softmax=1, softcap=3.0), 3
    at = np.array([[0, 1, 2], [3, 4, 5]])
    yield "rotary", "RotaryEmbedding", [real(2, 3, 16), at] + caches, {}, 1
    yield "rotary_4d", "RotaryEmbedding", [real(2, 2, 3, 8), at] + caches, {}, 1
    yield "rotary_interleaved", "RotaryEmbedding", [real(2, 3, 16), np.array([4])] + caches, \
        {"interleaved": 1}, 1
    ids = dice.integers(0, 9, (2, 4)).astype(np.int32)
    yield "embed_layer_norm", "EmbedLayerNormalization", \
        [ids, ids % 2, weight(9, 8), weight(6, 8), weight(2, 8), ones(8), weight(8),
         ints([1, 1, 1, 0], [1, 1, 0, 0])], {"epsilon": 1e-5}, 2
