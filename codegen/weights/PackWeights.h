// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes packing recipes: the only place that reads the bytes of weights
// after import. Any range of a blob can be made alone, so that callers do it in
// parallel and a little at a time.

#ifndef SINTER_CODEGEN_WEIGHTS_PACKWEIGHTS_H
#define SINTER_CODEGEN_WEIGHTS_PACKWEIGHTS_H

#include "codegen/image/ExecToImage.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/JSON.h"
#include <string>

namespace sinter {

/// Writes bytes `begin` and on of the blob into `out`, whole elements and none
/// behind the blob's end. False with a sentence when the source has fewer bytes
/// than the recipe reads.
bool packWeight(const WeightBlob &blob, uint64_t begin,
                llvm::MutableArrayRef<char> out, std::string &error);

/// Lets go of the pages of the mapped model that the blob was packed from.
void releaseWeight(const WeightBlob &blob);

/// "pack": the strided copy itself, on bytes.
/// `source` has elements of `width` bytes; a read outside it is refused.
bool packBytes(llvm::ArrayRef<char> source, unsigned width,
               llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> strides,
               int64_t offset, llvm::ArrayRef<int64_t> limit, uint64_t begin,
               llvm::MutableArrayRef<char> out);

/// BLAKE3 of all weights, 64 hexadecimal digits: of the recipes and the bytes
/// that they read, so the same for the same blobs.
std::string weightsDigest(const ImageResult &result, unsigned jobs);

/// What `sinter repack` must prove again: one entry a computed weight, with the
/// recipe that its values came from.
llvm::json::Array factsOf(const ImageResult &result);

} // namespace sinter

#endif // SINTER_CODEGEN_WEIGHTS_PACKWEIGHTS_H
