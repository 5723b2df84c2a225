// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state behind buildImage: which slot, buffer and kernel of the image
// stands for which symbol, value and define of the program.
#ifndef SINTER_CODEGEN_IMAGE_PROGRAMWRITER_H
#define SINTER_CODEGEN_IMAGE_PROGRAMWRITER_H

#include "codegen/image/ExecToImage.h"
#include "codegen/image/ImageBuilder.h"
#include "dialects/exec/LateSizes.h"
#include "llvm/ADT/StringSet.h"
#include <set>

namespace sinter {

/// A buffer of the program: where it is and how many bytes it has.
struct BufferPlace {
  sinter_space space;
  uint32_t index;
  Slot offset, bytes;
};

/// A size of an output that only the run can tell: computed into `variable`
/// behind the last read of a symbol that it names.
struct LateSize {
  Slot variable;
  sym::DimAttr size;
};

/// An output that sinter_tap() shows, when all of a run is done.
struct Tap {
  uint32_t tensor;
  BufferRef from;
  uint32_t node;
};

class ProgramWriter {
public:
  ProgramWriter(exec::ProgramOp program, ImageResult &result)
      : program(program), result(result),
        symbols(program->getParentOfType<mlir::ModuleOp>()), late(program) {}

  mlir::LogicalResult run();

private:
  Slot slot(sym::DimAttr dim);
  Slot fold(sym::DimAttr dim, Slot (ImageBuilder::*combine)(Slot, Slot),
            Slot start);
  Slot outputSize(sym::DimAttr dim);
  void declareTexts();
  mlir::LogicalResult declareTensors();
  void declareSymbols();
  void declareWeights();
  void declareArena();
  mlir::LogicalResult write(mlir::Block &block);
  void writeLaunch(exec::LaunchOp op);
  void writeIf(exec::IfOp op);
  void writeLoop(exec::LoopOp op);
  void writeRead(exec::ReadOp op);
  void finishSizes(llvm::StringRef symbol);
  uint32_t kernelIndex(kernel::DefineOp define);
  uint32_t nodeOf(mlir::Location location);
  sym::DimAttr dim(int64_t value) {
    return sym::constantDim(program.getContext(), value);
  }
  BufferRef reference(mlir::Value buffer, sym::DimAttr offset);
  Slot grainOf(Slot items, Slot macs, Slot bytes);

  exec::ProgramOp program;
  ImageResult &result;
  mlir::SymbolTable symbols;
  ImageBuilder builder;
  llvm::StringMap<Slot> values;
  std::set<std::string> unbound; // symbols without a declaration
  exec::LateSizes late;
  llvm::StringSet<> isRead; // late symbols that have their value
  std::vector<LateSize> lateSizes;
  std::vector<Tap> taps;
  llvm::DenseMap<mlir::Value, BufferPlace> buffers;
  llvm::DenseMap<mlir::Operation *, uint32_t> kernels;
};

} // namespace sinter

#endif // SINTER_CODEGEN_IMAGE_PROGRAMWRITER_H
