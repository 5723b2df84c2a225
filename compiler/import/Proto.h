// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The messages of onnx.proto as plain structs. Texts and payloads are views
// into the mapped file, so a parsed 2 GB model costs a few megabytes. Nothing
// here is checked beyond the wire format: meaning is the importer's business.
#ifndef SINTER_COMPILER_IMPORT_PROTO_H
#define SINTER_COMPILER_IMPORT_PROTO_H

#include "compiler/import/DataType.h"
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::onnx {

using Text = std::string_view;
using Texts = std::vector<Text>;
using Pairs = std::vector<std::pair<Text, Text>>;

struct Tensor {
  Text name;
  std::vector<int64_t> dims;
  DataType type = DataType::Undefined;
  std::optional<Text> raw;
  // Encoded elements of the typed field of each name; packed or not, the bytes
  // of all chunks in a row are the packed encoding.
  Texts floats, ints32, ints64, doubles, uints64;
  Texts strings;
  Pairs external;
  bool isExternal = false, isSegment = false;
};

struct SparseTensor {
  Tensor values, indices;
  std::vector<int64_t> dims;
};

struct Dimension {
  std::optional<int64_t> value;
  Text param;
};

struct Type {
  enum class Kind {
    None,
    Tensor,
    Sequence,
    Map,
    SparseTensor,
    Optional
  } kind = Kind::None;
  /// Of an optional: what it holds. A sequence of tensors has their element
  /// type, and their shape behind one more extent, its length.
  Kind held = Kind::None;
  DataType element = DataType::Undefined;
  std::optional<std::vector<Dimension>> shape; // absent: rank unknown
};

struct ValueInfo {
  Text name;
  Type type;
};

struct Graph;

struct Attribute {
  Text name;
  // AttributeProto.AttributeType; 0 when the file does not say.
  int32_t type = 0;
  float f = 0;
  int64_t i = 0;
  Text s, reference;
  std::vector<Tensor> tensors; // `t` is its only element
  std::vector<Graph> graphs;   // `g` is its only element
  std::vector<SparseTensor> sparse;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  Texts strings;
};

struct Node {
  Text name, op, domain, overload;
  Texts inputs, outputs;
  std::vector<Attribute> attributes;
};

struct Graph {
  Text name;
  std::vector<Node> nodes;
  std::vector<Tensor> initializers;
  std::vector<SparseTensor> sparseInitializers;
  std::vector<ValueInfo> inputs, outputs, values;
};

struct Opset {
  Text domain;
  int64_t version = 0;
};

struct Function {
  Text name, domain, overload;
  Texts inputs, outputs, attributes;
  std::vector<Attribute> defaults;
  std::vector<Node> nodes;
  std::vector<Opset> opsets;
};

struct Model {
  int64_t irVersion = 0;
  Text producer, producerVersion;
  std::vector<Opset> opsets;
  Pairs metadata;
  std::optional<Graph> graph;
  std::vector<Function> functions;
};

// Parses a ModelProto. On failure `problem` says what is wrong, in one
// sentence.
bool parseModel(Text bytes, Model &model, const char *&problem);
// Parses a lone TensorProto (test data, external tools).
bool parseTensor(Text bytes, Tensor &tensor, const char *&problem);

} // namespace sinter::onnx

#endif // SINTER_COMPILER_IMPORT_PROTO_H
