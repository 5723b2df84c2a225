// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types and attributes of the kernel dialect; the one place where its generated
// definitions are compiled.

#include "dialects/kernel/KernelDialect.h"
#include "dialects/kernel/KernelOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialects/kernel/KernelDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/kernel/KernelTypes.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/kernel/KernelAttrs.cpp.inc"

using namespace mlir;

namespace sinter::kernel {

void KernelDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/kernel/KernelTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/kernel/KernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/kernel/KernelOps.cpp.inc"
      >();
}

bool isElementType(Type type) {
  if (isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type))
    return true;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || integer.isSigned())
    return false;
  unsigned width = integer.getWidth();
  return (width == 1 && integer.isSignless()) || width == 8 || width == 16 ||
         width == 32 || width == 64;
}

Type accumulatorType(Type element) {
  if (isa<Float16Type, BFloat16Type>(element))
    return Float32Type::get(element.getContext());
  if (auto integer = dyn_cast<IntegerType>(element);
      integer && integer.getWidth() <= 16)
    return IntegerType::get(element.getContext(), 32);
  return element;
}

ViewType contiguousView(ArrayRef<sym::DimAttr> dims, Type element) {
  sym::Dims strides(dims.size());
  sym::DimAttr stride = sym::constantDim(element.getContext(), 1);
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride = stride * dims[i];
  }
  return ViewType::get(element.getContext(), dims, element, strides);
}

bool ViewType::isStatic() const {
  auto isKnown = [](sym::DimAttr dim) {
    return sym::asConstant(dim).has_value();
  };
  return llvm::all_of(getDims(), isKnown) &&
         llvm::all_of(getStrides(), isKnown);
}

LogicalResult ViewType::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<sym::DimAttr> dims, Type element,
                               ArrayRef<sym::DimAttr> strides) {
  if (dims.size() != strides.size())
    return emitError() << "a view of " << dims.size() << " dims has "
                       << strides.size() << " strides; every dim needs one";
  if (!isElementType(element))
    return emitError() << "a view cannot hold " << element
                       << "; expected f16, bf16, f32, f64, i1 or an integer of "
                          "8 to 64 bits";
  for (sym::DimAttr dim : dims)
    if (std::optional<int64_t> size = sym::asConstant(dim); size && *size < 0)
      return emitError() << "a view has dim " << *size
                         << "; dims are not negative";
  return success();
}

Type ViewType::parse(AsmParser &parser) {
  sym::Dims dims, strides;
  Type element;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || sym::parseDims(parser, dims) ||
      parser.parseKeyword("x") || parser.parseType(element) ||
      parser.parseComma() || sym::parseDims(parser, strides) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<ViewType>(loc, parser.getContext(), dims, element,
                                     strides);
}

void ViewType::print(AsmPrinter &printer) const {
  printer << "<";
  sym::printDims(printer, getDims());
  printer << " x " << getElement() << ", ";
  sym::printDims(printer, getStrides());
  printer << ">";
}

} // namespace sinter::kernel
