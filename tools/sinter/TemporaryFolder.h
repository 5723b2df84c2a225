// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Objects that are made only to be loaded, bundles before they get their name,
// inputs for another engine: files that no one may find later, and that can be
// as large as the model. Ctrl-C and SIGTERM take them away too.
#ifndef SINTER_TOOLS_SINTER_TEMPORARYFOLDER_H
#define SINTER_TOOLS_SINTER_TEMPORARYFOLDER_H

#include <string>

namespace sinter {

/// A folder that goes away with its owner, or with the process.
class TemporaryFolder {
public:
  /// A new one where temporary files belong ($TMPDIR, /tmp). Where none can be
  /// made, whoever writes a file into it says so with its name.
  TemporaryFolder();
  /// One that exists; after a rename there is nothing left to remove.
  explicit TemporaryFolder(std::string folder);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  std::string file(const std::string &name) const {
    return folder + "/" + name;
  }

private:
  std::string folder;
  bool isMade = false;
};

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_TEMPORARYFOLDER_H
