// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many threads a server should have, as the runtime counts CPUs: affinity
// and the quota of its container. The machine may have many more.
#ifndef SINTER_SERVE_ENGINE_CPUS_H
#define SINTER_SERVE_ENGINE_CPUS_H

#include <cstdint>

namespace sinter::serve {

uint32_t availableCpus();

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_CPUS_H
