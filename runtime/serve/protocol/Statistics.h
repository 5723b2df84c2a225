// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The statistics extension as JSON. Every key is there, zeros included:
// perf_analyzer reads them all without asking whether they exist.
#ifndef SINTER_SERVE_PROTOCOL_STATISTICS_H
#define SINTER_SERVE_PROTOCOL_STATISTICS_H

#include "runtime/serve/engine/Description.h"

namespace sinter::serve {

std::string statisticsJson(const std::vector<ModelStatistics> &models);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_STATISTICS_H
