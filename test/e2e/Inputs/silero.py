# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Silero's voice activity detectors on a minute of synthetic speech, state carried
# from window to window, against ONNX Runtime: `silero.py FOLDER [MODEL...]`.
# Compiles with `sinter` from PATH; objects and speech go to FOLDER.
import importlib.util
import os
import pathlib
import subprocess
import sys
import time
import wave

import numpy
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "runtime" / "python"))
import sinter  # noqa: E402

RATE, WINDOW, CONTEXT, LIMIT = 16000, 512, 64, 1e-4
TEXT = ("The quick brown fox jumps over the lazy dog. Now is the time to be silent. "
        "She sells sea shells by the sea shore, and the waves answer her. ")
MODELS = ["silero_vad", "silero_vad_16k_op15", "silero_vad_half", "silero_vad_openvino_16k",
          "silero_vad_op18_ifless", "silero_vad_16k_sequence"]


def speech(folder):
    """A minute of speech at 16 kHz, with the pauses of its sentences."""
    path = str(folder / "speech.wav")
    subprocess.run(["espeak-ng", "-w", path, "-s", "150", "-g", "8", TEXT * 8], check=True)
    with wave.open(path) as file:
        rate = file.getframerate()
        samples = numpy.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    at = numpy.arange(0, len(samples) * RATE // rate) * rate / RATE
    signal = numpy.interp(at, numpy.arange(len(samples)), samples)[:60 * RATE].astype("f4")
    count = len(signal) // WINDOW
    padded = numpy.concatenate([numpy.zeros(CONTEXT, "f4"), signal])
    return numpy.stack([padded[i * WINDOW:i * WINDOW + WINDOW + CONTEXT] for i in range(count)])


def stream(run, inputs, windows):
    """Probability of each window; the last state; seconds a window."""
    state = numpy.zeros((2, 1, 128), "f4")
    result, begin = [], time.perf_counter()
    for window in windows:
        feeds = {"input": window[None], "state": state, "sr": numpy.array(RATE)}
        outputs = run({name: feeds[name] for name in inputs})
        state = outputs["stateN"]
        result.append(float(outputs["output"].reshape(-1)[0]))
    return numpy.array(result), state, (time.perf_counter() - begin) / len(windows)


def sequence(run, inputs, windows):
    """The model that takes all windows at once."""
    feeds = {"input": windows, "h": numpy.zeros((1, 1, 128), "f4"),
             "c": numpy.zeros((1, 1, 128), "f4")}
    run(feeds)
    begin = time.perf_counter()
    outputs = run(feeds)
    seconds = (time.perf_counter() - begin) / len(windows)
    return outputs["speech_probs"].reshape(-1), outputs["hn"], seconds


def check(model, folder, windows):
    spec = importlib.util.find_spec("silero_vad")
    path = os.path.join(spec.submodule_search_locations[0], "data", model + ".onnx")
    subprocess.run(["sinter", "compile", path, "-o", str(folder / (model + ".so"))], check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    walk = sequence if model.endswith("_sequence") else stream
    with sinter.Model(str(folder / (model + ".so")), threads=1) as compiled:
        inputs = [t.name for t in compiled.inputs]
        ours, state, seconds = walk(compiled.run, inputs, windows)
    wanted = [t.name for t in session.get_inputs()]
    theirs, reference, other = walk(lambda feeds: dict(zip(names, session.run(None, feeds))),
                                    wanted, windows)
    error = abs(ours - theirs).max()
    drift = abs(state - reference).max() / abs(reference).max()
    voiced = (theirs > 0.5).mean()
    good = error <= LIMIT and drift <= LIMIT and 0.2 < voiced < 1
    print(f"{'ok' if good else 'FAILED'} {model}: {len(windows)} windows, {voiced:.0%} speech, "
          f"error {error:.1e}, of the state {drift:.1e}, {seconds * 1e6:.0f} us a window, ONNX Runtime {other * 1e6:.0f} us")
    return good


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    windows = speech(folder)
    results = [check(model, folder, windows) for model in sys.argv[2:] or MODELS]
    print(f"{sum(results)} of {len(results)} models agree over {len(windows) * WINDOW / RATE:.0f} s")
    return 0 if all(results) else 1


sys.exit(main())
