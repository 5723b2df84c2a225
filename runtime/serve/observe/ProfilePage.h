// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// /debug/profile: which operators the time of live traffic goes to, as a page
// drawn on the server, and as JSON.
#ifndef SINTER_SERVE_OBSERVE_PROFILEPAGE_H
#define SINTER_SERVE_OBSERVE_PROFILEPAGE_H

#include "runtime/serve/engine/Description.h"

namespace sinter::serve {

std::string profilePage(const std::vector<ModelProfile> &models);
std::string profileJson(const std::vector<ModelProfile> &models);

} // namespace sinter::serve

#endif // SINTER_SERVE_OBSERVE_PROFILEPAGE_H
