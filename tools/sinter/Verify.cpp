// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter verify`: compiles a model, runs the object on several inputs and
// judges the outputs (docs/rfcs, numeric contract):
//
//   evaluator    at most 4 times the error that plain fp32 has, both measured
//                against float64 to the end, each the worst of the seeds;
//                errors below 1e-6 always pass
//   onnxruntime  within 1e-4; the values of a sigmoid within 2^-22, for ONNX
//                Runtime's own have no more digits; what is rounded to f16,
//                bf16 or 8 bits on its way within 4 times the error of that
//                rounding, or one step of it; of ONNX Runtime or of ONNX
//                Runtime without its optimiser
//   --data       the stored outputs, within 1e-4
//
// A case is one set of inputs: a seed for each shape, a folder, or --inputs.
// Cases that differ in their seed alone form a group.
// What we refuse to run passes only when ONNX Runtime refuses it too; where
// every output is NaN on both sides nothing was compared, and nothing passes.
#include "tools/sinter/Commands.h"

#include "tools/sinter/Compare.h"
#include "tools/sinter/Loadable.h"
#include "tools/sinter/Peer.h"
#include "tools/sinter/Reference.h"
#include "tools/sinter/Session.h"
#include "tools/sinter/VerifyReport.h"
#include "llvm/ADT/MapVector.h"
#include <algorithm>
#include <csignal>
#include <map>

using namespace sinter;

namespace {

struct Case {
  std::string group, name;
  std::vector<HostTensor> inputs, stored; // stored: outputs of --data
};

/// Of one output over a group of cases: our worst error, and plain fp32's.
struct Measured {
  std::string group;
  Difference ours;
  double plain = 0;
  unsigned cases = 0;
};

/// float64 to the end, and how far plain fp32 is from it.
struct Evaluated {
  std::vector<HostTensor> exact;
  std::vector<Difference> errors;
};

class Verify {
public:
  explicit Verify(const Arguments &arguments) : arguments(arguments) {}
  llvm::Expected<bool> run();

private:
  bool isAgainst(const char *name) const {
    return llvm::is_contained(arguments.against, name);
  }
  llvm::Error makeCases();
  llvm::Error check(const Case &one);
  llvm::Error checkEvaluator(const Case &one,
                             const std::vector<HostTensor> &ours);
  llvm::Error checkRuntime(const Case &one,
                           const std::vector<HostTensor> &ours);
  llvm::Expected<Verdict> judgeRuntime(const Case &one,
                                       const std::vector<HostTensor> &ours,
                                       const char *engine);
  llvm::Error checkRefusal(const Case &one, llvm::Error ours);
  void add(const std::string &name, const char *reference,
           const Difference &difference, double limit);
  void judgeMeasured();
  llvm::Error openEvaluator();
  llvm::Expected<Evaluated> evaluate(const Case &one);
  llvm::Expected<double> runtimeLimitOf(const Case &one,
                                        const Difference &difference);

  const Arguments &arguments;
  TemporaryFolder folder;
  std::unique_ptr<Session> session;
  std::unique_ptr<EvaluatorReference> evaluator;
  bool isMeasured = false; // against the evaluator
  std::vector<Case> cases;
  std::map<std::string, Measured> measured; // by group and output
  std::vector<Verdict> verdicts;
  Evidence evidence;
};

} // namespace

static constexpr double plainFactor = 4, floorError = 1e-6, runtimeLimit = 1e-4,
                        runtimeSigmoid = 0x1p-22;

// --shape may be repeated for one input: the k-th gives the k-th case.
static std::vector<std::vector<ShapeOption>>
shapeCases(const std::vector<ShapeOption> &shapes) {
  llvm::MapVector<llvm::StringRef, std::vector<ShapeOption>> byInput;
  size_t count = 1;
  for (const ShapeOption &shape : shapes) {
    auto &list = byInput[shape.input];
    list.push_back(shape);
    count = std::max(count, list.size());
  }
  std::vector<std::vector<ShapeOption>> result(count);
  for (size_t i = 0; i < count; ++i)
    for (auto &[input, list] : byInput)
      result[i].push_back(list[std::min(i, list.size() - 1)]);
  return result;
}

llvm::Error Verify::makeCases() {
  if (!arguments.inputs.empty()) {
    auto read = readTensors(arguments.inputs);
    if (!read)
      return read.takeError();
    cases.push_back({arguments.inputs, arguments.inputs, std::move(*read), {}});
    return llvm::Error::success();
  }
  for (const std::string &path : arguments.data) {
    auto data =
        readDataSet(path, session->inputNames(), session->outputNames());
    if (!data)
      return data.takeError();
    cases.push_back(
        {path, path, std::move(data->inputs), std::move(data->outputs)});
  }
  if (!cases.empty())
    return llvm::Error::success();
  for (const auto &shapes : shapeCases(arguments.compile.shapes))
    for (unsigned seed = 1; seed <= arguments.seeds; ++seed) {
      auto inputs = session->randomInputs(seed, shapes);
      if (!inputs)
        return inputs.takeError();
      std::string name;
      for (const HostTensor &input : *inputs)
        name += (name.empty() ? "" : " ") + shapeText(input.dims);
      cases.push_back({name,
                       name + " seed " + std::to_string(seed),
                       std::move(*inputs),
                       {}});
    }
  return llvm::Error::success();
}

void Verify::add(const std::string &name, const char *reference,
                 const Difference &difference, double limit) {
  verdicts.push_back(
      {name, reference, difference, arguments.tolerance.value_or(limit)});
}

llvm::Expected<Evaluated> Verify::evaluate(const Case &one) {
  auto exact = evaluator->run(one.inputs, /*exact=*/true);
  if (!exact)
    return exact.takeError();
  auto plain = evaluator->run(one.inputs, /*exact=*/false);
  if (!plain)
    return plain.takeError();
  std::vector<Difference> errors = differences(*plain, *exact);
  return Evaluated{std::move(*exact), std::move(errors)};
}

llvm::Error Verify::checkEvaluator(const Case &one,
                                   const std::vector<HostTensor> &ours) {
  auto evaluated = evaluate(one);
  if (!evaluated)
    return evaluated.takeError();
  std::vector<Difference> ourErrors = differences(ours, evaluated->exact);
  for (size_t i = 0; i < ourErrors.size(); ++i) {
    Measured &so = measured[one.group + "\n" + ourErrors[i].output];
    so.group = one.group;
    if (!so.cases++ || ourErrors[i].error > so.ours.error)
      so.ours = ourErrors[i];
    so.plain = std::max(so.plain, evaluated->errors[i].error);
  }
  return llvm::Error::success();
}

void Verify::judgeMeasured() {
  for (auto &[key, so] : measured) {
    std::string name = so.group;
    if (so.cases > 1)
      name += " worst of " + std::to_string(so.cases);
    if (measured.size() > 1)
      name += " '" + so.ours.output + "'";
    add(name, "evaluator", so.ours,
        std::max(
            {floorError, evaluator->resolution(), plainFactor * so.plain}));
  }
}

llvm::Error Verify::openEvaluator() {
  if (evaluator)
    return llvm::Error::success();
  CompileOptions options = arguments.compile;
  options.shapes.clear();
  options.modelPath = arguments.file;
  auto reference = EvaluatorReference::open(options);
  if (!reference)
    return reference.takeError();
  evaluator = std::move(*reference);
  return llvm::Error::success();
}

// What is too far is looked at again: it may be the value of a sigmoid, or
// have been rounded to halves or to 8 bits on its way, where a step to this
// side or that is a matter of the last bit of a sum.
llvm::Expected<double> Verify::runtimeLimitOf(const Case &one,
                                              const Difference &difference) {
  if (difference.error <= runtimeLimit || !difference.problem.empty())
    return runtimeLimit;
  if (llvm::Error error = openEvaluator())
    return error;
  double limit = std::max(runtimeLimit, evaluator->resolution());
  if (evaluator->resolution() == 0 &&
      difference.error * difference.magnitude <= runtimeSigmoid &&
      llvm::is_contained(evaluator->sigmoidOutputs(), difference.output))
    return runtimeSigmoid / difference.magnitude;
  if (evaluator->resolution() == 0 || difference.error <= limit)
    return limit;
  auto evaluated = evaluate(one);
  if (!evaluated)
    return evaluated.takeError();
  for (const Difference &rounding : evaluated->errors)
    if (rounding.output == difference.output)
      return std::max(limit, plainFactor * rounding.error);
  return limit;
}

llvm::Expected<Verdict>
Verify::judgeRuntime(const Case &one, const std::vector<HostTensor> &ours,
                     const char *engine) {
  auto python = findPython(arguments.python);
  if (!python)
    return python.takeError();
  std::string inputs = folder.file("in.npz"), outputs = folder.file("out.npz");
  if (llvm::Error error = writeTensors(inputs, one.inputs))
    return error;
  Peer peer("onnxruntime",
            pythonEngine(*python, engine, arguments.file, inputs, outputs,
                         availableCpus()),
            true);
  if (llvm::Error error = peer.start())
    return error;
  peer.finish(); // ends the process: its outputs are complete then
  auto theirs = readTensors(outputs);
  if (!theirs)
    return theirs.takeError();
  Verdict worst{one.name, "onnxruntime", {}, runtimeLimit};
  for (const Difference &difference : differences(ours, *theirs)) {
    auto limit = runtimeLimitOf(one, difference);
    if (!limit)
      return limit.takeError();
    if (worst.difference.output.empty() ||
        difference.error / *limit > worst.difference.error / worst.limit) {
      worst.difference = difference;
      worst.limit = *limit;
    }
  }
  return worst;
}

// Its optimiser moves the roundings of a coarse model, and what it merges may
// mean something else: zeros of a Pad become no elements of a MaxPool. What is
// too far is compared with the model as it is written, too.
llvm::Error Verify::checkRuntime(const Case &one,
                                 const std::vector<HostTensor> &ours) {
  auto verdict = judgeRuntime(one, ours, "onnxruntime");
  if (!verdict)
    return verdict.takeError();
  if (!verdict->passed()) {
    auto asWritten = judgeRuntime(one, ours, "onnxruntime-as-written");
    if (!asWritten)
      return asWritten.takeError();
    if (asWritten->passed()) {
      verdict = std::move(asWritten);
      verdict->caseName += ", not optimised by it";
    }
  }
  add(verdict->caseName, "onnxruntime", verdict->difference, verdict->limit);
  return llvm::Error::success();
}

// Inputs that we refuse must be refused by the other runtime too.
llvm::Error Verify::checkRefusal(const Case &one, llvm::Error ours) {
  llvm::Error theirs = checkRuntime(one, {});
  if (!theirs) // it ran: ours is the only refusal
    return ours;
  verdicts.push_back({one.name + " refused by both", "onnxruntime", {}, 0});
  llvm::consumeError(std::move(theirs));
  llvm::consumeError(std::move(ours));
  return llvm::Error::success();
}

llvm::Error Verify::check(const Case &one) {
  auto ours = session->run(one.inputs);
  if (!ours)
    return isAgainst("onnxruntime") ? checkRefusal(one, ours.takeError())
                                    : ours.takeError();
  evidence.add(*ours);
  if (!one.stored.empty())
    add(one.name, "stored", largestError(*ours, one.stored), runtimeLimit);
  if (isAgainst("onnxruntime"))
    if (llvm::Error error = checkRuntime(one, *ours))
      return error;
  if (isMeasured)
    return checkEvaluator(one, *ours);
  return llvm::Error::success();
}

llvm::Expected<bool> Verify::run() {
  signal(SIGPIPE, SIG_IGN);
  // A dynamic model stays dynamic: --shape chooses inputs, never what is
  // compiled.
  CompileOptions compile = arguments.compile;
  compile.shapes.clear();
  auto loadable = makeLoadable(arguments.file, forThisHost(compile), folder);
  if (!loadable)
    return loadable.takeError();
  if (!loadable->fromModel)
    return userError(ErrorCode::U006,
                     "'" + arguments.file + "' is an object, not a model",
                     "Give the .onnx file that it was compiled from.");
  auto opened =
      Session::open(loadable->soPath,
                    arguments.threads ? arguments.threads : availableCpus());
  if (!opened)
    return opened.takeError();
  session = std::move(*opened);
  isMeasured = isAgainst("evaluator") ||
               (arguments.against.empty() && arguments.data.empty());
  if (isMeasured)
    if (llvm::Error error = openEvaluator())
      return std::move(error);
  if (llvm::Error error = makeCases())
    return std::move(error);
  for (const Case &one : cases)
    if (llvm::Error error = check(one))
      return std::move(error);
  signal(SIGPIPE, SIG_DFL);
  judgeMeasured();
  return reportVerdicts(arguments, verdicts, evidence);
}

ExitCode sinter::runVerify(const Arguments &arguments) {
  auto passed = Verify(arguments).run();
  if (!passed)
    return printError(arguments.file, passed.takeError());
  return *passed ? ExitCode::Ok : ExitCode::Different;
}
