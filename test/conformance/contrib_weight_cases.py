# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Cases as those of contrib_cases.py: weights of few bits, mixtures of experts, gates. Where
# ONNX Runtime has no kernel for a processor, a case says what it expects: a function of the
# inputs' values.
import ml_dtypes
import numpy as np

from contrib_cases import Constant, drawn


def cases():
    return drawn(11, products, lookups, floats, experts, gates, rotations)


def nibbles(bytes_):
    return np.stack([bytes_ & 15, bytes_ >> 4], -1).reshape(*bytes_.shape[:-1], -1)


def products(d):
    n, k, block = 6, 48, 16
    blocks = k // block
    x = d.real(2, 3, k)
    for bits in (2, 4, 8):
        packed = Constant(d.byte(n, blocks, block * bits // 8))
        scales = d.positive(n * blocks)
        shape = {"N": n, "K": k, "bits": bits, "block_size": block}
        if bits == 4:  # ONNX Runtime lacks the others
            yield f"matmul_{bits}_bits_real_zero", "MatMulNBits", \
                [x, packed, scales, d.weight(n, blocks)], shape, 1
        yield f"matmul_{bits}_bits_bias", "MatMulNBits", \
            [x, packed, scales, None, None, d.weight(n)], shape, 1
    group = Constant(d.dice.integers(0, blocks, k).astype(np.int32))
    yield "matmul_4_bits_groups", "MatMulNBits", \
        [x, Constant(d.byte(n, blocks, block // 2)), d.positive(n * blocks),
         None, group], {"N": n, "K": k, "bits": 4, "block_size": block}, 1
    for kind in (0, 1):
        yield f"matmul_bnb4_{kind}", "MatMulBnb4", \
            [x, Constant(d.byte(n * k // 2)), d.positive(n * k // block)], \
            {"N": n, "K": k, "block_size": block, "quant_type": kind}, 1
    yield "matmul_bnb4_odd", "MatMulBnb4", \
        [d.real(2, 15), Constant(d.byte(23)), d.positive(3)], \
        {"N": 3, "K": 15, "block_size": 16, "quant_type": 1}, 1
    one = [Constant(d.byte(n, blocks, block // 2)), d.positive(n, blocks), d.weight(n)]
    two = [Constant(d.byte(n, blocks, block // 2)), d.positive(n, blocks), d.weight(n)]
    three = [Constant(d.byte(n, blocks, block // 2)), d.positive(n, blocks), None]
    skip, norm = d.real(2, 3, k), d.positive(k, scale=1)

    def product(a, packed, scales, bias):
        w = (nibbles(packed).astype(np.float32) - 8) * scales[..., None]
        y = a @ w.reshape(n, k).T
        return y if bias is None else y + bias

    def normed(a, by):
        return a / np.sqrt((a * a).mean(-1, keepdims=True) + np.float32(1e-5)) * by

    def qkv(a, b, by, *rest):
        both = a + b
        return [*(product(normed(both, by), *rest[i:i + 3]) for i in (0, 3, 6)), both]

    def mlp(a, _, by, *rest):
        gate, up = (product(normed(a, by), *rest[i:i + 3]) for i in (0, 3))
        return [gate / (1 + np.exp(-gate)) * up]
    shape = {"K": k, "bits": 4, "block_size": block, "epsilon": 1e-5}
    yield "matmul_bits_qkv", "MatMulNBitsQkv", [x, skip, norm, *one, *two, *three], \
        dict(shape, Nq=n, Nkv=n), 4, qkv
    yield "matmul_bits_mlp", "MatMulNBitsMlp", [x, None, norm, *one, *two], \
        dict(shape, N=n, activation="silu"), 1, mlp


def lookups(d):
    at = np.array([[0, 3, -1], [6, 2, 2]])
    for bits in (2, 4, 8):
        packed = Constant(d.byte(7, 32 * bits // 8))
        yield f"gather_{bits}_bits", "GatherBlockQuantized", [packed, at, d.positive(7, 2)], \
            {"bits": bits, "block_size": 16, "quantize_axis": 1}, 1
        yield f"gather_{bits}_bits_zero", "GatherBlockQuantized", \
            [packed, at.astype(np.int32), d.positive(7, 2), Constant(d.byte(7, -(-2 * bits // 8)))], \
            {"bits": bits, "block_size": 16, "quantize_axis": 1}, 1
    outside = np.array([1, 7, -8, 4])
    yield "gather_4_bits_outside", "GatherBlockQuantized", \
        [Constant(d.byte(7, 16)), outside, d.positive(7, 2)], \
        {"bits": 4, "block_size": 16, "quantize_axis": 1}, 1
    small = d.dice.integers(0, 16, (3, 5, 40)).astype(ml_dtypes.uint4)
    yield "gather_uint4", "GatherBlockQuantized", \
        [Constant(small), at[0] % 5, d.positive(3, 5, 3),
         Constant(d.dice.integers(0, 16, (3, 5, 3)).astype(ml_dtypes.uint4))], \
        {"block_size": 16, "gather_axis": 1, "quantize_axis": 2}, 1
    yield "gather_int4_same_axis", "GatherBlockQuantized", \
        [Constant(d.dice.integers(-8, 8, (40, 6)).astype(ml_dtypes.int4)),
         np.array([0, 17, 39, -1]), d.positive(3, 6)], \
        {"block_size": 16, "gather_axis": 0, "quantize_axis": 0}, 1
    yield "gather_float8", "GatherBlockQuantized", \
        [Constant(d.real(7, 32).astype(ml_dtypes.float8_e4m3fn)), at, d.positive(7, 2)], \
        {"block_size": 16, "quantize_axis": 1}, 1
    yield "gather_float8_one_scale", "GatherBlockQuantized", \
        [Constant(d.real(7, 32).astype(ml_dtypes.float8_e4m3fn)), at, d.positive(1, 1)], \
        {"block_size": 0, "quantize_axis": 1}, 1


def floats(d):
    x = d.real(2, 3, 48).astype(np.float16)
    w8 = d.real(6, 48).astype(ml_dtypes.float8_e4m3fn)
    scale = np.float32(0.25)

    def product(x, w, by, bias):
        w = w.astype(np.float32) * np.repeat(by, 16, 1)
        return [(x.astype(np.float32) @ w.T + bias.astype(np.float32)).astype(np.float16)]

    def rounded(x, w, by, a, bias):
        x = (x.astype(np.float32) / a).astype(ml_dtypes.float8_e4m3fn).astype(np.float32) * a
        return product(x, w, by, bias)

    def four(x, w, by, both, _, bias):
        w = nibbles(w).view(ml_dtypes.float4_e2m1fn)
        return product(x, w, by.view(ml_dtypes.float8_e4m3fn).astype(np.float32) * both, bias)
    bias = Constant(d.real(6).astype(np.float16))
    by = d.positive(6, 3)
    name = "MatMulBlockQuantizedFp8Weight"
    yield "matmul_float8", name, [x, Constant(w8), by, None, bias], {"block_size": 16}, 1, \
        lambda x, w, by, _, bias: product(x, w, by, bias)
    yield "matmul_float8_both", name, [x, Constant(w8), by, Constant(scale), bias], \
        {"block_size": 16}, 1, rounded
    yield "matmul_float4", "MatMulBlockQuantizedFp4Weight", \
        [x, Constant(d.byte(6, 24)), Constant(by.value.astype(ml_dtypes.float8_e4m3fn).view(np.uint8)),
         Constant(scale), None, bias], {"block_size": 16}, 1, four


def experts(d):
    e, h, i = 4, 32, 16
    x, router = d.real(2, 3, h), d.real(6, e)
    one = [d.weight(e, i, h, scale=0.2), d.weight(e, i)]
    two = [d.weight(e, h, i, scale=0.2), d.weight(e, h)]
    for kind in ("relu", "gelu", "silu", "identity"):
        yield f"moe_{kind}", "MoE", [x, router, *one, *two], {"k": 2, "activation_type": kind}, 1
    yield "moe_one_expert", "MoE", [x.reshape(6, h), router, one[0], None, two[0]], {"k": 1}, 1
    wide = [d.weight(e, 2 * i, h, scale=0.2), d.weight(e, 2 * i)]
    gate = {"k": 2, "activation_type": "swiglu", "swiglu_fusion": 1, "activation_alpha": 1.702,
            "activation_beta": 1.0, "swiglu_limit": 1.5, "normalize_routing_weights": 1}
    yield "moe_swiglu", "MoE", [x, router, *wide, *two], gate, 1

    def third(x, router, w1, b1, w2, b2, w3, b3):
        rows = x.reshape(-1, h)
        p = np.exp(router)
        p /= p.sum(-1, keepdims=True)
        y = np.zeros_like(rows)
        for t, row in enumerate(rows):
            for best in np.argsort(-p[t])[:2]:
                a, b = w1[best] @ row + b1[best], w3[best] @ row + b3[best]
                y[t] += p[t, best] * (w2[best] @ (a / (1 + np.exp(-a)) * b) + b2[best])
        return [y.reshape(x.shape)]
    yield "moe_three_layers", "MoE", \
        [x, router, *one, *two, d.weight(e, i, h, scale=0.2), d.weight(e, i)], \
        {"k": 2, "activation_type": "silu"}, 1, third
    for bits in (4, 8):
        q = [x, router, Constant(d.byte(e, i, h * bits // 8)), d.positive(e, i, scale=0.02),
             d.weight(e, i), Constant(d.byte(e, h, i * bits // 8)), d.positive(e, h, scale=0.02)]
        yield f"qmoe_{bits}_bits", "QMoE", q, \
            {"k": 2, "expert_weight_bits": bits, "activation_type": "silu"}, 1
    zeros = [None] * 4 + [Constant(d.byte(e, i, 1)), Constant(d.byte(e, h, 1))]
    yield "qmoe_blocks", "QMoE", \
        [x, router, Constant(d.byte(e, i, h // 2)), d.positive(e, i, 2, scale=0.02), None,
         Constant(d.byte(e, h, i // 2)), d.positive(e, h, 1, scale=0.02), *zeros], \
        {"k": 2, "block_size": 16, "activation_type": "relu", "normalize_routing_weights": 1}, 1
    yield "qmoe_swiglu", "QMoE", \
        [x, router, Constant(d.byte(e, 2 * i, h // 2)), d.positive(e, 2 * i, scale=0.02),
         d.weight(e, 2 * i), Constant(d.byte(e, h, i // 2)), d.positive(e, h, scale=0.02),
         d.weight(e, h)], gate, 1
    yield "qmoe_router_weights", "QMoE", \
        [x, router, Constant(d.byte(e, i, h // 2)), d.positive(e, i, scale=0.02), None,
         Constant(d.byte(e, h, i // 2)), d.positive(e, h, scale=0.02), *[None] * 7,
         np.abs(d.real(6, e))], {"k": 2, "normalize_routing_weights": 1}, 1


def gates(d):
    x = d.real(2, 5, 8)
    yield "gated_add", "GatedAdd", [x, d.real(2, 5, 8), d.real(2, 5, 1)], {}, 1
    yield "scaled_silu", "ScaledSiLU", [x], {"alpha": 1.5}, 1
    yield "scaled_silu_input", "ScaledSiLU", [x, np.array(0.7, np.float32)], {}, 1
    for kind in ("silu", "sigmoid"):
        yield f"gated_rms_norm_{kind}", "GatedRMSNorm", [x, d.positive(4), d.real(2, 5, 8)], \
            {"activation": kind, "epsilon": 1e-5}, 1
    yield "branch_norm", "BranchwiseRMSNorm", [d.real(2, 5, 4, 8), d.positive(4, 8)], {}, 1
    yield "branch_norm_flat", "BranchwiseRMSNorm", [d.real(2, 5, 32), d.positive(32)], \
        {"num_branches": 4}, 1
    yield "branch_norm_plain", "BranchwiseRMSNorm", [d.real(2, 4, 8)], {}, 1
    streams = d.real(2, 5, 4, 8)
    yield "pre_mix", "HyperConnectionPreMix", [streams, d.real(2, 5, 4)], {"reduction_scale": 0.5}, 1
    yield "pre_mix_flat", "HyperConnectionPreMix", [d.real(2, 5, 32), d.real(2, 5, 32)], \
        {"num_branches": 4}, 1
    yield "post_mix", "HyperConnectionPostMix", [streams, d.real(2, 5, 8), d.real(2, 5, 4, 1)], {}, 1
    yield "post_mix_matrix", "HyperConnectionPostMix", \
        [streams, d.real(2, 5, 8), d.real(2, 5, 4), d.real(2, 5, 4, 4)], {}, 1
    engram = [streams, d.real(2, 5, 4, 8), x, d.positive(4, 8, scale=1), d.positive(4, 8, scale=1)]
    yield "engram", "EngramGate", engram, {}, 1
    yield "engram_norm", "EngramGate", engram + [d.positive(4, 8, scale=1)], {}, 2
    head = [Constant(d.real(4)), Constant(-np.abs(d.real(4)))]
    yield "decay_gate", "LinearAttentionGate", [d.real(2, 5, 4), *head], {}, 1
    yield "decay_gate_beta", "LinearAttentionGate", [d.real(2, 5, 4), *head, d.real(2, 5, 4)], {}, 2


def rotations(d):
    caches = [Constant(np.cos(d.real(16, 8))), Constant(np.sin(d.real(16, 8)))]
    at = d.dice.integers(0, 16, (3, 2, 5))
    for layout in (0, 1):
        yield f"rotary_three_{layout}", "MRotaryEmbedding", [d.real(2, 5, 32), at] + caches, \
            {"mrope_section": [4, 2, 2], "mrope_layout": layout, "num_heads": 2,
             "rotary_embedding_dim": 16}, 1
    yield "rotary_three_4d", "MRotaryEmbedding", [d.real(2, 2, 5, 24), at] + caches, \
        {"mrope_section": [2, 3, 3], "interleaved": 1, "num_heads": 2,
         "rotary_embedding_dim": 16}, 1

    def turned(angles, q, q_rot, k, k_rot):
        sine, cosine = (f(angles).astype(np.float16)[:, None] for f in (np.sin, np.cos))
        return [q * cosine + q_rot * sine, k * cosine + k_rot * sine]
    half = [d.real(2, 3, 4, 8).astype(np.float16) for _ in range(4)]
    yield "gemma_rotary", "GemmaRotaryEmbedding", [d.real(2, 4, 8), *half], {}, 2, turned
