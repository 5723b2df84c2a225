// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The part of a model that is data, as relocatable ELF: descriptor, image,
// manifest, weights, and the function that returns the descriptor. Weights may
// be gigabytes: they never pass through LLVM or the linker. The data object has
// a section of their size in their place that takes no room in the file, as
// .bss does; when everything is joined, or linked, room is made in the file and
// the functions that pack weights write there.

#ifndef SINTER_CODEGEN_OBJECT_DATAOBJECT_H
#define SINTER_CODEGEN_OBJECT_DATAOBJECT_H

#include "codegen/object/ObjectWriter.h"

namespace sinter {

using WeightsId = std::array<uint8_t, 32>;

/// Writes the object, without the weights. With inputs.weightsInFile the
/// descriptor has no pointer to weights but `id`, their identity. What will be
/// linked by us calls the section of weights by a name that ld.lld leaves
/// alone.
llvm::Error writeDataObject(const ObjectInputs &inputs, const WeightsId &id,
                            bool willBeLinked, llvm::StringRef path);

/// Moves the section of weights behind the end of the joined object, and says
/// where that is.
llvm::Expected<uint64_t> placeWeights(const ObjectInputs &inputs,
                                      llvm::StringRef path);

/// Writes the weights from `start` on, behind the end of the file.
llvm::Error appendWeights(const ObjectInputs &inputs, llvm::StringRef path,
                          uint64_t start);

/// Puts the weights into a linked .so or executable.
llvm::Error insertWeights(const ObjectInputs &inputs, llvm::StringRef path);

/// Writes the .weights file and returns its identity.
llvm::Expected<WeightsId> writeWeightsFile(const ObjectInputs &inputs,
                                           llvm::StringRef path);

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_DATAOBJECT_H
