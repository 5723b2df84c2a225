// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter run`: one run of a model or an object, outputs to a file or in short.
#include "tools/sinter/Commands.h"

#include "tools/sinter/Loadable.h"
#include "tools/sinter/Session.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace sinter;

// Inputs of --inputs, --input and --random; what none names is random when
// asked.
static llvm::Expected<std::vector<HostTensor>>
collectInputs(const Arguments &arguments, const Session &session) {
  std::vector<HostTensor> inputs;
  if (arguments.random) {
    auto random =
        session.randomInputs(*arguments.random, arguments.compile.shapes);
    if (!random)
      return random.takeError();
    inputs = std::move(*random);
  } else if (!arguments.inputs.empty()) {
    auto read = readTensors(arguments.inputs);
    if (!read)
      return read.takeError();
    inputs = std::move(*read);
  }
  for (const std::string &text : arguments.inputFiles) {
    auto [name, file] = llvm::StringRef(text).rsplit('=');
    auto tensor = readTensor(file.str(), name.str());
    if (!tensor)
      return tensor.takeError();
    llvm::erase_if(inputs, [&, n = name](const HostTensor &input) {
      return input.name == n;
    });
    inputs.push_back(std::move(*tensor));
  }
  if (inputs.empty() && !session.inputNames().empty())
    return userError(
        ErrorCode::R002, "no inputs were given",
        "give --inputs FILE.npz, --input NAME=FILE.npy or --random SEED");
  return inputs;
}

static void printShort(const HostTensor &tensor) {
  std::vector<double> values = asDoubles(tensor);
  llvm::outs() << tensor.name << ": " << dtypeName(tensor.dtype) << " "
               << shapeText(tensor.dims) << " [";
  bool isText = tensor.dtype == SINTER_STRING;
  std::vector<llvm::StringRef> texts;
  if (isText)
    texts = textsOf(tensor);
  for (size_t i = 0; isText && i < std::min<size_t>(texts.size(), 6); ++i)
    llvm::outs() << (i ? ", '" : "'") << texts[i] << "'";
  for (size_t i = 0; !isText && i < std::min<size_t>(values.size(), 6); ++i)
    llvm::outs() << (i ? ", " : "") << llvm::format("%.6g", values[i]);
  llvm::outs() << (values.size() > 6 ? ", ...]\n" : "]\n");
}

// An executable that `sinter compile` wrote reads and writes .npz files itself.
static llvm::Error runExecutable(const Arguments &arguments) {
  llvm::SmallString<256> program(arguments.file);
  llvm::sys::fs::make_absolute(program);
  std::string threads =
      std::to_string(arguments.threads ? arguments.threads : availableCpus());
  std::string problem;
  int status = llvm::sys::ExecuteAndWait(
      program,
      {program, arguments.inputs, arguments.outputs, "--threads", threads},
      std::nullopt, {}, 0, 0, &problem);
  if (status == 0)
    return llvm::Error::success();
  return userError(ErrorCode::R001,
                   "the program ended with status " + std::to_string(status) +
                       (problem.empty() ? "" : ": " + problem));
}

static bool isExecutable(llvm::StringRef file) {
  return !llvm::sys::path::filename(file).contains('.') &&
         llvm::sys::fs::can_execute(file);
}

static llvm::Error run(const Arguments &arguments) {
  if (!arguments.compile.taps.empty() &&
      !llvm::StringRef(arguments.file).ends_with(".onnx"))
    return userError(ErrorCode::U006,
                     "--tap needs the model: the object '" + arguments.file +
                         "' keeps no inner tensors",
                     "Give the .onnx file.");
  if (isExecutable(arguments.file) && !arguments.inputs.empty() &&
      !arguments.outputs.empty() && arguments.inputFiles.empty())
    return runExecutable(arguments);
  TemporaryFolder folder;
  auto loadable =
      makeLoadable(arguments.file, forThisHost(arguments.compile), folder);
  if (!loadable)
    return loadable.takeError();
  auto session =
      Session::open(loadable->soPath,
                    arguments.threads ? arguments.threads : availableCpus());
  if (!session)
    return session.takeError();
  auto inputs = collectInputs(arguments, **session);
  if (!inputs)
    return inputs.takeError();
  auto outputs = (*session)->run(*inputs);
  if (!outputs)
    return outputs.takeError();
  if (!arguments.outputs.empty())
    return writeTensors(arguments.outputs, *outputs);
  for (const HostTensor &output : *outputs)
    printShort(output);
  return llvm::Error::success();
}

ExitCode sinter::runRun(const Arguments &arguments) {
  return printError(arguments.file, run(arguments));
}
