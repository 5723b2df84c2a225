// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of few bits: how they lie in bytes, and how the scales of their
// blocks apply. Everything here is constant where the weights are.
#ifndef SINTER_COMPILER_IMPORT_CONTRIB_BLOCKS_H
#define SINTER_COMPILER_IMPORT_CONTRIB_BLOCKS_H

#include "compiler/import/Composer.h"

namespace sinter::importer {

/// Numbers of `bits` bits, the lowest of a byte first: [..., n] bytes as
/// [..., n * 8 / bits] bytes.
Composer::Name unpackBits(NodeImport &node, Composer &c,
                          const Composer::Name &bytes, int64_t bits);

/// (q - zero) * scale in `element`, where one zero and one scale stand for
/// `block` elements of `axis`, or, when 0, for as many as broadcasting says;
/// without a zero nothing is taken off.
Composer::Name scaleBlocks(NodeImport &node, Composer &c,
                           const Composer::Name &q, const Composer::Name &scale,
                           const Composer::Name &zero, int64_t axis,
                           int64_t block, mlir::Type element);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_CONTRIB_BLOCKS_H
