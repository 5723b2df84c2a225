# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Silero's voice activity models over a minute of speech, made by espeak-ng with
# pauses, the state of each step carried into the next one. Every probability must be
# ONNX Runtime's within 1e-4 although each engine follows its own state; speech must
# be found and silence too.
import os
import subprocess
import wave

import numpy as np

from e2e import WORK, Score, catalogue, compile_model, error, reference, reference_outputs, sinter

TEXT = ("A compiler reads a program and writes another one. It never hurries. "
        "The rain had stopped before noon, and the river was high. "
        "Seven wooden boats lay in the harbor, waiting for the evening tide. ")
RATE, STEP, CONTEXT = 16000, 512, 64


def speech():
    """At least 60 seconds at 16 kHz, silence between the sentences."""
    path = os.path.join(WORK, "speech.wav")
    pieces = []
    while sum(map(len, pieces)) < 61 * RATE:
        for voice in ("en", "en+f3", "en+m5"):
            subprocess.run(["espeak-ng", "-v", voice, "-w", path, TEXT], check=True)
            with wave.open(path) as file:
                rate = file.getframerate()
                sound = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
            places = np.arange(0, len(sound) - 1, rate / RATE)
            pieces += [np.interp(places, np.arange(len(sound)), sound), np.zeros(RATE)]
    return np.concatenate(pieces).astype(np.float32)


def windows(sound):
    """Steps of 512 samples, each with the 64 before it."""
    padded = np.concatenate([np.zeros(CONTEXT, np.float32), sound])
    for start in range(0, len(sound) - STEP + 1, STEP):
        yield padded[start:start + CONTEXT + STEP][None]


def follow(run, feeds, frame, states):
    """One step: the outputs, and the states they leave in `feeds`."""
    feeds["input"] = frame
    outputs = run(feeds)
    for source, target in states.items():
        feeds[target] = outputs[source]
    return outputs


def main():
    score = Score()
    sound = speech()
    zeros = lambda *shape: np.zeros(shape, np.float32)
    rate = {"sr": np.array(RATE, np.int64)}
    models = {
        "silero_vad": (dict(rate, state=zeros(2, 1, 128)), {"stateN": "state"}, "output"),
        "silero_vad_static": (dict(state=zeros(2, 1, 128)), {"stateN": "state"}, "output"),
        "silero_vad_sequence": (dict(h=zeros(1, 1, 128), c=zeros(1, 1, 128)),
                                {"hn": "h", "cn": "c"}, "speech_probs"),
    }
    for name, (start, states, result) in models.items():
        case = catalogue.case(name)
        path = compile_model(case.model, name)
        if not score.check(path, f"{name}: does not compile"):
            continue
        model, session = sinter.Model(path, threads=1), reference(case.model)
        ours, theirs, worst, found = dict(start), dict(start), 0.0, []
        for frame in windows(sound):
            mine = follow(model.run, ours, frame, states)
            wanted = follow(lambda feeds: reference_outputs(session, feeds), theirs, frame, states)
            worst = max(worst, error(mine, wanted))
            found.append(float(mine[result].ravel()[0]))
        score.check(worst <= 1e-4, f"{name}: error {worst:.2e} over {len(found)} steps")
        voiced = sum(value > 0.5 for value in found) / len(found)
        score.check(0.3 < voiced < 0.98, f"{name}: finds speech in {voiced:.0%} of the steps")
    score.exit()


main()
