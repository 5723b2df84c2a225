// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A planned program becomes a program image: the shape program, records,
// tables.

#ifndef SINTER_CODEGEN_IMAGE_EXECTOIMAGE_H
#define SINTER_CODEGEN_IMAGE_EXECTOIMAGE_H

#include "dialects/exec/ExecOps.h"
#include "dialects/kernel/KernelOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <vector>

namespace sinter {

/// One packed constant in the weights blob; equal ones share an entry.
struct WeightBlob {
  mlir::Attribute source;
  mlir::Type element;
  exec::PackAttr pack;
  uint64_t offset, bytes; // the offset is a multiple of 64
};

struct ImageResult {
  std::vector<uint8_t> image;
  std::vector<kernel::DefineOp> kernels; // kernel k of the image is kernels[k]
  std::vector<WeightBlob> weights;       // in order of offset
  uint64_t weightsBytes = 0;
};

/// Builds the image of the module's one exec.program, which sinter-plan-arena
/// and the schedule pass have seen. A fault is a diagnostic.
mlir::LogicalResult buildImage(mlir::ModuleOp module, ImageResult &result);

/// The ONNX number of an element type; 0 when there is none.
uint16_t onnxDataType(mlir::Type element);

} // namespace sinter

#endif // SINTER_CODEGEN_IMAGE_EXECTOIMAGE_H
