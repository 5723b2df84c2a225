// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an object is but for its weights: the program image and the kernels. Two
// compiles with equal hashes differ in weights only, so the weights of the one
// fit the code of the other: that is what `sinter repack` proves. A value of a
// weight that became part of a kernel or of the program shows here.
#ifndef SINTER_COMPILER_PIPELINE_PROGRAMHASH_H
#define SINTER_COMPILER_PIPELINE_PROGRAMHASH_H

#include "codegen/image/ExecToImage.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace sinter {

/// {"image": "16 digits", "kernels": ["16 digits", ...]}, a field of the
/// manifest.
llvm::json::Object programHash(const ImageResult &image,
                               const std::vector<std::string> &isas);

/// Fails where `expected`, the JSON text of an older compile, is another
/// program: names the first kernel that differs, with its nodes.
llvm::Error checkProgram(const std::string &expected,
                         const llvm::json::Object &found,
                         const ImageResult &image, mlir::ModuleOp module);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_PROGRAMHASH_H
