# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# serve_schemas.py FOLDER: holds the generated Kubernetes and KServe files against
# the schemas of the kubernetes-validate and kserve packages. Prints a line a check.
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import types

import kubernetes_validate
import yaml

folder = sys.argv[1]


def report(good, text):
    print(("ok   " if good else "FAIL ") + text)


def documents(name):
    with open(os.path.join(folder, name)) as file:
        return list(yaml.safe_load_all(file))


def kserve_models():
    """The API objects alone: the package itself starts a serving framework."""
    found = importlib.machinery.PathFinder.find_spec("kserve")
    package = types.ModuleType("kserve")
    package.__path__ = list(found.submodule_search_locations)
    sys.modules["kserve"] = package
    models = types.ModuleType("kserve.models")
    models.__path__ = [os.path.join(package.__path__[0], "models")]
    sys.modules["kserve.models"] = models


def kserve_class(kind):
    words = "".join("_" + c.lower() if c.isupper() else c for c in kind)
    module = importlib.import_module("kserve.models." + words.lstrip("_"))
    return getattr(module, kind)


def check_object(value, kind, where):
    """Every key is known to the class, what it requires is there, nested objects too."""
    if kind.startswith("list["):
        for number, item in enumerate(value):
            yield from check_object(item, kind[5:-1], f"{where}[{number}]")
        return
    if not kind.startswith(("V1alpha1", "V1beta1")):
        return  # Kubernetes' own, or a plain value
    api = kserve_class(kind)
    names = {external: internal for internal, external in api.attribute_map.items()}
    arguments = {}
    for key, item in value.items():
        if key not in names:
            yield f"{where}: {kind} has no '{key}'"
            continue
        arguments[names[key]] = item
        yield from check_object(item, api.openapi_types[names[key]], f"{where}.{key}")
    try:
        api(**arguments)
    except (ValueError, TypeError) as error:
        yield f"{where}: {error}"


for document in documents("deployment.yaml"):
    what = f"deployment.yaml: {document['kind']}"
    try:
        kubernetes_validate.validate(document, "1.31", strict=True)
        report(True, what)
    except Exception as error:  # of the schema library, several kinds
        report(False, f"{what}: {str(error)[:500]}")

kserve_models()
for document in documents("kserve.yaml"):
    prefix = {"serving.kserve.io/v1alpha1": "V1alpha1",
              "serving.kserve.io/v1beta1": "V1beta1"}[document["apiVersion"]]
    faults = list(check_object(document, prefix + document["kind"], document["kind"]))
    report(not faults, f"kserve.yaml: {document['kind']} {faults}")
