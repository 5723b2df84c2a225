// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts in their two forms: BYTES as the wire has them, for each element a u32
// length and its bytes, and the records of the C API (sinter_text). Requests
// and answers travel in the first form, which owns what it says; a run takes
// and gives the second, whose texts lie in requests, perhaps of other clients,
// and are copied before those go.
#ifndef SINTER_SERVE_ENGINE_TEXTS_H
#define SINTER_SERVE_ENGINE_TEXTS_H

#include "runtime/serve/engine/Request.h"

#include <optional>

namespace sinter::serve {

/// How many texts the bytes are, when they are nothing else.
std::optional<uint64_t> countTexts(const std::byte *wire, size_t bytes);
/// Records of texts [first, first + count) of `wire`, which has so many, behind
/// what `records` holds. They point into the wire.
void appendRecords(const Tensor &wire, uint64_t first, uint64_t count,
                   std::vector<std::byte> &records);
/// `count` records as wire, set as the bytes of `to`; false beyond `limit`
/// bytes.
bool setWire(const std::byte *records, uint64_t count, uint64_t limit,
             Tensor &to);
/// `count` texts: those of `sample` over and over, or empty ones.
void repeatTexts(const Tensor &sample, uint64_t count, Tensor &to);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_TEXTS_H
