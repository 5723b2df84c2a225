// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A figure without its machine says nothing: the line that stands beside all of
// them.
#ifndef SINTER_TOOLS_SINTER_MACHINE_H
#define SINTER_TOOLS_SINTER_MACHINE_H

#include <string>

namespace sinter {

/// "AMD EPYC 9R14, 2 CPUs, AVX-512": stands beside every measured figure.
std::string machineLine();

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_MACHINE_H
