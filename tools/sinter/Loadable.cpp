// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models and objects of every form become a .so.
#include "tools/sinter/Loadable.h"

#include "codegen/object/ObjectWriter.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/report/UserError.h"
#include "dialects/target/Target.h"
#include "tools/sinter/ElfFlag.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <chrono>

using namespace sinter;
namespace fs = llvm::sys::fs;

static llvm::Error copyExecutable(const std::string &file,
                                  const std::string &soPath) {
  auto buffer = llvm::WritableMemoryBuffer::getFile(file);
  if (!buffer)
    return userError(ErrorCode::U001,
                     "'" + file + "': " + buffer.getError().message());
  if (!clearExecutableFlag(
          {(*buffer)->getBufferStart(), (*buffer)->getBufferSize()}))
    return userError(
        ErrorCode::U006, "'" + file + "' is neither a model nor an object",
        "give a .onnx file, or what sinter compile wrote: a .so, .o, .a or "
        "an executable");
  std::error_code code;
  llvm::raw_fd_ostream out(soPath, code);
  if (!code)
    out.write((*buffer)->getBufferStart(), (*buffer)->getBufferSize());
  out.close();
  if (!code)
    code = out.error();
  out.clear_error();
  return code
             ? userError(ErrorCode::O010, "'" + soPath + "': " + code.message())
             : llvm::Error::success();
}

// A temporary object finds the weights that lie beside the original.
static void linkWeights(const std::string &file,
                        const TemporaryFolder &folder) {
  llvm::SmallString<256> weights(file);
  llvm::sys::path::replace_extension(weights, ".weights");
  if (fs::make_absolute(weights) || !fs::exists(weights))
    return;
  (void)fs::create_link(weights, folder.file("linked.weights"));
}

CompileOptions sinter::forThisHost(CompileOptions options) {
  const cpu::Target *host = cpu::hostTarget();
  if (options.isas.empty() && host)
    options.isas.push_back(host->isa.str());
  return options;
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
    linkWeights(file, folder);
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
    result.soPath = folder.file("linked.so");
    if (llvm::Error error = copyExecutable(file, result.soPath))
      return std::move(error);
    linkWeights(file, folder);
  }
  if (fs::file_size(result.fromModel || !name.ends_with(".so") ? result.soPath
                                                               : file,
                    result.objectBytes))
    result.objectBytes = 0;
  return result;
}

llvm::Expected<LoadedModel> sinter::loadModel(const std::string &soPath) {
  sinter_error error{};
  const sinter_model *model = nullptr;
  if (sinter_load(soPath.c_str(), nullptr, &model, &error) != SINTER_OK) {
    char text[512];
    sinter_error_text(nullptr, &error, text, sizeof text);
    return userError(ErrorCode::R001, text);
  }
  return LoadedModel(model);
}

std::string sinter::manifestOf(const LoadedModel &model) {
  const char *text = sinter_manifest(model.get());
  return text ? text : "";
}
