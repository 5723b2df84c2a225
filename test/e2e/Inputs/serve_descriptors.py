# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# serve_descriptors.py OURS.pb: compares the messages of our .proto files with the
# descriptors that the tritonclient and grpcio packages carry. What we have must be
# equal, field by field; the inference service and its messages must be whole.
import sys

from google.protobuf import descriptor_pb2
from tritonclient.grpc import model_config_pb2, service_pb2

passed = failed = 0


def check(good, text):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(text)


def fields(message):
    oneofs = [o.name for o in message.oneof_decl]
    return {f.name: (f.number, f.type, f.label, f.type_name,
                     oneofs[f.oneof_index] if f.HasField("oneof_index") else None)
            for f in message.field}


def enums(holder):
    return {e.name: {v.name: v.number for v in e.value} for e in holder.enum_type}


def compare(ours, theirs, path, whole):
    mine, wanted = fields(ours), fields(theirs)
    for name, row in mine.items():
        check(wanted.get(name) == row, f"{path}.{name}: {row}, the client has {wanted.get(name)}")
    for name in wanted if whole else ():
        check(name in mine, f"{path}.{name}: the client has it, we do not")
    for name, values in enums(ours).items():
        check(enums(theirs).get(name) == values, f"{path}.{name}: {values} differs")
    nested = {m.name: m for m in theirs.nested_type}
    for message in ours.nested_type:
        check(message.name in nested, f"{path}.{message.name}: the client has no such message")
        if message.name in nested:
            compare(message, nested[message.name], f"{path}.{message.name}", whole)


ours = descriptor_pb2.FileDescriptorSet()
with open(sys.argv[1], "rb") as file:
    ours.ParseFromString(file.read())
for name, module, whole in [("Inference.proto", service_pb2, True),
                            ("ModelConfig.proto", model_config_pb2, False)]:
    mine = next(f for f in ours.file if f.name.endswith("/" + name))
    theirs = descriptor_pb2.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(theirs)
    check(mine.package == theirs.package, f"{name}: package {mine.package}")
    messages = {m.name: m for m in theirs.message_type}
    for message in mine.message_type:
        check(message.name in messages, f"{message.name}: the client has no such message")
        if message.name in messages:
            compare(message, messages[message.name], message.name, whole)
    for missing in set(messages) - {m.name for m in mine.message_type} if whole else ():
        check(False, f"{missing}: the client has this message, we do not")
    for enum, values in enums(mine).items():
        check(enums(theirs).get(enum) == values, f"{enum}: {values} differs")
    calls = lambda f: {(s.name, m.name): (m.input_type, m.output_type, m.client_streaming,  # noqa: E731
                                          m.server_streaming) for s in f.service for m in s.method}
    if whole:
        check(calls(mine) == calls(theirs), f"{name}: the service differs")
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed or passed < 100 else 0)
