// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Cpus.h"

#include "sinter/sinter.h"

namespace sinter::serve {

// The C API says it by the width of a pool.
uint32_t availableCpus() {
  sinter_host pool = {};
  if (sinter_pool_create(0, 0, &pool))
    return 1;
  uint32_t width = pool.width;
  sinter_pool_destroy(&pool);
  return width;
}

} // namespace sinter::serve
