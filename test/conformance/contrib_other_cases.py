# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Cases as those of contrib_weight_cases.py: small and old operators, batches without padding,
# what decoding needs.
import numpy as np

from contrib_cases import Constant, drawn


def cases():
    return drawn(13, small, fused, positions, padding, decoding, pictures, caches, unsigned,
                 blocks, early, distinct)


def sparse_attention(q, k, v, past_k, past_v, rows, columns, _, lengths, *turns):
    """ONNX Runtime's wants its caches in the memory of its results: said here instead."""
    batch, new, _ = q.shape
    heads, start = 4, lengths[0] - new
    q, k, v = (x.reshape(batch, new, -1, 8).transpose(0, 2, 1, 3) for x in (q, k, v))
    if turns:
        cosine, sine = (t[start:start + new] for t in turns)

        def turned(x):
            a, b = x[..., :4], x[..., 4:]
            return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)
        q, k = turned(q), turned(k)
    past_k, past_v = past_k.copy(), past_v.copy()
    past_k[:, :, start:start + new], past_v[:, :, start:start + new] = k, v
    scores = 0.3 * q @ past_k.repeat(2, 1).transpose(0, 1, 3, 2)
    for head in range(heads):
        row, column = rows[head % 2], columns[head % 2]
        for i in range(new):
            block = (start + i) // 16
            seen = np.isin(np.arange(64) // 16, column[row[block]:row[block + 1]])
            scores[:, head, i, ~(seen & (np.arange(64) <= start + i))] = -np.inf
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    y = weights / weights.sum(-1, keepdims=True) @ past_v.repeat(2, 1)
    return [y.transpose(0, 2, 1, 3).reshape(batch, new, 32), past_k, past_v]


def blocks(d):
    """Sparse attention: two layouts for four heads, blocks of 16; a prompt and one more token."""
    rows = np.array([[0, 1, 3, 5, 8], [0, 1, 3, 6, 9]], np.int32)
    columns = np.array([[0, 0, 1, 1, 2, 1, 2, 3, -1], [0, 0, 1, 0, 1, 2, 0, 2, 3]], np.int32)
    angles = np.outer(np.arange(64), 1 / 100 ** (np.arange(4) / 4))
    turns = [Constant(f(angles).astype(np.float32)) for f in (np.cos, np.sin)]
    some = {"num_heads": 4, "kv_num_heads": 2, "scale": 0.3, "sparse_block_size": 16}
    for name, new, total, rotary in (("prompt", 50, 50, 0), ("rotary", 50, 50, 1),
                                     ("token", 1, 37, 1)):
        past = [d.real(2, 2, 64, 8), d.real(2, 2, 64, 8)]
        for x in past:  # what is behind the tokens so far
            x[:, :, total - new:] = 0
        yield f"sparse_attention_{name}", "SparseAttention", \
            [d.real(2, new, 32), d.real(2, new, 16), d.real(2, new, 16), *past, Constant(rows),
             Constant(columns), Constant(np.array([total], np.int32)),
             np.array([total, total], np.int32), *(turns if rotary else [])], \
            {**some, "do_rotary": rotary}, 3, sparse_attention


def early(d):
    """Operators that ONNX had before opset 7."""
    x, picture = d.real(2, 3, 4), d.real(2, 3, 9, 7)
    for name, op, attributes in (
            ("affine", "Affine", {"alpha": 0.5, "beta": -2.0}), ("scale", "Scale", {"scale": 3.0}),
            ("scaled_tanh", "ScaledTanh", {"alpha": 1.5, "beta": 0.5}),
            ("parametric_softplus", "ParametricSoftplus", {"alpha": 1.5, "beta": 0.5})):
        yield name, f"ai.onnx:{op}", [x], {**attributes, "opset": 7}, 1
    yield "image_scaler", "ai.onnx:ImageScaler", [picture], \
        {"scale": 0.1, "bias": [1.0, -1.0, 0.5], "opset": 7}, 1
    yield "crop", "ai.onnx:Crop", [picture], {"border": [1, 2, 3, 0], "opset": 7}, 1
    yield "crop_to", "ai.onnx:Crop", [picture], {"border": [1, 2, 0, 0], "scale": [4, 3], "opset": 7}, 1


def distinct(d):
    numbers = np.array([0.0, -0.0, 3.5, -1e-3, np.inf, -np.inf, 1e30, -2.0], np.float32)
    integers = np.array([0, -1, 255, 256, -2**40, 2**62, -2**63, 70000])
    for name, values in (("f32", numbers), ("i64", integers), ("i8", np.arange(-99, 99, 9, np.int8))):
        for sorted_ in (0, 1):
            yield f"unique_{name}_{sorted_}", "ai.onnx:Unique", [d.dice.choice(values, 300)], \
                {"sorted": sorted_}, 4


def small(d):
    a, b = d.byte(2, 3, 4), d.byte(3, 1)
    for name, type_ in (("", np.uint8), ("_signed", np.int8)):
        one, two = a.astype(type_), b.astype(type_)
        yield "mul_integer" + name, "MulInteger", \
            [one, Constant(np.array(7, type_)), two, Constant(np.array(3, type_))], {}, 1, \
            lambda a, x, b, y: [(a.astype(np.int32) - x) * (b.astype(np.int32) - y)]
        yield "reduce_sum_integer" + name, "ReduceSumInteger", [one], {"axes": [0, 2], "keepdims": 0}, \
            1, lambda a: [a.astype(np.int32 if a.dtype == np.int8 else np.uint32).sum(
                (0, 2), dtype=np.int32 if a.dtype == np.int8 else np.uint32)]
    wide = d.dice.integers(-3000, 3000, (2, 3, 4)).astype(np.int16)
    yield "matmul_integer16", "MatMulInteger16", \
        [wide, Constant(d.dice.integers(-3000, 3000, (4, 5)).astype(np.int16))], {}, 1
    data = d.real(3, 4, 5)
    yield "ms_gather_nd", "GatherND", [data, np.array([[0, 1], [2, 3]], np.int32)], {}, 1
    yield "torch_embedding", "TorchEmbedding", [Constant(d.real(9, 6)), np.array([[1, 2], [8, 0]])], \
        {}, 1, lambda w, i: [w[i]]
    for axis, size, step in ((1, 2, 1), (-1, 3, 2), (0, 3, 1)):
        yield f"unfold_{axis % 3}", "UnfoldTensor", [data], {"dim": axis, "size": size, "step": step}, 1
    x, y = d.real(2, 5, 2), d.real(5, 2)

    def product(a, b, sign=1):
        z = (a[..., 0] + 1j * a[..., 1]) * (b[..., 0] + sign * 1j * b[..., 1])
        return [np.stack([z.real, z.imag], -1).astype(np.float32)]
    yield "complex_mul", "ComplexMul", [x, y], {}, 1, product
    yield "complex_mul_conj", "ComplexMulConj", [x, y], {}, 1, lambda a, b: product(a, b, -1)
    spectrum = np.fft.rfft(d.real(3, 16))
    yield "irfft", "Irfft", [np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)], \
        {"signal_ndim": 1}, 1, \
        lambda s: [np.fft.irfft(s[..., 0] + 1j * s[..., 1]).astype(np.float32)]
    bad = d.real(4, 4)
    bad[2, 1] = np.inf
    for name, inputs, attributes, answer in (
            ("fine", [x, y], {}, True), ("infinite", [x, bad], {}, False),
            ("no_nan", [x, bad], {"isnan_only": 1}, True)):
        yield "all_finite_" + name, "IsAllFinite", inputs, attributes, 1, \
            lambda *_, answer=answer: [np.array(answer)]
    yield "bias_dropout", "BiasDropout", \
        [x, Constant(d.real(2)), d.real(2, 5, 2), Constant(np.float32(0.5))], {}, 2, \
        lambda a, b, c, _: [a + b + c, np.ones_like(a, bool)]
    yield "bitmask_dropout", "BitmaskDropout", [x], {}, 2, \
        lambda a: [a, np.full(1, 2**32 - 1, np.uint32)]
    yield "bitmask_bias_dropout", "BitmaskBiasDropout", [x, Constant(d.real(2))], {}, 2, \
        lambda a, b: [a + b, np.full(1, 2**32 - 1, np.uint32)]
    yield "sample_op", "SampleOp", [x], {}, 1
    yield "trilu_far", "ai.onnx:Trilu", [d.real(3, 4), Constant(np.array(-2**63))], {"upper": 0}, 1
    yield "einsum_diagonals", "ai.onnx:Einsum", [d.real(2, 3, 3, 4, 4)], {"equation": "biijj->bji"}, 1, \
        lambda x: [np.einsum("biijj->bji", x)]


def fused(d):
    yield "fused_matmul_activation", "FusedMatMulActivation", [d.real(2, 3, 4), d.weight(4, 5)], \
        {"activation": "LeakyRelu", "activation_alpha": 0.1, "alpha": 0.5}, 1, \
        lambda a, b: [np.where(a @ b > 0, 1, np.float32(0.1)) * np.float32(0.5) * (a @ b)]

    def conv(x, w, b, z):
        n, h, wide, _ = x.shape
        padded = np.pad(x.astype(np.float32), ((0, 0), (1, 1), (1, 1), (0, 0)))
        y = np.zeros((n, h, wide, w.shape[0]), np.float32)
        for i in range(3):
            for j in range(3):
                y += padded[:, i:i + h, j:j + wide] @ w[:, :, i, j].T.astype(np.float32)
        return [np.maximum(y + b + z, 0).astype(np.float16)]
    half = [d.real(1, 6, 5, 4), d.real(8, 4, 3, 3), d.real(8), d.real(1, 6, 5, 8)]
    x, w, b, z = (v.astype(np.float16) for v in half)
    yield "nhwc_fused_conv", "NhwcFusedConv", [x, Constant(w), Constant(b), z], \
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "activation": "Relu"}, 1, conv


def buckets(table, queries, keys, is_both, farthest):
    count, heads = table.shape
    rows = table.reshape(heads, count)
    half = count // 2 if is_both else count
    exact = half // 2
    y = np.zeros((1, heads, queries, keys), np.float32)
    for i in range(queries):
        for j in range(keys):
            apart = j - i
            first = half if is_both and apart > 0 else 0
            apart = abs(apart) if is_both else -min(apart, 0)
            if apart >= exact:
                apart = min(half - 1, exact + int(np.log(apart / exact) / np.log(farthest / exact)
                                                  * (half - exact)))
            y[0, :, i, j] = rows[:, first + apart]
    return [y]


def positions(d):
    for is_both in (0, 1):
        yield f"relative_bias_{is_both}", "RelativePositionBias", \
            [Constant(d.real(16, 3)), Constant(np.array([40])), Constant(np.array([40]))], \
            {"max_distance": 30, "is_bidirectional": is_both}, 1, \
            lambda t, q, k, both=is_both: buckets(t, int(q[0]), int(k[0]), both, 30)
    yield "relative_bias_data", "RelativePositionBias", \
        [Constant(d.real(16, 3)), np.array([9]), np.array([9])], {"max_distance": 30}, 1, \
        lambda t, q, k: buckets(t, int(q[0]), int(k[0]), False, 30)

    def gated(q, qb, bias, w, wb, eco):
        x = (q + qb).reshape(2, 4, 3, 8).transpose(0, 2, 1, 3)
        g = 1 / (1 + np.exp(-(x @ w + wb).reshape(2, 3, 4, 2, 4).sum(-1)))
        return [(g[..., :1] * (g[..., 1:] * eco - 1) + 2) * bias]
    yield "gated_bias", "GatedRelativePositionBias", \
        [d.real(2, 4, 24), d.weight(24), d.real(1, 3, 4, 4), d.weight(8, 8), d.weight(8),
         d.weight(1, 3, 1, 1)], {"num_heads": 3}, 1, gated
    ids = d.dice.integers(0, 9, (2, 4)).astype(np.int32)
    scales = [Constant(np.float32(s)) for s in (0.02, 0.03, 0.01, 0.02, 0.01)]
    zeros = [Constant(np.uint8(z)) for z in (120, 110, 128, 100, 90)]
    yield "quantised_embedding", "QEmbedLayerNormalization", \
        [ids, ids % 2, Constant(d.byte(9, 8)), Constant(d.byte(6, 8)), Constant(d.byte(2, 8)),
         Constant(d.byte(8)), Constant(d.byte(8)), np.ones((2, 4), np.int32), *scales, *zeros], \
        {"epsilon": 1e-5}, 2


def padding(d):
    x = d.real(3, 4, 6)
    counts = np.array([2, 4, 1], np.int32)
    offsets = np.array([[0, 1, 4, 5], [6, 7, 8, 2], [3, 9, 10, 11]], np.int32)
    tokens = offsets.reshape(-1)[:7]

    def removed(x, n):
        return [x.reshape(12, 6)[tokens], offsets, np.array([0, 2, 6, 7], np.int32),
                np.array([4], np.int32)]

    def restored(rows, at):
        y = np.zeros((12, rows.shape[1]), np.float32)
        y[at.reshape(-1)[:len(rows)]] = rows
        return [y.reshape(3, 4, -1)]

    def attended(q, k, v, *rest):
        y = np.zeros((7, v.shape[1]), np.float32)
        for start, end in ((0, 2), (2, 6), (6, 7)):
            for head in range(2):
                at = slice(head * 4, head * 4 + 4)
                s = q[start:end, at] @ k[start:end, at].T / 2
                s = np.exp(s - s.max(-1, keepdims=True))
                y[start:end, at] = s / s.sum(-1, keepdims=True) @ v[start:end, at]
        return [y]
    yield "remove_padding", "RemovePadding", [x, counts], {}, 4, removed
    yield "restore_padding", "RestorePadding", [d.real(7, 6), offsets], {}, 1, restored
    sums = np.array([0, 2, 6, 7], np.int32)
    yield "packed_multi_head", "PackedMultiHeadAttention", \
        [d.real(7, 8), d.real(7, 8), d.real(7, 8), None, offsets, sums], {"num_heads": 2}, 1, attended
    yield "packed_attention", "PackedAttention", \
        [d.real(7, 6), d.weight(6, 24), d.weight(24), offsets, sums], {"num_heads": 2}, 1, \
        lambda x, w, b, *_: attended(*np.split(x @ w + b, 3, 1))


def windowed(x, w, b, past):
    """A causal convolution and its states after each of the last three tokens."""
    every = np.concatenate([past[-1], x], 2)
    y = sum(every[:, :, i:i + x.shape[2]] * w[:, 0, i, None] for i in range(3)) + b[:, None]
    states = np.zeros((3, *past.shape[1:]), np.float32)
    for back in range(min(3, x.shape[2])):
        end = x.shape[2] - back
        states[2 - back] = every[:, :, end:end + 2]
    return [y.astype(np.float32), states]


def one_token(q, k, v, mask, added, past_k, past_v):
    def heads(x):
        return x.reshape(2, 1, 2, 4).transpose(0, 2, 1, 3)
    keys, values = np.concatenate([past_k, heads(k)], 2), np.concatenate([past_v, heads(v)], 2)
    s = heads(q) @ keys.transpose(0, 1, 3, 2) / 2
    if mask is not None:
        s = s + (1 - mask[:, None, None]) * np.float32(-10000) + added
    s = np.exp(s - s.max(-1, keepdims=True))
    y = s / s.sum(-1, keepdims=True) @ values
    return [y.transpose(0, 2, 1, 3).reshape(2, 1, 8).astype(np.float32), keys, values]


def decoding(d):
    w = [d.weight(4, 1, 3), d.weight(4)]
    x, past = d.real(2, 4, 5), d.real(2, 4, 2)
    yield "ms_causal_conv", "CausalConvWithState", [x, *w], {"activation": "silu"}, 2
    yield "ms_causal_conv_past", "CausalConvWithState", [x, *w, past], {}, 2
    yield "ms_causal_conv_dilated", "CausalConvWithState", [x, *w, d.real(2, 4, 4)], {"dilation": 2}, 2
    yield "ms_causal_conv_last", "CausalConvWithState", \
        [d.real(2, 5, 2, 2), *w, d.real(2, 2, 2, 2)], {"channels_last": 1}, 2
    yield "ms_causal_conv_window", "CausalConvWithState", [x, *w, d.real(3, 2, 4, 2)], \
        {"state_window": 3}, 2, windowed
    yield "ms_causal_conv_short", "CausalConvWithState", [d.real(2, 4, 1), *w, d.real(3, 2, 4, 2)], \
        {"state_window": 3}, 2, windowed
    tokens = np.array([[1, 2, 3, 1, 2], [4, 4, 4, 4, 4], [1, 3, 5, 7, 0]])
    for size in (1, 2, 3, 6):
        yield f"repeat_block_{size}", "NGramRepeatBlock", [tokens, d.real(3, 9)], \
            {"ngram_size": size}, 1
    for name, type_ in (("int32", np.int32), ("uint32", np.uint32), ("int64", np.int64),
                        ("uint64", np.uint64)):
        words = d.dice.integers(0, 2**31, (3, 4)).astype(type_)
        if np.issubdtype(type_, np.signedinteger):
            words[0] = -words[0]
        if words.itemsize == 8:
            words *= np.array(12345678, type_)
        yield f"murmur_{name}", "MurmurHash3", [words], {"seed": 42}, 1
    yield "murmur_signed", "MurmurHash3", [words], {"positive": 0}, 1
    one = [d.real(2, 1, 8), d.real(2, 1, 8), d.real(2, 1, 8)]
    cache = [d.real(2, 2, 3, 4), d.real(2, 2, 3, 4)]
    heads = {"num_heads": 2}
    yield "decoder_masked", "DecoderMaskedMultiHeadAttention", \
        one + [None, None] + cache, heads, 3, one_token
    yield "decoder_masked_mask", "DecoderMaskedMultiHeadAttention", \
        one + [np.array([[1, 1, 0, 1], [0, 1, 1, 1]], np.int32), d.real(1, 2, 1, 4)] + cache, heads, \
        3, one_token
    yield "decoder_masked_self", "DecoderMaskedSelfAttention", \
        [d.real(2, 1, 6), d.weight(6, 24), d.weight(24),
         np.array([[1, 1, 0, 1], [0, 1, 1, 1]], np.int32), d.real(2, 2, 2, 3, 4), None,
         Constant(np.array([3], np.int32))], heads, 2, \
        self_attention
    yield "decoder_masked_cross", "DecoderMaskedMultiHeadAttention", \
        [one[0], d.real(2, 2, 5, 4), d.real(2, 2, 5, 4)], heads, 1
    yield "decoder_masked_buffer", "DecoderMaskedMultiHeadAttention", \
        one + [None, None, d.real(2, 2, 6, 4), d.real(2, 2, 6, 4), np.array([3], np.int32),
               None, None, d.weight(24)], dict(heads, past_present_share_buffer=1), 3


def self_attention(x, w, b, mask, past, *_):
    q, k, v = np.split(x @ w + b, 3, 2)
    y, keys, values = one_token(q, k, v, mask, 0, *past)
    return [y, np.stack([keys, values])]


def pictures(d):
    x = d.real(2, 3, 7, 6)
    boxes = np.array([[0, 0, 1, 1], [0.2, 0.12, 0.7, 0.87], [-0.3, 0.52, 1.2, 0.2], [0.9, 0.8, 0.3, 0.13]],
                     np.float32)
    at = np.array([0, 1, 1, 0], np.int32)
    for mode in ("bilinear", "nearest"):
        for height, width in ((4, 5), (1, 3)):
            yield f"crop_{mode}_{height}", "CropAndResize", \
                [x, boxes, at, Constant(np.array([height, width], np.int32))], \
                {"mode": mode, "extrapolation_value": 0.5}, 1
    yield "crop_nearest_half", "CropAndResize", \
        [d.real(1, 1, 2, 2), np.array([[0.49999997, 0.5, 0.49999997, 1]], np.float32), at[:1],
         Constant(np.array([2, 2], np.int32))], {"mode": "nearest"}, 1
    yield "transposed_pads", "ConvTransposeWithDynamicPads", \
        [d.real(1, 2, 5, 5), d.weight(2, 3, 3, 3), Constant(np.array([1, 0, 1, 2])), d.weight(3)], \
        {"strides": [2, 2]}, 1


def caches(d):
    rows = [d.real(1, 2, 64), d.real(1, 2, 32), d.real(1, 2, 32)]
    ends = [np.array([6], np.int32), np.array([7], np.int32), *[None] * 5]
    for bits in (8, 4):
        size = 16 * bits // 8
        held = [d.byte(1, 2, 9, size) for _ in range(2)]
        if bits == 8:
            held = [x.view(np.int8) for x in held]
        for kind in ("PER_TENSOR", "PER_CHANNEL"):
            scale = np.float32(0.02 if bits == 8 else 0.3)
            shape = (1,) if kind == "PER_TENSOR" else (1, 2, 1, 16)
            scales = [Constant((np.abs(d.real(*shape)) + 0.5) * scale) for _ in range(2)]
            yield f"group_query_{bits}_bits_{kind.lower()}", "GroupQueryAttention", \
                rows + held + ends + scales, \
                {"num_heads": 4, "kv_num_heads": 2, "k_quant_type": kind, "v_quant_type": kind,
                 "kv_cache_bit_width": bits}, 3
    for shows in (1, 2):
        yield f"group_query_scores_{shows}", "GroupQueryAttention", \
            rows + [d.real(1, 2, 5, 16), d.real(1, 2, 5, 16)] + ends[:5] + [d.real(1, 1, 2, 7)], \
            {"num_heads": 4, "kv_num_heads": 2, "qk_output": shows, "softcap": 2.0}, 4

    def scored(q, k, v, mask):
        def heads(x):
            return x.reshape(2, -1, 2, 4).transpose(0, 2, 1, 3)
        s = heads(q) @ heads(k).transpose(0, 1, 3, 2) / 2
        s = s + ((1 - mask) * np.float32(-10000))[:, None, None].astype(np.float32)
        p = np.exp(s - s.max(-1, keepdims=True))
        y = p / p.sum(-1, keepdims=True) @ heads(v)
        return [y.transpose(0, 2, 1, 3).reshape(2, 4, 8).astype(np.float32), s]
    yield "multi_head_scores", "MultiHeadAttention", \
        [d.real(2, 4, 8), d.real(2, 5, 8), d.real(2, 5, 8), None,
         np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]], np.int32)], {"num_heads": 2}, \
        [1, 0, 0, 1], lambda q, k, v, _, mask: scored(q, k, v, mask)


def unsigned(d):
    for kind in (np.uint32, np.uint64):
        a, b = d.dice.integers(0, 2**31, (3, 20)).astype(kind), d.dice.integers(0, 2**31, (20, 18)).astype(kind)
        yield f"matmul_{kind.__name__}", "ai.onnx:MatMul", [a, Constant(b)], {}, 1, lambda a, b: [a @ b]
        yield f"gemm_{kind.__name__}", "ai.onnx:Gemm", [a, b, d.dice.integers(0, 9, 18).astype(kind)], {}, 1, \
            lambda a, b, c: [a @ b + c]
