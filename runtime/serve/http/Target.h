// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The path of a request in parts, percent signs decoded.
#ifndef SINTER_SERVE_HTTP_TARGET_H
#define SINTER_SERVE_HTTP_TARGET_H

#include "runtime/serve/engine/Request.h"

#include <optional>
#include <string_view>

namespace sinter::serve {

/// "/v2/models/a%2Fb/infer?x=1" -> v2, models, a/b, infer. Nothing when a
/// sequence is malformed or hides a control character. One slash at the end is
/// ignored.
std::optional<std::vector<std::string>> splitTarget(std::string_view target);

/// "250ms", "1.5s", "80us"; a plain number is seconds. Nothing when it is none
/// of these.
std::optional<std::chrono::microseconds> parseTimeout(std::string_view text);

/// Inference-Header-Content-Length; nothing when it is no length.
std::optional<size_t> parseLength(std::string_view text);

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_TARGET_H
