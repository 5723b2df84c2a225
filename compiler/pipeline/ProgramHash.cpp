// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels by the texts that workers get, the image by its bytes.
#include "compiler/pipeline/ProgramHash.h"

#include "compiler/pipeline/CompileDefine.h"
#include "compiler/report/MlirDiagnostics.h"
#include "compiler/report/UserError.h"
#include "dialects/exec/ExecOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace sinter;
namespace json = llvm::json;

static std::string digits(llvm::StringRef bytes) {
  return llvm::utohexstr(llvm::xxh3_64bits(bytes), /*LowerCase=*/true, 16);
}

json::Object sinter::programHash(const ImageResult &image,
                                 const std::vector<std::string> &isas) {
  json::Array kernels;
  for (kernel::DefineOp define : image.kernels) {
    std::string text;
    for (const std::string &isa : isas)
      text += isa + makeKernelJob(define, isa).define;
    kernels.push_back(digits(text));
  }
  llvm::StringRef bytes(reinterpret_cast<const char *>(image.image.data()),
                        image.image.size());
  return json::Object{{"image", digits(bytes)},
                      {"kernels", std::move(kernels)}};
}

// The node of the first launch of a kernel.
static std::string nodeOf(kernel::DefineOp define, mlir::ModuleOp module) {
  std::string node;
  module.walk([&](exec::LaunchOp launch) {
    if (launch.getKernel() != define.getSymName())
      return mlir::WalkResult::advance();
    node = describeLocation(launch.getLoc());
    return mlir::WalkResult::interrupt();
  });
  return node.empty() ? define.getSymName().str() : node;
}

static llvm::Error refuse(const llvm::Twine &what) {
  return userError(ErrorCode::I014, what,
                   "Compile the new model instead: more than its weights "
                   "changed, or a value of a weight is part of the code.");
}

llvm::Error sinter::checkProgram(const std::string &expected,
                                 const json::Object &found,
                                 const ImageResult &image,
                                 mlir::ModuleOp module) {
  llvm::Expected<json::Value> parsed = json::parse(expected);
  if (!parsed)
    return parsed.takeError();
  const json::Object *wanted = parsed->getAsObject();
  const json::Array *old = wanted ? wanted->getArray("kernels") : nullptr;
  const json::Array &fresh = *found.getArray("kernels");
  if (!old || old->size() != fresh.size())
    return refuse("the new model has " + llvm::Twine(fresh.size()) +
                  " kernels, the object " + llvm::Twine(old ? old->size() : 0));
  for (size_t i = 0; i < fresh.size(); ++i)
    if ((*old)[i] != fresh[i])
      return refuse("the kernel of " + nodeOf(image.kernels[i], module) +
                    " is another one for the new weights");
  if (wanted->getString("image") != found.getString("image"))
    return refuse("the program of the new model is another one");
  return llvm::Error::success();
}
