// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a model should give: the reference evaluator, another runtime, or stored
// outputs. `verify` compares ours with any of them.
#ifndef SINTER_TOOLS_SINTER_REFERENCE_H
#define SINTER_TOOLS_SINTER_REFERENCE_H

#include "compiler/pipeline/CompileOptions.h"
#include "tools/sinter/HostTensor.h"
#include <memory>

namespace sinter {

/// The reference evaluator on an imported model; with `tapAll`, on its tapped
/// graph.
class EvaluatorReference {
public:
  static llvm::Expected<std::unique_ptr<EvaluatorReference>>
  open(const CompileOptions &options);
  ~EvaluatorReference();

  /// `exact`: float64 to the end; else plain fp32, each value rounded to its
  /// type.
  llvm::Expected<std::vector<HostTensor>>
  run(const std::vector<HostTensor> &inputs, bool exact);

  /// How many outputs the model itself has; taps come behind them.
  size_t modelOutputs() const;

  /// Outputs whose elements are values of a sigmoid, moved or averaged.
  std::vector<std::string> sigmoidOutputs() const;

  /// evaluate::resolutionOf the model.
  double resolution() const;

private:
  EvaluatorReference();
  struct Impl;
  std::unique_ptr<Impl> impl;
};

/// The names of a model's outputs come from `outputNames`, in the model's
/// order.
struct DataSet {
  std::vector<HostTensor> inputs, outputs;
};
/// A folder of ONNX's form: input_0.pb, ..., output_0.pb, ... Tensors without a
/// name in the file get the one of the same position.
llvm::Expected<DataSet>
readDataSet(const std::string &folder,
            const std::vector<std::string> &inputNames,
            const std::vector<std::string> &outputNames);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_REFERENCE_H
