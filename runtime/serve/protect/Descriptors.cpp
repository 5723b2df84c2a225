// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/protect/Descriptors.h"

#include <algorithm>
#include <cerrno>
#include <sys/resource.h>

namespace sinter::serve {

bool isReservedDescriptor(int descriptor) {
  constexpr rlim_t fewest = 8, most = 64;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
    return false;
  rlim_t kept = std::clamp(limit.rlim_cur / 8, fewest, most);
  return rlim_t(descriptor) + kept >= limit.rlim_cur;
}

bool isOneConnectionsFault(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO ||
         error == EPERM;
}

} // namespace sinter::serve
