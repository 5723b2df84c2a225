// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The classification extension: instead of scores, the best k of each row as
// texts "score:index", the best first.
#ifndef SINTER_SERVE_PROTOCOL_CLASSIFICATION_H
#define SINTER_SERVE_PROTOCOL_CLASSIFICATION_H

#include "runtime/serve/engine/Request.h"

namespace sinter::serve {

/// scores: of any number type. batched: dimension 0 counts rows, else all
/// elements are one row. best is a BYTES tensor of [rows, k] or [k].
Status classify(const Tensor &scores, uint32_t k, bool batched, Tensor &best);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_CLASSIFICATION_H
