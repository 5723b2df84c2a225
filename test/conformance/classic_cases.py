# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small cases of ai.onnx.ml, in the form of contrib_cases.py. "ml_opset" among the
# attributes is the version of the domain.
import numpy as np
import onnx

ML = "ai.onnx.ml"
TRANSFORMS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO")


def cases():
    dice = np.random.default_rng(17)

    def real(*shape):
        return dice.standard_normal(shape).astype(np.float32)

    for name, op, *rest in [*features(dice, real), *tables(dice), *linear(real)]:
        yield f"ml_{name}", f"{ML}:{op}", *rest


def features(dice, real):
    yield "scaler", "Scaler", [real(5, 3)], \
        {"offset": [0.5, -1.0, 2.0], "scale": [2.0, 0.25, -1.0]}, 1
    yield "scaler_one", "Scaler", [dice.integers(-9, 9, (5, 3))], \
        {"offset": [0.5], "scale": [2.0]}, 1
    yield "scaler_double", "Scaler", [real(4, 2).astype(np.float64)], \
        {"offset": [0.5, 3.0], "scale": [2.0, 0.1]}, 1
    yield "binarizer", "Binarizer", [real(4, 3)], {"threshold": 0.25}, 1
    zero = np.array([[0, 0, 0], [1, -2, 0.5], [-1, -4, -3]], np.float32)
    for norm in ("MAX", "L1", "L2"):
        yield f"normalizer_{norm.lower()}", "Normalizer", [zero], {"norm": norm}, 1
    gaps = np.array([[1, np.nan, 3], [np.nan, 5, 6]], np.float32)
    yield "imputer", "Imputer", [gaps], \
        {"imputed_value_floats": [7.0, 8.0, 9.0], "replaced_value_float": float("nan")}, 1
    yield "imputer_integers", "Imputer", [dice.integers(0, 3, (4, 3))], \
        {"imputed_value_int64s": [70], "replaced_value_int64": 1}, 1
    yield "vectorizer", "FeatureVectorizer", [real(4, 2), real(4, 3)], \
        {"inputdimensions": [2, 3]}, 1
    yield "extractor", "ArrayFeatureExtractor", [real(4, 5), np.array([[3, 0, 3]])], {}, 1
    yield "extractor_integers", "ArrayFeatureExtractor", \
        [dice.integers(0, 9, (2, 3, 4)), np.array([1])], {}, 1


def tables(dice):
    yield "one_hot", "OneHotEncoder", [dice.integers(0, 4, (6,))], \
        {"cats_int64s": [0, 1, 2], "zeros": 1}, 1
    yield "one_hot_floats", "OneHotEncoder", \
        [dice.integers(0, 4, (2, 3)).astype(np.float32)], {"cats_int64s": [3, 1], "zeros": 1}, 1
    keys = {"keys_int64s": [3, 1, 7, 2]}
    yield "encoder", "LabelEncoder", [dice.integers(0, 9, (7,))], \
        {**keys, "values_int64s": [10, 20, 30, 40], "default_int64": -5}, 1
    yield "encoder_floats", "LabelEncoder", [dice.integers(0, 9, (3, 4))], \
        {**keys, "values_floats": [0.5, 1.5, 2.5, 3.5], "default_float": 9.25}, 1
    some = np.array([1.5, np.nan, 2.5, 4.0], np.float32)
    yield "encoder_nan", "LabelEncoder", [some], \
        {"keys_floats": [2.5, float("nan"), 1.5], "values_int64s": [1, 2, 3], "ml_opset": 4}, 1
    tensor = onnx.numpy_helper.from_array
    yield "encoder_tensors", "LabelEncoder", [dice.integers(0, 6, (5,)).astype(np.float64)], \
        {"keys_tensor": tensor(np.array([0.0, 2.0, 4.0])), "ml_opset": 4,
         "values_tensor": tensor(np.array([7, 8, 9], np.int64)),
         "default_tensor": tensor(np.array([-1], np.int64))}, 1


def linear(real):
    weights, offsets = real(12).tolist(), real(3).tolist()
    for kind in TRANSFORMS:
        yield f"regressor_{kind.lower()}", "LinearRegressor", [real(5, 4)], \
            {"coefficients": weights, "intercepts": offsets, "targets": 3,
             "post_transform": kind}, 1
        yield f"classifier_{kind.lower()}", "LinearClassifier", [real(5, 4)], \
            {"coefficients": weights, "intercepts": offsets, "classlabels_ints": [3, 1, 2],
             "post_transform": kind}, 2
        yield f"classifier_two_{kind.lower()}", "LinearClassifier", [real(6, 4)], \
            {"coefficients": weights[:4], "intercepts": offsets[:1], "classlabels_ints": [5, 8],
             "post_transform": kind}, 2
    yield "regressor_vector", "LinearRegressor", [real(4)], {"coefficients": weights[:4]}, 1
    yield "regressor_probit", "LinearRegressor", [np.abs(real(5, 1)) % 1], \
        {"coefficients": [0.9], "intercepts": [0.05], "post_transform": "PROBIT"}, 1
    yield "classifier_positions", "LinearClassifier", [real(5, 4).astype(np.float64)], \
        {"coefficients": weights, "intercepts": offsets, "classlabels_ints": [0, 1, 2]}, 2
