# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The models of architectures.py, detectors.py and dynamic_nets.py compiled, each run on its sample and
# on the other shapes it names, against ONNX Runtime. Integers must be equal; what
# quantised nets round the other way may differ by a step.
#
#   run-architectures.py [NAME...]
import os
import sys

import numpy as np
import onnx

from e2e import ROOT, WORK, Score, compile_model, error, reference, reference_outputs, sinter

sys.path.insert(0, os.path.join(ROOT, "bench", "models"))

import architectures as a  # noqa: E402
import detectors as d  # noqa: E402
import dynamic_nets as n  # noqa: E402

FAMILIES = [a.vit, a.swin, a.convnext, a.efficientnet, a.t5, a.llama, a.unet, a.whisper, a.crnn,
            d.ssd, d.yolo, d.two_stages, d.guarded, d.deformable, d.quantised, d.decoder,
            n.pyramid, n.unfolded, n.pooled, n.segformer, n.padded_windows, n.keras, n.wav2vec, n.vocoder, n.upscaler,
            n.text_encoder]
LIMITS = {"quantised": 2e-2}


def other_feeds(net, shapes):
    """The sample, then for each shape of the first named input new numbers."""
    yield dict(net.samples)
    for i in range(max((len(list_) for list_ in shapes.values()), default=0)):
        feeds = dict(net.samples)
        for name, list_ in shapes.items():
            shape, sample = list_[i], net.samples[name]
            if sample.dtype.kind == "i":
                feeds[name] = net.rng.integers(0, 50, shape)
            elif name == "rois":
                corner = net.rng.uniform(0, 30, (shape[0], 2))
                feeds[name] = np.concatenate([corner, corner + 9], 1).astype(np.float32)
            else:
                feeds[name] = net.normal(list(shape))
        yield feeds


def main():
    score = Score()
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    for family in FAMILIES:
        name = family.__name__
        if wanted and name not in wanted:
            continue
        net, shapes = family()
        path = os.path.join(WORK, name + ".onnx")
        onnx.save(net.model(), path)
        compiled = compile_model(path, name)
        if not score.check(compiled, f"{name}: does not compile"):
            continue
        model, session = sinter.Model(compiled, threads=1), reference(path)
        for feeds in other_feeds(net, shapes):
            text = f"{name} {[list(value.shape) for value in feeds.values()]}"
            theirs = reference_outputs(session, feeds)
            try:
                ours = model.run(feeds)
            except sinter.SinterError as problem:
                score.check(False, f"{text}: {problem}")
                continue
            gap = error(ours, theirs)
            limit = LIMITS.get(name, 1e-4)
            score.check(gap <= limit, f"{text}: error {gap:.2e}, at most {limit}")
    score.exit()


main()
