// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `run`, `verify`, `bench` and `inspect` take a model or any form of an object;
// what they can load is a .so. The others become one in a temporary folder.
#ifndef SINTER_TOOLS_SINTER_LOADABLE_H
#define SINTER_TOOLS_SINTER_LOADABLE_H

#include "compiler/pipeline/CompileOptions.h"
#include "sinter/sinter.h"
#include "tools/sinter/TemporaryFolder.h"
#include <memory>
#include <string>

namespace sinter {

struct Loadable {
  std::string soPath;
  double compileSeconds = 0; // 0: it was compiled before
  uint64_t objectBytes = 0;
  bool fromModel = false;
};

/// For an object that only this process will run: without code for other
/// machines, unless it was asked for.
CompileOptions forThisHost(CompileOptions options);

/// MODEL.onnx is compiled, .o and .a are linked into `folder`, .so stays where
/// it is.
llvm::Expected<Loadable> makeLoadable(const std::string &file,
                                      const CompileOptions &options,
                                      const TemporaryFolder &folder);

struct UnloadModel {
  void operator()(const sinter_model *model) const { sinter_unload(model); }
};
/// An object in this process: to be looked at, not run.
using LoadedModel = std::unique_ptr<const sinter_model, UnloadModel>;

/// Fails with the runtime's sentence.
llvm::Expected<LoadedModel> loadModel(const std::string &soPath);

/// "" where the object carries none.
std::string manifestOf(const LoadedModel &model);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_LOADABLE_H
