// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the part of a model that is data as a relocatable ELF file: descriptor,
// image, manifest, weights, and the function that returns the descriptor. Plain
// ELF because weights may be gigabytes: they are written where they will lie, by
// the functions that pack them, and never pass through LLVM.

#ifndef SINTER_CODEGEN_OBJECT_DATAOBJECT_H
#define SINTER_CODEGEN_OBJECT_DATAOBJECT_H

#include "codegen/object/ObjectWriter.h"

namespace sinter {

/// Fills the pieces into `blob`, inputs.jobs at a time.
llvm::Error fillWeights(const ObjectInputs &inputs, llvm::MutableArrayRef<char> blob);

/// Identity of the weights, for objects whose weights are in a file.
using WeightsId = std::array<uint8_t, 32>;

/// Writes the object. With inputs.weightsInFile the descriptor has no pointer to
/// weights but `id`.
llvm::Error writeDataObject(const ObjectInputs &inputs, const WeightsId &id,
                            llvm::StringRef path);

/// Writes the .weights file and returns its identity.
llvm::Expected<WeightsId> writeWeightsFile(const ObjectInputs &inputs, llvm::StringRef path);

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_DATAOBJECT_H
