// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a model that takes one batch size only.
#include "compiler/pipeline/BatchRows.h"

#include "compiler/import/Import.h"
#include "compiler/pipeline/Passes.h"
#include "compiler/report/MlirDiagnostics.h"

using namespace sinter;

// A fixed batch of independent rows may be filled up by a server. Proved on the
// same model with that dimension left open.
int64_t sinter::fixedBatchOf(const CompileOptions &options,
                             exec::ProgramOp program) {
  auto typeOf = [](mlir::Attribute type) {
    return mlir::cast<mlir::RankedTensorType>(
        mlir::cast<mlir::TypeAttr>(type).getValue());
  };
  std::optional<int64_t> rows;
  for (mlir::ArrayAttr types :
       {program.getOutputTypes(), program.getInputTypes()})
    for (mlir::Attribute type : types) {
      mlir::RankedTensorType tensor = typeOf(type);
      if (!tensor.hasStaticShape() || tensor.getRank() == 0 ||
          tensor.getDimSize(0) != rows.value_or(tensor.getDimSize(0)))
        return 0;
      rows = tensor.getDimSize(0);
    }
  if (!rows || *rows < 2)
    return 0;
  ImportOptions open;
  for (auto [name, type] :
       llvm::zip(program.getInputNames(), program.getInputTypes())) {
    std::vector<std::string> dims;
    for (int64_t dim : typeOf(type).getShape())
      dims.push_back(dims.empty() ? "sinter_rows" : std::to_string(dim));
    open.shapes.push_back(
        {mlir::cast<mlir::StringAttr>(name).getValue().str(), dims});
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Diagnostics faults(options.modelPath);
  DiagnosticCollector quiet(context);
  auto module = importModel(options.modelPath, context, open, faults);
  mlir::PassManager passes(&context);
  addGraphPasses(passes, {});
  if (!module || mlir::failed(passes.run(*module)))
    return 0;
  auto main = module->lookupSymbol<mlir::func::FuncOp>("main");
  return findBatchRows(main).areIndependent ? *rows : 0;
}
