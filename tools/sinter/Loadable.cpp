// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models and objects of every form become a .so.
#include "tools/sinter/Loadable.h"

#include "codegen/object/ObjectWriter.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/report/UserError.h"
#include "llvm/Support/FileSystem.h"
#include <chrono>

using namespace sinter;
namespace fs = llvm::sys::fs;

TemporaryFolder::TemporaryFolder() {
  llvm::SmallString<128> path;
  if (!fs::createUniqueDirectory("sinter", path))
    folder = path.str().str();
}

TemporaryFolder::~TemporaryFolder() {
  if (!folder.empty())
    fs::remove_directories(folder);
}

llvm::Expected<Loadable> sinter::makeLoadable(const std::string &file,
                                              const CompileOptions &options,
                                              const TemporaryFolder &folder) {
  Loadable result;
  llvm::StringRef name(file);
  if (!fs::is_regular_file(file))
    return userError(ErrorCode::U001,
                     "'" + file + "' is not a file that can be read");
  if (name.ends_with(".o") || name.ends_with(".a")) {
    result.soPath = folder.file("linked.so");
    if (llvm::Error error = linkShared(file, result.soPath))
      return std::move(error);
  } else if (name.ends_with(".so")) {
    result.soPath = file;
  } else if (name.ends_with(".onnx")) {
    CompileOptions compile = options;
    compile.modelPath = file;
    compile.outputPath = result.soPath = folder.file("model.so");
    auto begin = std::chrono::steady_clock::now();
    if (llvm::Error error = compileModel(compile))
      return std::move(error);
    result.compileSeconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
    result.fromModel = true;
  } else {
    return userError(
        ErrorCode::U006, "'" + file + "' is neither a model nor an object",
        "give a .onnx file, or a .so, .o or .a that sinter compile wrote");
  }
  if (fs::file_size(result.fromModel || !name.ends_with(".so") ? result.soPath
                                                               : file,
                    result.objectBytes))
    result.objectBytes = 0;
  return result;
}
