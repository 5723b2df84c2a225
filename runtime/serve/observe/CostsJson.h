// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// /costs.json: what runs and wakes took here, for `--simulate-costs`. The keys
// are those of a manifest's costs; `runs` and `wakes` are pairs of microseconds
// and how often.
#ifndef SINTER_SERVE_OBSERVE_COSTSJSON_H
#define SINTER_SERVE_OBSERVE_COSTSJSON_H

#include "runtime/serve/engine/Description.h"

namespace sinter::serve {

std::string costsJson(const std::vector<ModelCosts> &models);

} // namespace sinter::serve

#endif // SINTER_SERVE_OBSERVE_COSTSJSON_H
