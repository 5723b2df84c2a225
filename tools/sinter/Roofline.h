// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter bench --roofline`: each launch's time beside what this machine could
// do, multiply-adds or bytes, whichever bounds it. Sorted by time, so that the
// first line is what to look at.
#ifndef SINTER_TOOLS_SINTER_ROOFLINE_H
#define SINTER_TOOLS_SINTER_ROOFLINE_H

#include "tools/sinter/Session.h"

namespace sinter {

/// Runs the model for about `seconds` and prints the table.
llvm::Error printRoofline(Session &session,
                          const std::vector<HostTensor> &inputs,
                          unsigned threads, double seconds);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_ROOFLINE_H
