// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a measured schedule is found by: the text of a kernel, without what does
// not change its code.

#ifndef SINTER_PASSES_SCHEDULE_SCHEDULEKEY_H
#define SINTER_PASSES_SCHEDULE_SCHEDULEKEY_H

#include "dialects/kernel/KernelOps.h"

namespace sinter::schedule {

/// The hash of a define without its name, locations and schedule: 32
/// hexadecimal digits.
std::string scheduleKey(kernel::DefineOp define);

} // namespace sinter::schedule

#endif // SINTER_PASSES_SCHEDULE_SCHEDULEKEY_H
