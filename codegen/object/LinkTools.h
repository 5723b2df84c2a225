// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The linker as a child process, the folder its files live in, and the parts of
// the runtime that the compiler carries inside itself.

#ifndef SINTER_CODEGEN_OBJECT_LINKTOOLS_H
#define SINTER_CODEGEN_OBJECT_LINKTOOLS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// A hidden folder beside the output: on the same disk, so that a rename is all
/// it takes to finish. Removed, with all in it, unless files were moved out.
class WorkFolder {
public:
  static llvm::Expected<WorkFolder> beside(llvm::StringRef output);
  WorkFolder(WorkFolder &&other) : path(std::exchange(other.path, {})) {}
  WorkFolder &operator=(WorkFolder &&) = delete;
  ~WorkFolder();

  std::string file(llvm::StringRef name) const {
    return path + "/" + name.str();
  }
  llvm::Error write(llvm::StringRef name, llvm::StringRef bytes) const;
  /// Moves a file to its final name.
  llvm::Error publish(llvm::StringRef name, llvm::StringRef output) const;
  /// An error now when the disk has less room than that.
  llvm::Error reserve(uint64_t bytes) const;

private:
  explicit WorkFolder(std::string path) : path(std::move(path)) {}
  std::string path;
};

/// Where this system has what objects are linked with.
struct LinkPlaces {
  LinkPlaces();
  std::string linker; // looked for before ld.lld-22 and ld.lld on PATH
  std::vector<std::string> libraries; // folders of Scrt1.o and libc.so
};

llvm::Expected<std::string> findLinker(const LinkPlaces &places = {});

/// Runs ld.lld; its own words are in the error. Its output is `output`.
llvm::Error runLinker(const WorkFolder &folder, std::vector<std::string> args,
                      llvm::StringRef output);

/// Flags and inputs of a shared object, and of an executable whose main() runs
/// the model that `function` returns.
std::vector<std::string> sharedArgs();
llvm::Expected<std::vector<std::string>>
executableArgs(const WorkFolder &folder, llvm::StringRef function,
               const LinkPlaces &places = {});

/// The walker, libsinter.a and the main program, as files would have them.
llvm::StringRef embeddedWalker();
llvm::StringRef embeddedRuntime();
llvm::StringRef embeddedMain();

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_LINKTOOLS_H
