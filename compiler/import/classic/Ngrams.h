// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TfIdfVectorizer, which the encoders bring into the table.
#ifndef SINTER_COMPILER_IMPORT_CLASSIC_NGRAMS_H
#define SINTER_COMPILER_IMPORT_CLASSIC_NGRAMS_H

#include "compiler/import/classic/Classes.h"

namespace sinter::importer {

void addNgrams(OpTable &table);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_CLASSIC_NGRAMS_H
