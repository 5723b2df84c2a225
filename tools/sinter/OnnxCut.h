// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A part of an ONNX model as a model of its own: some nodes, the initializers
// that they read, and the values that come from outside as inputs. Works on the
// bytes of the file, so nothing of a node is lost.
#ifndef SINTER_TOOLS_SINTER_ONNXCUT_H
#define SINTER_TOOLS_SINTER_ONNXCUT_H

#include "tools/sinter/HostTensor.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

namespace sinter {

class OnnxCut {
public:
  /// Reads the top level of `model`, whose bytes outlive this.
  static llvm::Expected<OnnxCut> open(llvm::StringRef model);

  /// The position of the node that the importer calls `name`; -1: none.
  int64_t findNode(llvm::StringRef name) const;
  llvm::StringRef nameOf(size_t node) const { return nodes[node].name; }
  size_t size() const { return nodes.size(); }
  /// The nodes that `node` needs, itself included, at most `depth` steps away.
  std::vector<size_t> coneOf(size_t node, unsigned depth) const;
  /// Values that the nodes read and that none of them, no initializer and
  /// nothing inside of them makes.
  std::vector<std::string> inputsOf(const std::vector<size_t> &cone) const;
  /// The node that makes a value, and which of its results; -1: an input.
  int64_t makerOf(llvm::StringRef value, unsigned &result) const;
  /// The results of a node that have a name.
  std::vector<std::string> resultsOf(size_t node) const;
  /// The cut, with types and shapes of what comes in and goes out.
  std::string write(const std::vector<size_t> &cone,
                    const std::vector<HostTensor> &inputs,
                    const std::vector<HostTensor> &outputs) const;

private:
  struct Node {
    std::string name, bytes;
    std::vector<std::string> reads, writes;
  };
  bool readGraph(llvm::StringRef bytes);

  std::string head; // all fields of the model but its graph
  std::vector<Node> nodes;
  llvm::StringMap<llvm::StringRef> initializers; // in the bytes of the model
  llvm::StringMap<std::pair<size_t, unsigned>> makers;
};

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_ONNXCUT_H
