# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The models of decoders.py in a loop of generation, through one object each: a prompt
# with an empty cache, then token by token, every tensor against ONNX Runtime's. Caches
# grow, or are one buffer that is longer than what it holds.
#
#   run-decoders.py [NAME...]
import os
import sys

import numpy as np
import onnx

from e2e import WORK, Score, compile_model, error, reference, reference_outputs, sinter

import decoders as d

MODELS = {
    "grouped": (d.grouped, {}), "grouped_window": (d.grouped, {"window": 5, "packed": True}),
    "grouped_sink": (d.grouped, {"sink": True, "cap": 20.0}), "grouped_bits": (d.grouped, {"bits": 4}),
    "standard": (d.standard, {}), "merged": (d.merged, {}),
}
STEPS, MEMORY = 12, 6


def first_feeds(session, tokens, buffer, dice):
    feeds, batch = {}, tokens.shape[0]
    for info in session.get_inputs():
        name = info.name
        if name.startswith("past"):
            feeds[name] = np.zeros((batch, info.shape[1], buffer, info.shape[3]), np.float32)
        elif name == "encoder_hidden_states":
            feeds[name] = dice.standard_normal((batch, MEMORY, info.shape[2])).astype(np.float32)
        elif name == "encoder_attention_mask":
            feeds[name] = np.ones((batch, MEMORY), np.int64)
        elif name == "use_cache_branch":
            feeds[name] = np.array([False])
        elif name == "attention_mask":
            feeds[name] = np.ones(tokens.shape, np.int64)
    return dict(feeds, input_ids=tokens)


def next_feeds(feeds, outputs, is_first, prompt):
    """The caches that a run left are the next one's."""
    feeds = dict(feeds)
    for name in feeds:
        if name.startswith("past") and (is_first or ".encoder." not in name):
            feeds[name] = outputs[name.replace("past_key_values", "present")]
    if "use_cache_branch" in feeds:
        feeds["use_cache_branch"] = np.array([True])
    if "attention_mask" in feeds:
        mask = feeds["attention_mask"]
        feeds["attention_mask"] = np.concatenate([mask, np.ones((len(mask), 1), np.int64)], 1)
    last = min(outputs["logits"].shape[1], prompt) - 1
    feeds["input_ids"] = outputs["logits"][:, last].argmax(-1)[:, None]
    return feeds


def meant(outputs, length):
    """Without what belongs to a token that is padding: nobody says what that is."""
    return {name: value[:, :length] if name == "logits" else value[:, :, :length]
            for name, value in outputs.items()}


def generate(score, name, model, session, batch, prompt, buffer):
    dice = np.random.default_rng(7)
    feeds = first_feeds(session, dice.integers(1, d.VOCABULARY, (batch, prompt)), buffer, dice)
    if batch > 1 and "attention_mask" in feeds:
        feeds["attention_mask"][1, -1] = 0  # a prompt that is shorter
        prompt -= 1
    for step in range(STEPS):
        text = f"{name} batch {batch} prompt {prompt} buffer {buffer} step {step}"
        theirs = reference_outputs(session, feeds)
        try:
            ours = model.run(feeds)
        except sinter.SinterError as problem:
            score.check(False, f"{text}: {problem}")
            return
        is_padded = step == 0 and "attention_mask" in feeds
        gap = error(meant(ours, prompt), meant(theirs, prompt)) if is_padded else error(ours, theirs)
        if not score.check(gap <= 1e-4, f"{text}: error {gap:.2e}"):
            return
        feeds = next_feeds(feeds, theirs, step == 0, prompt)


def main():
    score = Score()
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    for name, (make, options) in MODELS.items():
        if wanted and name not in wanted:
            continue
        path = os.path.join(WORK, name + ".onnx")
        onnx.save(make(**options), path)
        compiled = compile_model(path, name)
        if not score.check(compiled, f"{name}: does not compile"):
            continue
        model, session = sinter.Model(compiled, threads=1), reference(path)
        for batch, prompt, buffer in ((1, 5, 0), (2, 4, 0), (1, 5, 40), (2, 4, 40)):
            if buffer == 0 or name.startswith("grouped"):
                generate(score, name, model, session, batch, prompt, buffer)
    score.exit()


main()
