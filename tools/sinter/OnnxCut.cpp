// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Field numbers are those of onnx.proto.
#include "tools/sinter/OnnxCut.h"

#include "compiler/import/WireReader.h"
#include "compiler/report/UserError.h"
#include "llvm/ADT/SetVector.h"
#include <algorithm>

using namespace sinter;
using onnx::Field;
using onnx::WireReader;

static void putVarint(std::string &out, uint64_t value) {
  for (; value >= 128; value >>= 7)
    out += static_cast<char>(value | 128);
  out += static_cast<char>(value);
}

static void putBytes(std::string &out, uint32_t number,
                     std::string_view bytes) {
  putVarint(out, number << 3 | 2);
  putVarint(out, bytes.size());
  out += bytes;
}

static void putNumber(std::string &out, uint32_t number, uint64_t value) {
  putVarint(out, number << 3);
  putVarint(out, value);
}

// A field as it was.
static void putField(std::string &out, const Field &field) {
  if (field.type == onnx::WireType::Varint)
    return putNumber(out, field.number, field.number64);
  if (field.type == onnx::WireType::Bytes)
    return putBytes(out, field.number, field.bytes);
  putVarint(out, field.number << 3 | uint32_t(field.type));
  out += field.bytes;
}

// Names that the nodes of an inner graph read: some come from around it.
static void collectReads(std::string_view graph,
                         std::vector<std::string> &reads, unsigned depth = 0) {
  WireReader reader(graph);
  for (Field field; depth < 64 && reader.next(field);) {
    if (field.number == 12) { // output: may be an outer value
      WireReader value(field.bytes);
      for (Field part; value.next(part);)
        if (part.number == 1)
          reads.push_back(std::string(part.bytes));
    }
    if (field.number != 1)
      continue;
    WireReader node(field.bytes);
    for (Field part; node.next(part);) {
      if (part.number == 1)
        reads.push_back(std::string(part.bytes));
      if (part.number != 5)
        continue;
      WireReader attribute(part.bytes);
      for (Field inner; attribute.next(inner);)
        if (inner.number == 6 || inner.number == 11)
          collectReads(inner.bytes, reads, depth + 1);
    }
  }
}

bool OnnxCut::readGraph(llvm::StringRef bytes) {
  WireReader reader({bytes.data(), bytes.size()});
  for (Field field; reader.next(field);) {
    if (field.number == 5) { // initializer
      WireReader tensor(field.bytes);
      for (Field part; tensor.next(part);)
        if (part.number == 8)
          initializers[{part.bytes.data(), part.bytes.size()}] = {
              field.bytes.data(), field.bytes.size()};
    }
    if (field.number != 1)
      continue;
    Node node;
    node.bytes = std::string(field.bytes);
    WireReader parts(field.bytes);
    for (Field part; parts.next(part);) {
      if (part.number == 1 && !part.bytes.empty())
        node.reads.push_back(std::string(part.bytes));
      if (part.number == 2)
        node.writes.push_back(std::string(part.bytes));
      if (part.number == 3)
        node.name = std::string(part.bytes);
      if (part.number == 5) {
        WireReader attribute(part.bytes);
        for (Field inner; attribute.next(inner);)
          if (inner.number == 6 || inner.number == 11)
            collectReads(inner.bytes, node.reads);
      }
    }
    for (unsigned i = 0; i < node.writes.size(); ++i)
      if (!node.writes[i].empty())
        makers[node.writes[i]] = {nodes.size(), i};
    if (node.name.empty() && !node.writes.empty())
      node.name = node.writes.front(); // as the importer calls it
    nodes.push_back(std::move(node));
  }
  return !reader.failed();
}

llvm::Expected<OnnxCut> OnnxCut::open(llvm::StringRef model) {
  OnnxCut cut;
  WireReader reader({model.data(), model.size()});
  bool isGood = true;
  for (Field field; reader.next(field);)
    if (field.number == 7)
      isGood &= cut.readGraph({field.bytes.data(), field.bytes.size()});
    else
      putField(cut.head, field);
  if (!isGood || reader.failed() || cut.nodes.empty())
    return userError(ErrorCode::I001, "no part of the file can be cut out");
  return cut;
}

int64_t OnnxCut::findNode(llvm::StringRef name) const {
  for (size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].name == name)
      return int64_t(i);
  return -1;
}

int64_t OnnxCut::makerOf(llvm::StringRef value, unsigned &result) const {
  auto it = makers.find(value);
  if (it == makers.end())
    return -1;
  result = it->second.second;
  return int64_t(it->second.first);
}

std::vector<size_t> OnnxCut::coneOf(size_t node, unsigned depth) const {
  llvm::SetVector<size_t> cone, edge;
  cone.insert(node);
  edge.insert(node);
  for (unsigned step = 0; step < depth && !edge.empty(); ++step) {
    llvm::SetVector<size_t> next;
    for (size_t reader : edge)
      for (const std::string &value : nodes[reader].reads) {
        auto maker = makers.find(value);
        if (maker != makers.end() && cone.insert(maker->second.first))
          next.insert(maker->second.first);
      }
    edge = std::move(next);
  }
  std::vector<size_t> ordered(cone.begin(), cone.end());
  std::sort(ordered.begin(), ordered.end());
  return ordered;
}

std::vector<std::string>
OnnxCut::inputsOf(const std::vector<size_t> &cone) const {
  llvm::StringSet<> known;
  for (size_t node : cone)
    for (const std::string &value : nodes[node].writes)
      known.insert(value);
  std::vector<std::string> inputs;
  for (size_t node : cone)
    for (const std::string &value : nodes[node].reads)
      if (!initializers.contains(value) && known.insert(value).second)
        inputs.push_back(value);
  return inputs;
}

// ValueInfoProto: name, and a tensor type of fixed extents.
static std::string valueInfo(const HostTensor &tensor) {
  std::string shape, type, outer, info;
  for (int64_t dim : tensor.dims) {
    std::string extent;
    putNumber(extent, 1, uint64_t(dim));
    putBytes(shape, 1, extent);
  }
  putNumber(type, 1, uint64_t(tensor.dtype));
  putBytes(type, 2, shape);
  putBytes(outer, 1, type);
  putBytes(info, 1, tensor.name);
  putBytes(info, 2, outer);
  return info;
}

std::vector<std::string> OnnxCut::resultsOf(size_t node) const {
  std::vector<std::string> results;
  for (const std::string &value : nodes[node].writes)
    if (!value.empty())
      results.push_back(value);
  return results;
}

std::string OnnxCut::write(const std::vector<size_t> &cone,
                           const std::vector<HostTensor> &inputs,
                           const std::vector<HostTensor> &outputs) const {
  std::string graph, model = head;
  llvm::StringSet<> written;
  for (size_t node : cone)
    putBytes(graph, 1, nodes[node].bytes);
  putBytes(graph, 2, "part");
  for (size_t node : cone)
    for (const std::string &value : nodes[node].reads) {
      auto tensor = initializers.find(value);
      if (tensor != initializers.end() && written.insert(value).second)
        putBytes(graph, 5, {tensor->second.data(), tensor->second.size()});
    }
  for (const HostTensor &input : inputs)
    putBytes(graph, 11, valueInfo(input));
  for (const HostTensor &output : outputs)
    putBytes(graph, 12, valueInfo(output));
  putBytes(model, 7, graph);
  return model;
}
