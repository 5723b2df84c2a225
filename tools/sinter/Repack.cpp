// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter repack`: other weights in the same code. Compiles the new model with
// the options that the object's manifest holds, without making a kernel anew
// (they come from the cache), and refuses when anything but weights differs:
// a clip bound or a scale that became part of a kernel, another shape, another
// node. So whatever was proved of the old values is proved of the new ones.
#include "tools/sinter/Commands.h"

#include "compiler/pipeline/Pipeline.h"
#include "sinter/model.h"
#include "tools/sinter/Json.h"
#include "tools/sinter/Loadable.h"
#include "tools/sinter/RepackOptions.h"
#include "tools/sinter/Session.h"
#include "llvm/Support/FileSystem.h"

using namespace sinter;
namespace json = llvm::json;

// What the object says: its options, and where its weights lie.
static llvm::Error readObject(const Arguments &arguments,
                              CompileOptions &compile) {
  TemporaryFolder folder;
  auto loadable = makeLoadable(arguments.file, {}, folder);
  if (!loadable)
    return loadable.takeError();
  auto model = loadModel(loadable->soPath);
  if (!model)
    return model.takeError();
  compile.weightsInFile = !(*model)->weights && (*model)->weights_bytes;
  auto manifest = parseJson(manifestOf(*model));
  if (!manifest)
    return userError(ErrorCode::R001, "the object's manifest cannot be read: " +
                                          toString(manifest.takeError()));
  const json::Object *object = manifest->getAsObject();
  return readRepackOptions(object ? *object : json::Object(), compile);
}

static llvm::Error repack(const Arguments &arguments) {
  if (llvm::StringRef(arguments.file).ends_with(".onnx"))
    return userError(ErrorCode::U006,
                     "'" + arguments.file + "' is a model, not an object",
                     "Give what sinter compile wrote.");
  if (!llvm::sys::fs::is_regular_file(arguments.newModel))
    return userError(ErrorCode::U001, "'" + arguments.newModel +
                                          "' is not a file that can be read");
  CompileOptions compile = arguments.compile;
  if (llvm::Error error = readObject(arguments, compile))
    return error;
  compile.modelPath = arguments.newModel;
  if (compile.outputPath.empty())
    compile.outputPath = arguments.file;
  return compileModel(compile);
}

ExitCode sinter::runRepack(const Arguments &arguments) {
  return printError(arguments.file, repack(arguments));
}
