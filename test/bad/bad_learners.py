# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Malformed models of ai.onnx.ml, and of texts: cases of run-bad-models.py."""
from onnx import TensorProto, helper

from bad_model import case, model, node


@case("I005", "'classlabels_int64s' or 'classlabels_strings'")
def maps_without_labels(folder):
    return model([node("ZipMap", domain="ai.onnx.ml")], domains=[("ai.onnx.ml", 3)])


@case("S001", "the columns of the input and the labels")
def maps_with_another_count(folder):
    maps = node("ZipMap", domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    return model([maps], domains=[("ai.onnx.ml", 3)])


def machine(**changes):
    fine = {"classlabels_ints": [0, 1], "coefficients": [1.0, -1.0], "rho": [0.5],
            "support_vectors": [1.0] * 6, "vectors_per_class": [1, 1],
            "kernel_params": [0.0, 0.0, 3.0]}
    classify = node("SVMClassifier", ("x",), ("label", "y"), domain="ai.onnx.ml",
                    **{**fine, **changes})
    return model([classify], domains=[("ai.onnx.ml", 3)])


@case("I005", "coefficients for each vector and every other class")
def vectors_without_coefficients(folder):
    return machine(coefficients=[1.0])


@case("I005", "rho (prob_a and prob_b, if any) for each pair")
def pairs_without_offsets(folder):
    return machine(prob_a=[1.0])


@case("I005", "coefficients for each vector")
def negative_count_of_vectors(folder):
    return machine(vectors_per_class=[2**62, -2**62 + 2])


@case("I005", "combinations")
def too_many_pairs_of_classes(folder):
    return machine(classlabels_ints=list(range(3000)), coefficients=[1.0] * 2999,
                   rho=[0.0] * (3000 * 2999 // 2), support_vectors=[1.0] * 3,
                   vectors_per_class=[1] + [0] * 2999)


def texts(*nodes):
    words = helper.make_tensor_value_info("w", TensorProto.STRING, [6])
    return model(list(nodes), [words], domains=[("ai.onnx.ml", 3)])


@case("I005", "no labels of classes")
def classifier_without_labels(folder):
    classify = node("LinearClassifier", ("x",), ("label", "y"), domain="ai.onnx.ml",
                    coefficients=[1.0] * 8, intercepts=[0.0, 0.0])
    return model([classify], domains=[("ai.onnx.ml", 3)])


@case("I005", "numbers as categories of texts")
def categories_of_another_type(folder):
    return texts(node("OneHotEncoder", ["w"], domain="ai.onnx.ml", cats_int64s=[1, 2]))


@case("I005", "the keys have another type than the input")
def keys_of_another_type(folder):
    return texts(node("LabelEncoder", ["w"], domain="ai.onnx.ml", keys_int64s=[1, 2],
                      values_strings=["a", "b"]))


@case("I005", "as many of both")
def categories_without_numbers(folder):
    return texts(node("CategoryMapper", ["w"], domain="ai.onnx.ml", cats_strings=["a", "b"],
                      cats_int64s=[1]))


@case("I013", "casts texts to numbers")
def texts_to_numbers(folder):
    return texts(node("Cast", ["w"], to=TensorProto.FLOAT))


def grams(**changes):
    pool = {"pool_strings": ["a", "b", "a", "b"], "ngram_counts": [0, 2], "mode": "TF",
            "ngram_indexes": [0, 1, 2], "min_gram_length": 1, "max_gram_length": 2,
            "max_skip_count": 0, **changes}
    return texts(node("TfIdfVectorizer", ["w"], **pool))


@case("I005", "lengths of n-grams disagree")
def pool_cut_amid_a_gram(folder):
    return grams(ngram_counts=[0, 1])


@case("I005", "lengths of n-grams disagree")
def gram_without_a_column(folder):
    return grams(ngram_indexes=[0, 1])


@case("I005", "below 2^24 for each n-gram")
def gram_in_a_column_too_far(folder):
    return grams(ngram_indexes=[0, 1, 2**31 - 1])


@case("I005", "an n-gram of length 2 twice")
def gram_twice(folder):
    return grams(pool_strings=["a", "b"] * 3, ngram_indexes=[0, 1, 2, 3])


@case("I005", "3, one an n-gram")
def grams_of_too_few_weights(folder):
    return grams(mode="IDF", weights=[1.0])


@case("I007", "sorted = 0")
def sorted_texts(folder):
    return texts(node("Unique", ["w"]))


@case("I007", "string")
def sum_of_texts(folder):
    return texts(node("Add", ["w", "w"]))


@case("I005", "a tree has a cycle")
def tree_with_a_cycle(folder):
    tree = node("TreeEnsembleRegressor", domain="ai.onnx.ml", n_targets=1,
                nodes_treeids=[0] * 4, nodes_nodeids=[0, 1, 2, 3], nodes_featureids=[0] * 4,
                nodes_modes=["BRANCH_LEQ"] * 3 + ["LEAF"], nodes_values=[0.0] * 4,
                nodes_truenodeids=[1, 2, 1, 0], nodes_falsenodeids=[3, 3, 3, 0],
                target_treeids=[0], target_nodeids=[3], target_ids=[0], target_weights=[1.0])
    return model([tree], domains=[("ai.onnx.ml", 3)])
