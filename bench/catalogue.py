# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The models that must run, be right and be fast, in one list, with the inputs that
# each is measured and compared on. Generated models are written once to the user's
# cache folder, under a name that changes with their generators.
import contextlib
import fcntl
import glob
import hashlib
import importlib.util
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "sinter")


class Case:
    """A model, inputs for it and the time it may take, as a share of ONNX Runtime's."""

    def __init__(self, name, model, inputs, limit, cnn):
        self.name, self.model, self.inputs = name, model, inputs
        self.limit, self.cnn = limit, cnn


def generated_folder():
    digest = hashlib.sha256()
    for path in sorted(glob.glob(os.path.join(HERE, "models", "*.py"))):
        with open(path, "rb") as file:
            digest.update(file.read())
    return os.path.join(CACHE, "models", digest.hexdigest()[:12])


@contextlib.contextmanager
def made_once(path):
    """Of the processes that want a file to be made, one at a time comes here."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not os.path.exists(path)


def generated(name):
    path = os.path.join(generated_folder(), name + ".onnx")
    if not os.path.exists(path):
        with made_once(path) as is_first:
            if is_first:
                subprocess.run([sys.executable, os.path.join(HERE, "models", "generate.py"), name,
                                "-o", os.path.dirname(path)], check=True, stdout=subprocess.DEVNULL)
    return path


def packaged(package, *parts):
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"the Python package {package} is not installed; tools/dev/test installs it")
    return os.path.join(spec.submodule_search_locations[0], *parts)


def sample(name, make):
    """Inputs in a file, written once; `make` gets NumPy and a seeded generator."""
    import numpy as np
    path = os.path.join(generated_folder(), "inputs", name + ".npz")
    if not os.path.exists(path):
        with made_once(path) as is_first:
            if is_first:
                values = make(np, np.random.default_rng(7))
                with open(path + ".part", "wb") as file:
                    np.savez(file, **values)
                os.replace(path + ".part", path)
    return path


def image(key, *shape):
    return lambda np, dice: {key: dice.standard_normal(shape, np.float32)}


def tokens(batch, length):
    def make(np, dice):
        mask = np.ones((batch, length), np.int64)
        for row in range(1, batch):
            mask[row, length - row:] = 0
        return {"input_ids": dice.integers(1, 30522, (batch, length)), "attention_mask": mask,
                "token_type_ids": np.zeros((batch, length), np.int64)}
    return make


def speech(**shapes):
    def make(np, dice):
        values = {key: dice.standard_normal(shape, np.float32) * np.float32(0.1)
                  for key, shape in shapes.items()}
        return values
    return make


def with_rate(make):
    return lambda np, dice: dict(make(np, dice), sr=np.array(16000, np.int64))


def generated_case(name, limit, cnn):
    # generate.py writes the sample next to the model.
    return lambda: Case(name, generated(name), generated(name)[:-5] + ".npz", limit, cnn)


def packaged_case(name, package, parts, make, limit=1.2, cnn=False):
    return lambda: Case(name, packaged(package, *parts), sample(name, make), limit, cnn)


def minilm(batch, length):
    name = f"minilm_{batch}x{length}"
    return name, lambda: Case(name, generated("minilm"), sample(name, tokens(batch, length)), 1.15,
                              False)


OCR = "rapidocr_onnxruntime"
VAD = "silero_vad"
CASES = {
    "resnet50": generated_case("resnet50", 1.0, True),
    "vgg19": generated_case("vgg19", 1.2, True),
    "squeezenet": generated_case("squeezenet", 1.2, True),
    "densenet121": generated_case("densenet121", 1.2, True),
    "shufflenet": generated_case("shufflenet", 1.2, True),
    "inception_v2": generated_case("inception_v2", 1.2, True),
    "mobilenetv2": generated_case("mobilenetv2", 1.15, True),
    "yolov8n": generated_case("yolov8n", 1.15, True),
    "yolov8n_dynamic": generated_case("yolov8n_dynamic", 1.2, True),
    "bert_base": generated_case("bert_base", 1.0, False),
    "gpt_small": generated_case("gpt_small", 1.2, False),
    **dict([minilm(1, 128), minilm(8, 32)]),
    "ocr_rec": packaged_case("ocr_rec", OCR, ("models", "ch_PP-OCRv4_rec_infer.onnx"),
                             image("x", 1, 3, 48, 320), 1.15, True),
    "ocr_det": packaged_case("ocr_det", OCR, ("models", "ch_PP-OCRv4_det_infer.onnx"),
                             image("x", 1, 3, 640, 640), 1.2, True),
    "ocr_cls": packaged_case("ocr_cls", OCR, ("models", "ch_ppocr_mobile_v2.0_cls_infer.onnx"),
                             image("x", 1, 3, 48, 192), 1.2, True),
    # Of Silero's files those with at most one If, at top level.
    "silero_vad": packaged_case(
        "silero_vad", VAD, ("data", "silero_vad_op18_ifless.onnx"),
        with_rate(speech(input=(1, 576), state=(2, 1, 128)))),
    "silero_vad_sequence": packaged_case(
        "silero_vad_sequence", VAD, ("data", "silero_vad_16k_sequence.onnx"),
        speech(input=(31, 576), h=(1, 1, 128), c=(1, 1, 128))),
    "silero_vad_static": packaged_case(
        "silero_vad_static", VAD, ("data", "silero_vad_openvino_16k.onnx"),
        speech(input=(1, 576), state=(2, 1, 128))),
}


def case(name):
    return CASES[name]()


if __name__ == "__main__":
    for key in sys.argv[1:] or list(CASES):
        entry = case(key)
        print(f"{entry.name}\t{entry.model}\t{entry.inputs}")
