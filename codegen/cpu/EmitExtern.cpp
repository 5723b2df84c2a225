// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// kernel.extern: describes the views in memory, as codegen/cpu/extern/Extern.h
// lays them out, and calls the C function, whose body is linked in as bitcode.

#include "codegen/cpu/Emitters.h"

#include "dialects/kernel/ExternTable.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

// sinter_view in 64-bit words: data, rank, type, size, dim[8], stride[8].
constexpr int64_t maxRank = 8, dimWord = 4, strideWord = dimWord + maxRank;
constexpr int64_t viewWords = strideWord + maxRank;

/// ONNX's TensorProto.DataType; 0 for a type no extern function knows.
int64_t typeCode(Type element) {
  if (element.isF32())
    return 1;
  if (element.isF64())
    return 11;
  if (element.isF16())
    return 10;
  if (element.isBF16())
    return 16;
  if (element.isInteger(1))
    return 9;
  bool isUnsigned = element.isUnsignedInteger();
  if (element.isInteger(8))
    return isUnsigned ? 2 : 3;
  if (element.isInteger(16))
    return isUnsigned ? 4 : 5;
  if (element.isInteger(32))
    return isUnsigned ? 12 : 6;
  if (element.isInteger(64))
    return isUnsigned ? 13 : 7;
  return 0;
}

class ExternCall {
public:
  ExternCall(KernelBuilder &kb, kernel::ExternOp root) : kb(kb), root(root) {}

  void emit() {
    Value views = words(viewWords * root->getNumOperands());
    unsigned index = 0;
    for (Value operand : root->getOperands())
      storeView(kb.at(views, index++ * viewWords * 8), operand);
    Value integers = storeIntegers(), floats = storeFloats();
    LLVM::LLVMFuncOp callee = declare();
    LLVM::CallOp::create(kb.b, kb.loc, callee,
                         ValueRange{views, kb.c(root.getInputs().size()),
                                    integers, floats, kb.begin(), kb.end(),
                                    kb.workerPointer()});
  }

private:
  Value words(int64_t count) {
    Type pointer = LLVM::LLVMPointerType::get(kb.b.getContext());
    return LLVM::AllocaOp::create(kb.b, kb.loc, pointer, kb.b.getI64Type(),
                                  kb.c(std::max<int64_t>(count, 1)),
                                  /*alignment=*/8);
  }

  void storeView(Value view, Value operand) {
    auto type = cast<kernel::ViewType>(operand.getType());
    int64_t size = KernelBuilder::bytesOf(type.getElement());
    unsigned number = cast<BlockArgument>(operand).getArgNumber();
    kb.storeScalar(kb.buffer(number), view);
    kb.storeScalar(kb.c(type.getRank()), kb.at(view, 8));
    kb.storeScalar(kb.c(typeCode(type.getElement())), kb.at(view, 16));
    kb.storeScalar(kb.c(size), kb.at(view, 24));
    for (unsigned axis = 0; axis < type.getRank(); ++axis) {
      kb.storeScalar(kb.dim(type.getDims()[axis]),
                     kb.at(view, (dimWord + axis) * 8));
      kb.storeScalar(kb.mul(kb.dim(type.getStrides()[axis]), size),
                     kb.at(view, (strideWord + axis) * 8));
    }
  }

  Value storeIntegers() {
    ArrayRef<sym::DimAttr> dims;
    if (root.getIntegers())
      dims = root.getIntegers()->getDims();
    Value array = words(dims.size());
    for (auto [i, dim] : llvm::enumerate(dims))
      kb.storeScalar(kb.dim(dim), kb.at(array, i * 8));
    return array;
  }

  Value storeFloats() {
    ArrayRef<double> values = root.getFloats();
    Value array = words(values.size());
    for (auto [i, value] : llvm::enumerate(values)) {
      Value constant =
          LLVM::ConstantOp::create(kb.b, kb.loc, kb.b.getF64FloatAttr(value));
      kb.storeScalar(constant, kb.at(array, i * 8));
    }
    return array;
  }

  LLVM::LLVMFuncOp declare() {
    MLIRContext *context = kb.b.getContext();
    auto module =
        kb.b.getInsertionBlock()->getParent()->getParentOfType<ModuleOp>();
    Type pointer = LLVM::LLVMPointerType::get(context),
         word = kb.b.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(context),
        {pointer, word, pointer, pointer, word, word, pointer});
    OpBuilder::InsertionGuard guard(kb.b);
    kb.b.setInsertionPointToStart(module.getBody());
    return LLVM::LLVMFuncOp::create(
        kb.b, kb.loc, ("sinter_x_" + root.getCallee()).str(), type);
  }

  KernelBuilder &kb;
  kernel::ExternOp root;
};

} // namespace

LogicalResult emitExtern(KernelBuilder &kb, kernel::DefineOp,
                         kernel::ExternOp root) {
  if (!kernel::findExtern(root.getCallee()))
    return root.emitError("no extern function is named '")
           << root.getCallee() << "'";
  for (Value operand : root->getOperands()) {
    auto type = cast<kernel::ViewType>(operand.getType());
    if (type.getRank() > maxRank || typeCode(type.getElement()) == 0)
      return root.emitError("extern function '")
             << root.getCallee() << "' cannot take " << type
             << ": at most 8 axes of floats, integers or bools";
  }
  ExternCall(kb, root).emit();
  return success();
}

} // namespace sinter::cpu
