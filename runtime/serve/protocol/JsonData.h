// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The "data" of a JSON tensor: flat, nested as the shape says, or flat from
// some dimension on. Ragged data never passes.
#ifndef SINTER_SERVE_PROTOCOL_JSONDATA_H
#define SINTER_SERVE_PROTOCOL_JSONDATA_H

#include "runtime/serve/protocol/Infer.h"

#include <simdjson.h>

namespace sinter::serve {

/// tensor.name, dtype and dims are set; fills data, bytes and owner. jsonBytes:
/// of the whole text, no tensor has more elements.
Status readJsonData(simdjson::ondemand::value value, size_t jsonBytes,
                    const InferLimits &limits, Tensor &tensor);

/// Appends the tensor's elements as a flat array.
Status writeJsonData(const Tensor &tensor, std::string &json);

/// Why simdjson refused what stands at a place.
Status jsonFault(const std::string &where, simdjson::error_code code);
/// "an object", "the number 1.5", ... for texts of faults.
std::string shown(simdjson::ondemand::value &value);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_JSONDATA_H
