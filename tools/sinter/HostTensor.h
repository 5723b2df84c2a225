// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor with its bytes, as it comes from a file, goes into a run or comes
// out. Element types have ONNX's numbers everywhere (sinter/sinter.h).
#ifndef SINTER_TOOLS_SINTER_HOSTTENSOR_H
#define SINTER_TOOLS_SINTER_HOSTTENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sinter {

struct HostTensor {
  std::string name;
  int32_t dtype = 0;
  std::vector<int64_t> dims;
  std::vector<char> bytes; // of texts: records of sinter_text
  std::shared_ptr<const std::string> texts = {}; // what those point into

  uint64_t elements() const;
};

/// The elements of a tensor of texts, and such a tensor with bytes of its own.
std::vector<llvm::StringRef> textsOf(const HostTensor &tensor);
void setTexts(HostTensor &tensor, llvm::ArrayRef<llvm::StringRef> texts);
/// Some of `known`, and others that a model may never have seen.
HostTensor randomTexts(const std::string &name, std::vector<int64_t> dims,
                       llvm::ArrayRef<llvm::StringRef> known, uint64_t seed);

const char *dtypeName(int32_t dtype);

/// All elements as float64 (bools and integers by value).
std::vector<double> asDoubles(const HostTensor &tensor);

/// Normal values of deviation 1 for floats, 0 and 1 for integers (which are a
/// valid index, mask and token type) from `seed` and the tensor's name. The
/// same on every machine.
HostTensor randomTensor(const std::string &name, int32_t dtype,
                        std::vector<int64_t> dims, uint64_t seed);

/// "1x3x224x224"; "scalar" without dimensions.
std::string shapeText(const std::vector<int64_t> &dims);

llvm::Expected<std::vector<HostTensor>> readTensors(const std::string &npzPath);
llvm::Expected<HostTensor> readTensor(const std::string &npyPath,
                                      const std::string &name);
llvm::Error writeTensors(const std::string &npzPath,
                         const std::vector<HostTensor> &tensors);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_HOSTTENSOR_H
