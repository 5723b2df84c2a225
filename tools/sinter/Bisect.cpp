// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter bisect`: the smallest part of a model that shows a deviation. Starts
// at the first tensor that deviates, cuts out its node with the evaluator's
// values as inputs, and adds the nodes before it, step by step, until the part
// alone deviates too. A kernel that is fused from several nodes needs them all.
#include "tools/sinter/Commands.h"

#include "compiler/report/TextFile.h"
#include "tools/sinter/Diff.h"
#include "tools/sinter/Loadable.h"
#include "tools/sinter/OnnxCut.h"
#include "tools/sinter/Reference.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;

// The node behind a row: a tap is called after its node, with "#2" when names
// repeat; an output of the model after its value.
static int64_t nodeOf(const OnnxCut &cut, llvm::StringRef tensor) {
  unsigned result = 0;
  if (int64_t maker = cut.makerOf(tensor, result); maker >= 0)
    return maker;
  if (int64_t node = cut.findNode(tensor); node >= 0)
    return node;
  return cut.findNode(tensor.rsplit('#').first);
}

// Values of the model as the evaluator computes them.
static llvm::Expected<std::vector<HostTensor>>
valuesOf(const OnnxCut &cut, const std::vector<std::string> &values,
         const CompileOptions &options,
         const std::vector<HostTensor> &modelInputs) {
  CompileOptions tapped = options;
  for (const std::string &value : values) {
    unsigned result = 0;
    int64_t maker = cut.makerOf(value, result);
    if (maker >= 0 &&
        !llvm::is_contained(tapped.taps, cut.nameOf(size_t(maker))))
      tapped.taps.push_back(cut.nameOf(size_t(maker)).str());
  }
  auto reference = EvaluatorReference::open(tapped);
  if (!reference)
    return reference.takeError();
  auto known = (*reference)->run(modelInputs, /*exact=*/false);
  if (!known)
    return known.takeError();
  llvm::append_range(*known, modelInputs);
  std::vector<HostTensor> found;
  for (const std::string &value : values) {
    unsigned result = 0;
    int64_t maker = cut.makerOf(value, result);
    std::string name = value;
    if (maker >= 0)
      name = cut.nameOf(size_t(maker)).str() +
             (result ? ":" + std::to_string(result) : "");
    auto at = llvm::find_if(*known, [&](const HostTensor &tensor) {
      return tensor.name == name || tensor.name == value;
    });
    if (at == known->end())
      return userError(ErrorCode::R003,
                       "the evaluator gave no value for '" + value + "'");
    found.push_back(*at);
    found.back().name = value;
  }
  return found;
}

namespace {

struct Part {
  std::string model;
  std::vector<HostTensor> inputs;
  size_t nodes = 0;
};

} // namespace

// Null when no part alone deviates.
static llvm::Expected<std::optional<Part>>
findPart(const Arguments &arguments, const OnnxCut &cut, size_t node,
         const std::vector<HostTensor> &modelInputs) {
  TemporaryFolder folder;
  CompileOptions plain = arguments.compile;
  plain.shapes.clear();
  plain.dims.clear();
  auto outputs =
      valuesOf(cut, cut.resultsOf(node), arguments.compile, modelInputs);
  if (!outputs)
    return outputs.takeError();
  size_t before = 0;
  for (unsigned depth = 0; depth < 1024; depth += 1 + depth / 2) {
    std::vector<size_t> cone = cut.coneOf(node, depth);
    if (cone.size() == before)
      break; // the whole of what the node needs
    before = cone.size();
    auto inputs =
        valuesOf(cut, cut.inputsOf(cone), arguments.compile, modelInputs);
    if (!inputs) { // shapes, say, that no operation computes: cut further up
      llvm::consumeError(inputs.takeError());
      continue;
    }
    std::string path = folder.file("part" + std::to_string(depth) + ".onnx");
    Part part{cut.write(cone, *inputs, *outputs), std::move(*inputs),
              cone.size()};
    if (llvm::Error error = writeTextFile(path, part.model))
      return std::move(error);
    auto result = diffModel(path, plain, arguments, &part.inputs);
    if (!result) { // the part alone is refused
      llvm::consumeError(result.takeError());
      continue;
    }
    if (llvm::any_of(result->rows,
                     [](const DiffRow &row) { return row.isWrong(); }))
      return std::optional<Part>(std::move(part));
  }
  return std::optional<Part>();
}

static llvm::Expected<bool> bisect(const Arguments &arguments) {
  auto buffer = llvm::MemoryBuffer::getFile(arguments.file, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return userError(ErrorCode::U001, "'" + arguments.file +
                                          "': " + buffer.getError().message());
  auto whole = diffModel(arguments.file, arguments.compile, arguments, nullptr);
  if (!whole)
    return whole.takeError();
  auto first = llvm::find_if(whole->rows,
                             [](const DiffRow &row) { return row.isWrong(); });
  if (first == whole->rows.end()) {
    llvm::outs() << arguments.file << ": no tensor deviates\n";
    return true;
  }
  llvm::outs() << "the first tensor that deviates: " << first->ours.output
               << "\n";
  auto cut = OnnxCut::open((*buffer)->getBuffer());
  if (!cut)
    return cut.takeError();
  int64_t node = nodeOf(*cut, first->ours.output);
  if (node < 0)
    return userError(ErrorCode::R003, "'" + first->ours.output +
                                          "' is no node of the main graph");
  auto part = findPart(arguments, *cut, size_t(node), whole->inputs);
  if (!part)
    return part.takeError();
  if (!*part) {
    llvm::outs() << "no part of the model alone shows it\n";
    return false;
  }
  llvm::SmallString<256> out(arguments.compile.outputPath);
  if (out.empty())
    out = (llvm::sys::path::stem(arguments.file) + "-part.onnx").str();
  if (llvm::Error error = writeTextFile(out.str().str(), (*part)->model))
    return std::move(error);
  llvm::SmallString<256> data(out);
  llvm::sys::path::replace_extension(data, ".npz");
  if (llvm::Error error = writeTensors(data.str().str(), (*part)->inputs))
    return std::move(error);
  llvm::outs() << (*part)->nodes << " of " << cut->size()
               << " nodes show it alone: " << out << "\nsinter diff " << out
               << " --inputs " << data << "\n";
  return false;
}

ExitCode sinter::runBisect(const Arguments &arguments) {
  auto isGood = bisect(arguments);
  if (!isGood)
    return printError(arguments.file, isGood.takeError());
  return *isGood ? ExitCode::Ok : ExitCode::Different;
}
