// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two answers side by side, by the project's measure of error: the largest
// difference over the largest magnitude of what is expected. For golden vectors
// and for shadow traffic.
#ifndef SINTER_SERVE_ENGINE_COMPARE_H
#define SINTER_SERVE_ENGINE_COMPARE_H

#include "runtime/serve/engine/Request.h"

namespace sinter::serve {

/// Empty when they agree: same shape and type, floats within the tolerance, NaN
/// where NaN is expected, all else equal. Otherwise a sentence.
std::string compareTensors(const Tensor &found, const Tensor &expected,
                           double tolerance);

bool hasNan(const Tensor &tensor);

/// For input rules: the first element that is not finite, or outside [min,
/// max]. Returns false with its index and value.
bool elementsWithin(const Tensor &tensor, bool finite, bool ranged, double min,
                    double max, uint64_t &index, double &value);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_COMPARE_H
