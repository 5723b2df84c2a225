// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs ONNX's node cases (test/conformance/dump_node_cases.py wrote them)
// through importer and reference evaluator. For each case named on the command
// line it prints one line: `pass NAME`, `fail NAME: reason` or `refused NAME:
// reason`, the last when the importer did not take the model. With --simplify
// the passes of passes/simplify run in between; --dynamic takes the model that
// has a symbol for each extent; --double evaluates in float64.
#include "compiler/evaluate/ConstantFolder.h"
#include "compiler/evaluate/Convert.h"
#include "compiler/evaluate/Evaluate.h"
#include "compiler/import/Import.h"
#include "passes/simplify/Passes.h"
#include "runtime/npz/Npz.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstdio>
#include <fstream>

using namespace sinter;
using namespace sinter::evaluate;

namespace {

struct Case {
  std::string name, folder;
  double relative = 1e-3, absolute = 1e-7;
};

struct Settings {
  bool simplify = false;
  std::string model = "/model.onnx";
  Mode mode = Mode::Declared;
};

struct Outcome {
  const char *status;
  std::string reason;
};

class NpzFile {
public:
  explicit NpzFile(const std::string &path) {
    ok = sinter_npz_read(path.c_str(), &npz, message, sizeof(message)) == 0;
  }
  NpzFile(const NpzFile &) = delete;
  ~NpzFile() { sinter_npz_free(&npz); }

  bool ok;
  char message[256] = "";
  const sinter_npz_array *find(const std::string &name) const {
    for (uint32_t i = 0; i < npz.count; ++i)
      if (name == npz.arrays[i].name)
        return &npz.arrays[i];
    return nullptr;
  }

private:
  sinter_npz npz = {};
};

// Indexed by ONNX's number of the element type.
std::optional<ElementKind> kindOfNumber(unsigned number) {
  using K = ElementKind;
  switch (number) {
  case 1:
    return K::F32;
  case 2:
    return K::U8;
  case 3:
    return K::I8;
  case 4:
    return K::U16;
  case 5:
    return K::I16;
  case 6:
    return K::I32;
  case 7:
    return K::I64;
  case 9:
    return K::Bool;
  case 10:
    return K::F16;
  case 11:
    return K::F64;
  case 12:
    return K::U32;
  case 13:
    return K::U64;
  default:
    return std::nullopt;
  }
}

std::optional<Tensor> tensorOf(const sinter_npz_array &array) {
  std::optional<ElementKind> kind = kindOfNumber(array.dtype);
  if (!kind)
    return std::nullopt;
  const char *data = static_cast<const char *>(array.data);
  return Tensor{*kind,
                Shape(array.dim, array.dim + array.rank),
                {data, data + array.bytes}};
}

// Float32 stands in for types that NumPy lacks.
Tensor convertedTo(ElementKind kind, Tensor tensor) {
  if (kind == tensor.kind || !isFloat(kind))
    return tensor;
  Value value =
      fromBytes(tensor.kind, tensor.shape, tensor.bytes.data(), Mode::Declared);
  std::vector<double> wide;
  std::visit([&](const auto &data) { wide.assign(data.begin(), data.end()); },
             value.data);
  Value converted = makeValue(kind, tensor.shape, Mode::Declared);
  std::visit(
      [&](auto &data) {
        using T = typename std::decay_t<decltype(data)>::value_type;
        for (size_t i = 0; i < wide.size(); ++i)
          data[i] = static_cast<T>(wide[i]);
      },
      converted.data);
  return toTensor(converted);
}

std::vector<double> widened(const Tensor &tensor) {
  Value value =
      fromBytes(tensor.kind, tensor.shape, tensor.bytes.data(), Mode::Double);
  std::vector<double> wide;
  std::visit([&](const auto &data) { wide.assign(data.begin(), data.end()); },
             value.data);
  return wide;
}

// Empty when equal within the case's tolerance.
std::string difference(const Tensor &found, const Tensor &expected,
                       const Case &test) {
  bool standsIn =
      found.kind == ElementKind::F64 ||
      (found.kind == ElementKind::BF16 && expected.kind == ElementKind::F32);
  if (found.kind != expected.kind && !standsIn)
    return std::string("elements of ") + nameOf(found.kind) + ", expected " +
           nameOf(expected.kind);
  if (found.shape != expected.shape)
    return "shape " + toString(found.shape) + ", expected " +
           toString(expected.shape);
  // Two units in the last place of the short types, whatever the case says.
  double relative = test.relative;
  if (found.kind == ElementKind::BF16)
    relative = std::max(relative, 1.0 / 64);
  else if (found.kind == ElementKind::F16)
    relative = std::max(relative, 1.0 / 512);
  std::vector<double> a = widened(found), b = widened(expected);
  for (size_t i = 0; i < a.size(); ++i) {
    bool equal =
        a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])) ||
        std::fabs(a[i] - b[i]) <= test.absolute + relative * std::fabs(b[i]);
    if (!equal)
      return "element " + std::to_string(i) + " is " + std::to_string(a[i]) +
             ", expected " + std::to_string(b[i]);
  }
  return "";
}

Outcome runSet(mlir::func::FuncOp function, const std::string &path,
               const Case &test, const Settings &settings) {
  NpzFile file(path);
  if (!file.ok)
    return {"fail", file.message};
  std::vector<Tensor> inputs;
  for (mlir::BlockArgument argument : function.getArguments()) {
    const sinter_npz_array *array =
        file.find("in_" + std::to_string(inputs.size()));
    std::optional<Tensor> tensor = array ? tensorOf(*array) : std::nullopt;
    auto type = llvm::dyn_cast<mlir::RankedTensorType>(argument.getType());
    std::optional<ElementKind> kind =
        type ? kindOf(type.getElementType()) : std::nullopt;
    if (!tensor || !kind)
      return {"fail", "no data for input " + std::to_string(inputs.size())};
    inputs.push_back(convertedTo(*kind, std::move(*tensor)));
  }
  std::string error;
  Options options;
  options.mode = settings.mode;
  auto results = evaluate::evaluate(function, inputs, options, error);
  if (failed(results))
    return {"fail", error};
  for (size_t i = 0; i < results->size(); ++i) {
    const sinter_npz_array *array = file.find("out_" + std::to_string(i));
    std::optional<Tensor> expected = array ? tensorOf(*array) : std::nullopt;
    if (!expected)
      return {"fail", "no expected output " + std::to_string(i)};
    if (std::string text = difference((*results)[i], *expected, test);
        !text.empty())
      return {"fail", "output " + std::to_string(i) + ": " + text};
  }
  return {"pass", ""};
}

Outcome runCase(const Case &test, const Settings &settings) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Diagnostics faults;
  mlir::OwningOpRef<mlir::ModuleOp> module = importModel(
      test.folder + settings.model, context, ImportOptions(), faults);
  if (!module)
    return {"refused", faults.all().empty() ? "no reason given"
                                            : faults.all()[0].op + ", " +
                                                  faults.all()[0].message};
  if (settings.simplify) {
    mlir::PassManager passes(&context);
    addSimplifyPasses(passes.nest<mlir::func::FuncOp>(),
                      makeConstantEvaluator());
    if (failed(passes.run(*module)))
      return {"fail", "a simplification failed"};
  }
  auto functions = module->getOps<mlir::func::FuncOp>();
  for (int set = 0;; ++set) {
    std::string path = test.folder + "/set_" + std::to_string(set) + ".npz";
    if (!llvm::sys::fs::exists(path))
      return set ? Outcome{"pass", ""} : Outcome{"fail", "there is no data"};
    Outcome outcome = runSet(*functions.begin(), path, test, settings);
    if (llvm::StringRef(outcome.status) != "pass")
      return outcome;
  }
}

} // namespace

int main(int argc, char **argv) {
  Settings settings;
  int next = 1;
  for (; next < argc && argv[next][0] == '-'; ++next) {
    settings.simplify |= llvm::StringRef(argv[next]) == "--simplify";
    if (llvm::StringRef(argv[next]) == "--dynamic")
      settings.model = "/dynamic.onnx";
    if (llvm::StringRef(argv[next]) == "--double")
      settings.mode = Mode::Double;
  }
  if (argc - next < 2) {
    llvm::errs()
        << "usage: sinter-node-test [--simplify] [--dynamic] [--double] FOLDER "
           "CASE...\n";
    return 2;
  }
  std::string folder = argv[next];
  bool allPass = true;
  for (int i = next + 1; i < argc; ++i) {
    Case test{argv[i], folder + "/" + argv[i]};
    std::string operators;
    std::ifstream(test.folder + "/about") >> operators >> test.relative >>
        test.absolute;
    llvm::outs() << "start " << test.name << "\n";
    llvm::outs().flush();
    Outcome outcome = runCase(test, settings);
    allPass &= llvm::StringRef(outcome.status) == "pass";
    std::string reason = outcome.reason.empty() ? "" : ": " + outcome.reason;
    for (char &c : reason)
      c = c == '\n' ? ' ' : c;
    llvm::outs() << outcome.status << " " << test.name << reason << "\n";
    llvm::outs().flush();
  }
  return allPass ? 0 : 1;
}
