// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --watch: a version that is renamed into its model's folder is loaded. Only a
// finished rename counts: what is copied in file by file would be read half
// done.
#ifndef SINTER_SERVE_MAIN_WATCH_H
#define SINTER_SERVE_MAIN_WATCH_H

#include "runtime/serve/engine/Bundle.h"

#include <map>
#include <thread>

namespace sinter::serve {

class Watch {
public:
  /// load is called with a model's name, on the watcher's thread.
  Watch(std::string repository, std::function<void(const std::string &)> load);
  ~Watch();
  Status start();

private:
  void run();
  bool follow(const std::string &model);

  const std::string repository;
  const std::function<void(const std::string &)> load;
  int events = -1, stop = -1;
  std::map<int, std::string> models; ///< watch -> model; "" is the repository
  std::thread thread;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_MAIN_WATCH_H
