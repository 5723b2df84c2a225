// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The families of com.microsoft, each of a file of this folder.
#ifndef SINTER_COMPILER_IMPORT_CONTRIB_CONTRIB_H
#define SINTER_COMPILER_IMPORT_CONTRIB_CONTRIB_H

#include "compiler/import/OpTable.h"

namespace sinter::importer {

void addBlocks(OpTable &);
void addExperts(OpTable &);
void addFloatWeights(OpTable &);
void addGated(OpTable &);
void addOlder(OpTable &);
void addPadding(OpTable &);
void addDecoding(OpTable &);
void addPictures(OpTable &);
void addSparseAttention(OpTable &);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_CONTRIB_CONTRIB_H
