// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the server gets from the compiler: the parts of a bundle, and the file
// that is server and bundle in one (runtime/serve/bundle has the forms).
#ifndef SINTER_TOOLS_SINTER_SERVEFILE_H
#define SINTER_TOOLS_SINTER_SERVEFILE_H

#include "compiler/pipeline/CompileOptions.h"
#include "runtime/serve/bundle/Archive.h"
#include "tools/sinter/Loadable.h"

namespace sinter {

/// Members of a bundle in order; the object stays a file in `folder`, open.
class BundleParts {
public:
  BundleParts() = default;
  BundleParts(BundleParts &&other) noexcept { *this = std::move(other); }
  BundleParts &operator=(BundleParts &&other) noexcept;
  ~BundleParts();

  std::vector<serve::NewMember> members;
};

/// Compiles the model and evaluates its golden vectors. name: what the server
/// will call it.
llvm::Expected<BundleParts> makeBundle(const CompileOptions &options,
                                       const std::string &name, bool golden,
                                       const TemporaryFolder &folder);

/// `sinter-server`, which lies beside `sinter`.
llvm::Expected<std::string> findServer();

/// Writes a file that appears when it is complete, or not at all. write gets an
/// open descriptor; mode is that of open(2).
llvm::Error writeWhole(const std::string &path, unsigned mode,
                       llvm::function_ref<serve::Status(int file)> write);

/// `compile -o X.serve`: executable and bundle in one file.
llvm::Error writeServeFile(const CompileOptions &options, bool golden);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_SERVEFILE_H
