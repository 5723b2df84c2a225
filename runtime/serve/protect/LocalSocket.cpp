// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/protect/LocalSocket.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sinter::serve {

static bool isDead(const sockaddr_un &address) {
  struct stat info;
  if (lstat(address.sun_path, &info) || !S_ISSOCK(info.st_mode))
    return false;
  int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0)
    return false;
  bool refused = connect(probe, reinterpret_cast<const sockaddr *>(&address),
                         sizeof address) &&
                 errno == ECONNREFUSED;
  close(probe);
  return refused;
}

Status localAddress(const std::string &path, sockaddr_un &out) {
  out = {};
  if (path.empty() || path.size() >= sizeof out.sun_path)
    return {Code::invalid, "the path of a socket has 1 to " +
                               std::to_string(sizeof out.sun_path - 1) +
                               " bytes"};
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  if (isDead(out))
    unlink(out.sun_path);
  return {};
}

} // namespace sinter::serve
