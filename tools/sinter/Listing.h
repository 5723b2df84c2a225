// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a model takes and gives, from its manifest, as lines for people.
#ifndef SINTER_TOOLS_SINTER_LISTING_H
#define SINTER_TOOLS_SINTER_LISTING_H

#include "llvm/Support/JSON.h"

namespace sinter {

/// Prints inputs, outputs and symbols, a line each, of a manifest or of what
/// `checkModel` describes.
void printInterface(const llvm::json::Object &model);

/// Prints the batch and the estimated costs of a manifest.
void printCosts(const llvm::json::Object &manifest);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_LISTING_H
