// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter diff`: which kernel goes wrong first. The model is compiled with
// every tensor that a kernel writes as an output, run once, and compared tensor
// by tensor with the reference evaluator on the same graph, in the order of the
// program. Limits are those of verify: 4 times the error of plain fp32. What
// follows a wrong tensor is wrong too, so the first rows count.
#include "tools/sinter/Diff.h"

#include "tools/sinter/Commands.h"
#include "tools/sinter/Loadable.h"
#include "tools/sinter/Reference.h"
#include "tools/sinter/Session.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace sinter;
namespace json = llvm::json;

// In the order of the program: inner tensors first, then the model's outputs.
static std::vector<DiffRow> compareAll(std::vector<HostTensor> ours,
                                       std::vector<HostTensor> plain,
                                       std::vector<HostTensor> exact,
                                       size_t modelOutputs,
                                       std::optional<double> tolerance) {
  for (auto *list : {&ours, &plain, &exact})
    std::rotate(list->begin(),
                list->begin() + std::min(modelOutputs, list->size()),
                list->end());
  std::vector<Difference> found = differences(ours, exact),
                          fp32 = differences(plain, exact);
  std::vector<DiffRow> rows;
  for (size_t i = 0; i < found.size(); ++i) {
    double plainError = i < fp32.size() ? fp32[i].error : 0;
    rows.push_back({found[i], plainError, exact[i].dims,
                    tolerance.value_or(std::max(4 * plainError, 1e-6))});
  }
  return rows;
}

llvm::Expected<DiffResult>
sinter::diffModel(const std::string &file, CompileOptions options,
                  const Arguments &arguments,
                  const std::vector<HostTensor> *given) {
  TemporaryFolder folder;
  options.modelPath = file;
  options.tapAll = true;
  auto loadable = makeLoadable(file, forThisHost(options), folder);
  if (!loadable)
    return loadable.takeError();
  if (!loadable->fromModel)
    return userError(ErrorCode::U006, "'" + file + "' is no .onnx file",
                     "Give the model: an object keeps no inner tensors.");
  auto session =
      Session::open(loadable->soPath,
                    arguments.threads ? arguments.threads : availableCpus());
  if (!session)
    return session.takeError();
  llvm::Expected<std::vector<HostTensor>> inputs =
      given ? *given
      : arguments.inputs.empty()
          ? (*session)->randomInputs(arguments.random.value_or(1),
                                     options.shapes)
          : readTensors(arguments.inputs);
  if (!inputs)
    return inputs.takeError();
  auto reference = EvaluatorReference::open(options);
  if (!reference)
    return reference.takeError();
  auto ours = (*session)->run(*inputs);
  if (!ours)
    return ours.takeError();
  auto plain = (*reference)->run(*inputs, /*exact=*/false);
  if (!plain)
    return plain.takeError();
  auto exact = (*reference)->run(*inputs, /*exact=*/true);
  if (!exact)
    return exact.takeError();
  DiffResult result;
  result.rows =
      compareAll(std::move(*ours), std::move(*plain), std::move(*exact),
                 (*reference)->modelOutputs(), arguments.tolerance);
  result.inputs = std::move(*inputs);
  return result;
}

static json::Object describe(size_t position, const DiffRow &row) {
  json::Object object{{"position", int64_t(position)},
                      {"tensor", json::fixUTF8(row.ours.output)},
                      {"shape", json::Array(row.dims)},
                      {"plain_error", jsonNumber(row.plain)},
                      {"limit", jsonNumber(row.limit)},
                      {"element", int64_t(row.ours.element)},
                      {"found", jsonNumber(row.ours.found)},
                      {"expected", jsonNumber(row.ours.expected)},
                      {"problem", json::fixUTF8(row.ours.problem)}};
  object["error"] = jsonNumber(row.ours.error);
  return object;
}

static void printRows(const Arguments &arguments,
                      const std::vector<DiffRow> &rows) {
  constexpr size_t most = 10;
  size_t wrong = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const DiffRow &row = rows[i];
    if (!row.isWrong() && !arguments.compile.verbose)
      continue;
    wrong += row.isWrong();
    if (row.isWrong() && wrong > most)
      continue;
    if (wrong == 1 || i == 0)
      llvm::outs() << llvm::formatv("{0,4} {1,10} {2,10} {3,-16} tensor\n", "#",
                                    "error", "limit", "shape");
    llvm::outs() << llvm::formatv("{0,4} {1,10:E2} {2,10:E2} {3,-16} {4}", i,
                                  row.ours.error, row.limit,
                                  shapeText(row.dims), row.ours.output);
    if (!row.ours.problem.empty())
      llvm::outs() << ": " << row.ours.problem;
    else if (row.isWrong())
      llvm::outs() << ": element " << row.ours.element << " is "
                   << llvm::format("%.9g", row.ours.found) << ", expected "
                   << llvm::format("%.9g", row.ours.expected);
    llvm::outs() << "\n";
  }
  if (wrong > most)
    llvm::outs() << "and " << wrong - most << " more\n";
  llvm::outs() << arguments.file << ": " << wrong << " of " << rows.size()
               << " tensors deviate\n";
}

ExitCode sinter::runDiff(const Arguments &arguments) {
  auto result =
      diffModel(arguments.file, arguments.compile, arguments, nullptr);
  if (!result)
    return printError(arguments.file, result.takeError());
  bool isWrong = false;
  json::Array list;
  for (size_t i = 0; i < result->rows.size(); ++i) {
    isWrong |= result->rows[i].isWrong();
    if (result->rows[i].isWrong())
      list.push_back(describe(i, result->rows[i]));
  }
  if (arguments.json)
    llvm::outs() << llvm::formatv(
        "{0:2}\n",
        json::Value(json::Object{{"tensors", int64_t(result->rows.size())},
                                 {"deviating", std::move(list)}}));
  else
    printRows(arguments, result->rows);
  return isWrong ? ExitCode::Different : ExitCode::Ok;
}
