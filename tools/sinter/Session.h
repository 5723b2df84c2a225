// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled model, opened through the same C API that users have: what the
// tools measure and compare is what users get.
#ifndef SINTER_TOOLS_SINTER_SESSION_H
#define SINTER_TOOLS_SINTER_SESSION_H

#include "compiler/pipeline/CompileOptions.h"
#include "sinter/sinter.h"
#include "tools/sinter/HostTensor.h"
#include <memory>

namespace sinter {

class Session {
public:
  /// Loads a .so and binds it to this machine.
  static llvm::Expected<std::unique_ptr<Session>>
  open(const std::string &soPath, unsigned threads, uint32_t isaMask = 0);
  ~Session();

  /// One run. Inputs are matched by name; results are in the model's order.
  llvm::Expected<std::vector<HostTensor>>
  run(const std::vector<HostTensor> &inputs);

  /// One run with a sample for each record in `ring`; how many there are.
  llvm::Expected<size_t> profile(const std::vector<HostTensor> &inputs,
                                 std::vector<sinter_sample> &ring);

  /// Random inputs for the shapes given. What they leave open: batch 1,
  /// sequences of 128, and the first usual size of pictures that the model
  /// takes.
  llvm::Expected<std::vector<HostTensor>>
  randomInputs(uint64_t seed, const std::vector<ShapeOption> &shapes) const;

  /// Height and width of pictures that the model takes, where they are open.
  std::pair<int64_t, int64_t> pictureSize() const;

  const sinter_model *getModel() const { return model; }
  std::vector<std::string> inputNames() const;
  std::vector<std::string> outputNames() const;

private:
  Session() = default;
  llvm::Error fail(const char *doing, const sinter_error &error) const;
  llvm::Error bind(const std::vector<HostTensor> &inputs);
  /// The sizes that nobody named, as of pictures of height x width.
  struct Reference {
    int64_t height, width;
    int64_t extent(unsigned rank, unsigned axis) const;
  };
  llvm::Error resolveSymbols(const std::vector<ShapeOption> &shapes,
                             const Reference &reference,
                             std::vector<int64_t> &symbols) const;
  llvm::Expected<Reference>
  findReference(const std::vector<ShapeOption> &shapes) const;
  bool takes(const std::vector<int64_t> &symbols) const;

  const sinter_model *model = nullptr;
  sinter_program *program = nullptr;
  sinter_context *context = nullptr;
  sinter_host pool{};
  sinter_info info{};
  void *scratch = nullptr;
  uint64_t scratchBytes = 0;
};

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_SESSION_H
