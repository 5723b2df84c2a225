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

    for name, op, *rest in [*features(dice, real), *tables(dice), *linear(real),
                            *trees(dice, real), *vectors(real), *pairs(real), *maps(real),
                            *texts(dice, real)]:
        yield f"ml_{name}", f"{ML}:{op}", *rest
    for name, *rest in ngrams(dice):
        yield f"ml_ngrams_{name}", "ai.onnx:TfIdfVectorizer", *rest


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


def forest(dice, count, features, depth, modes=("BRANCH_LEQ",)):
    """The lists of nodes of full trees, and (tree, node) of every leaf."""
    lists = {f"nodes_{name}": [] for name in
             ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids",
              "falsenodeids", "missing_value_tracks_true")}
    leaves = []
    inner = 2 ** depth - 1
    for tree in range(count):
        for at in range(2 * inner + 1):
            is_leaf = at >= inner
            row = (tree, at, int(dice.integers(features)), str(dice.choice(modes)),
                   float(dice.integers(-4, 5)) / 4, 2 * at + 1, 2 * at + 2, int(dice.integers(2)))
            if is_leaf:
                row = (tree, at, 0, "LEAF", 0.0, 0, 0, 0)
                leaves.append((tree, at))
            for values, value in zip(lists.values(), row):
                values.append(value)
    return lists, leaves


def weighted(stem, leaves, ids, weights):
    """Lists of weights: every leaf has one for each of `ids`."""
    pairs = [(tree, at, i) for tree, at in leaves for i in ids]
    return {f"{stem}_treeids": [p[0] for p in pairs], f"{stem}_nodeids": [p[1] for p in pairs],
            f"{stem}_ids": [p[2] for p in pairs], f"{stem}_weights": weights(len(pairs)).tolist()}


def trees(dice, real):
    every = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
    some = (real(40, 5) * 4).round() / 4  # splits are met exactly
    some[3, 1] = some[7, 0] = np.nan
    nodes, leaves = forest(dice, 7, 5, 3)
    odd, odd_leaves = forest(dice, 3, 5, 4, every)
    positive = lambda n: np.abs(real(n))  # noqa: E731
    for kind in ("SUM", "AVERAGE", "MIN", "MAX"):
        yield f"forest_{kind.lower()}", "TreeEnsembleRegressor", [some], \
            {**nodes, **weighted("target", leaves, [0], real), "n_targets": 1,
             "aggregate_function": kind, "base_values": [0.5]}, 1
    yield "forest_modes", "TreeEnsembleRegressor", [some], \
        {**odd, **weighted("target", odd_leaves, range(20), real), "n_targets": 20}, 1
    yield "forest_targets", "TreeEnsembleRegressor", [some], \
        {**nodes, **weighted("target", leaves, [1], real), "n_targets": 2,
         "post_transform": "SOFTMAX"}, 1
    for post in TRANSFORMS:
        for name, ids, weights in (("two", [0], real), ("two_positive", [0], positive),
                                   ("three", [0, 1, 2], real)):
            labels = [5, 3, 9][:max(2, len(ids))]
            yield f"trees_{name}_{post.lower()}", "TreeEnsembleClassifier", [some], \
                {**nodes, **weighted("class", leaves, ids, weights), "post_transform": post,
                 "base_values": [0.25] * len(ids), "classlabels_int64s": labels}, 2
    tensor = onnx.numpy_helper.from_array
    double = {name: value for name, value in nodes.items() if name != "nodes_values"}
    leaf = weighted("target", leaves, [0], real)
    weights = tensor(np.array(leaf.pop("target_weights")))
    yield "forest_double", "TreeEnsembleRegressor", [some.astype(np.float64)], \
        {**double, **leaf, "nodes_values_as_tensor": tensor(np.array(nodes["nodes_values"])),
         "target_weights_as_tensor": weights, "n_targets": 1}, 1
    yield "ensemble", "TreeEnsemble", [some[:, :3]], \
        {"ml_opset": 5, "n_targets": 2, "tree_roots": [0], "post_transform": 0,
         "aggregate_function": 1, "nodes_featureids": [0, 1, 2],
         "nodes_modes": tensor(np.array([0, 4, 6], np.uint8)),
         "nodes_splits": tensor(np.array([0.25, 0.5, np.nan], np.float32)),
         "membership_values": tensor(np.array([-0.25, 0.0, 1.0, np.nan], np.float32)),
         "nodes_truenodeids": [1, 0, 3], "nodes_trueleafs": [0, 1, 1],
         "nodes_falsenodeids": [2, 1, 4], "nodes_falseleafs": [1, 1, 1],
         "leaf_targetids": [0, 1, 0, 1, 0],
         "leaf_weights": tensor(np.array([1, 2, 4, 8, 16], np.float32))}, 1


def vectors(real):
    some = {"coefficients": real(6).tolist(), "support_vectors": real(24).tolist(),
            "n_supports": 6, "rho": [0.3]}
    for kind, parameters in (("LINEAR", [1.0, 0.0, 3.0]), ("POLY", [0.5, 1.0, 3.0]),
                             ("RBF", [0.4, 0.0, 3.0]), ("SIGMOID", [0.2, 0.1, 3.0])):
        yield f"vectors_{kind.lower()}", "SVMRegressor", [real(7, 4)], \
            {**some, "kernel_type": kind, "kernel_params": parameters}, 1
    yield "vectors_one_class", "SVMRegressor", [real(7, 4)], \
        {**some, "kernel_type": "RBF", "kernel_params": [0.4, 0.0, 3.0], "one_class": 1}, 1
    yield "vectors_none", "SVMRegressor", [real(7, 4)], \
        {"coefficients": real(4).tolist(), "n_supports": 0, "rho": [0.3],
         "kernel_type": "LINEAR", "kernel_params": [1.0, 0.0, 3.0]}, 1


def pairs(real):
    """Support vectors of two and four classes, with and without probabilities."""
    rbf = {"kernel_type": "RBF", "kernel_params": [0.4, 0.0, 3.0]}
    for counts in ([3, 4], [3, 0, 2, 4]):
        classes, vectors = len(counts), sum(counts)
        rivals = classes * (classes - 1) // 2
        some = {"classlabels_ints": [7, 3, 5, 1][:classes], "vectors_per_class": counts,
                "coefficients": real((classes - 1) * vectors).tolist(),
                "support_vectors": real(vectors * 4).tolist(), "rho": real(rivals).tolist()}
        sure = {"prob_a": (-abs(real(rivals)) - 0.5).tolist(), "prob_b": real(rivals).tolist()}
        for post in TRANSFORMS:
            yield f"pairs_{classes}_{post.lower()}", "SVMClassifier", [real(9, 4)], \
                {**some, **rbf, "post_transform": post}, 2
            yield f"pairs_{classes}_sure_{post.lower()}", "SVMClassifier", [real(9, 4)], \
                {**some, **rbf, **sure, "post_transform": post}, 2
        for kind in ("LINEAR", "POLY", "SIGMOID"):
            yield f"pairs_{classes}_{kind.lower()}", "SVMClassifier", \
                [real(9, 4).astype(np.float64)], \
                {**some, "kernel_type": kind, "kernel_params": [0.5, 0.1, 2.0]}, 2
    for classes, weights in ((3, real(12)), (2, real(8)), (2, abs(real(8)))):
        yield f"pairs_linear_{classes}_{int(weights.min() >= 0)}", "SVMClassifier", [real(9, 4)], \
            {"classlabels_ints": [4, 9, 2][:classes], "coefficients": weights.tolist(),
             "rho": [0.1], "post_transform": "SOFTMAX", "kernel_type": "LINEAR",
             "kernel_params": [0.0, 0.0, 3.0]}, 2


def ngrams(dice):
    """Words and numbers: lengths 1 to 3, gaps between, weights, a length without any."""
    words = np.array(["red", "green", "blue", "", "unseen"])
    pool = {"pool_strings": ["red", "", "red", "red", "green", "blue", "red", "green", "red"],
            "ngram_counts": [0, 2, 6], "ngram_indexes": [0, 4, 2, 1, 3],
            "min_gram_length": 1, "max_gram_length": 3, "max_skip_count": 0, "mode": "TF"}
    weights = np.linspace(0.25, 2, 5).astype(np.float32).tolist()
    some = words[dice.integers(0, len(words), (9, 30))]
    yield "texts", [some], pool, 1
    yield "skips", [some], {**pool, "max_skip_count": 4}, 1
    yield "pairs", [some[0]], {**pool, "min_gram_length": 2, "max_gram_length": 2}, 1
    numbers = {**pool, "pool_int64s": [5, 7, 5, 6, 8, 8, 5, 6, 7], "mode": "IDF"}
    del numbers["pool_strings"]
    ids = dice.integers(4, 9, (3, 40))
    yield "idf", [ids], numbers, 1
    yield "idf_weights", [ids.astype(np.int32)], {**numbers, "weights": weights}, 1
    yield "tfidf", [ids], {**numbers, "mode": "TFIDF", "weights": weights}, 1
    yield "empty", [ids[:, :0]], numbers, 1


def maps(real):
    yield "maps", "ZipMap", [real(5, 3)], {"classlabels_int64s": [0, 1, 2]}, 1
    yield "maps_unsorted", "ZipMap", [real(5, 3)], {"classlabels_int64s": [30, -1, 2]}, 1
    yield "maps_texts", "ZipMap", [real(4, 3)], {"classlabels_strings": ["one", "two", "six"]}, 1


def texts(dice, real):
    """Texts that the model knows and others; equal keys, empty texts, more than ASCII."""
    words = np.array(["red", "green", "blue", "", "grün", "redd", "unseen"])
    some = words[dice.integers(0, len(words), (9,))]
    grid = words[dice.integers(0, len(words), (4, 3))]
    numbers = np.array([7, 1, 7, 3, 2, 99, 0])
    keys = {"keys_strings": ["red", "blue", "", "grün"]}
    yield "text_encoder", "LabelEncoder", [some], \
        {**keys, "values_int64s": [4, 3, 2, 1], "default_int64": -7}, 1
    yield "text_encoder_floats", "LabelEncoder", [grid], \
        {**keys, "values_floats": [0.5, -1.5, 2.5, 9.0]}, 1
    yield "text_encoder_texts", "LabelEncoder", [grid], \
        {**keys, "values_strings": ["rot", "blau", "leer", "green"], "default_string": "?"}, 1
    yield "text_decoder", "LabelEncoder", [numbers], \
        {"keys_int64s": [7, 3, 2], "values_strings": ["seven", "", "zwölf"]}, 1
    yield "text_decoder_floats", "LabelEncoder", [np.array([0.5, np.nan, 2], np.float32)], \
        {"keys_floats": [0.5, float("nan")], "values_strings": ["half", "none"],
         "ml_opset": 4}, 1
    yield "text_classes", "LabelEncoder", [some], \
        {"classes_strings": ["blue", "red"], "default_int64": 12, "ml_opset": 1}, 1
    yield "text_classes_twice", "LabelEncoder", [some], \
        {"classes_strings": ["blue", "red", "blue"], "ml_opset": 1}, 1
    yield "text_categories_twice", "CategoryMapper", [some], \
        {"cats_strings": ["blue", "red", "blue"], "cats_int64s": [1, 2, 3]}, 1
    yield "text_classes_back", "LabelEncoder", [numbers % 3], \
        {"classes_strings": ["blue", "red"], "default_string": "no", "ml_opset": 1}, 1
    yield "text_one_hot", "OneHotEncoder", [grid], \
        {"cats_strings": ["blue", "red", "grün", "x"], "zeros": 1}, 1
    both = {"cats_strings": ["red", "green", "grün"], "cats_int64s": [5, 7, -2]}
    yield "text_mapper", "CategoryMapper", [some], both, 1
    yield "text_mapper_back", "CategoryMapper", [numbers], {**both, "default_string": "none"}, 1
    yield "text_extractor", "ArrayFeatureExtractor", [grid, np.array([2, 0])], {}, 1
    weights, offsets = real(12).tolist(), real(3).tolist()
    yield "text_linear", "LinearClassifier", [real(9, 4)], \
        {"coefficients": weights, "intercepts": offsets,
         "classlabels_strings": ["setosa", "", "versicolor"]}, 2
    yield "text_linear_two", "LinearClassifier", [real(9, 4)], \
        {"coefficients": weights[:4], "intercepts": offsets[:1],
         "classlabels_strings": ["yes", "no"], "post_transform": "LOGISTIC"}, 2
