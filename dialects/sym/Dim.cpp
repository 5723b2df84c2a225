// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text form of symbolic integers, the dialect itself, and the bridge to tensor
// types. The grammar is the usual one of arithmetic:
//
//   sum     := product (('+' | '-') product)*
//   product := atom (('*' | 'floordiv' | 'ceildiv' | 'mod') atom)*
//   atom    := integer | '-' atom | name | "any name" | '(' sum ')'
//            | ('min' | 'max') '(' sum (',' sum)* ')'

#include "dialects/sym/Dim.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialects/sym/SymDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/sym/SymAttrs.cpp.inc"

using namespace mlir;

namespace sinter::sym {

void SymDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/sym/SymAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static bool isPlainName(StringRef name) {
  if (name.empty() || !(isalpha(name[0]) || name[0] == '_') || name == "min" ||
      name == "max" || name == "floordiv" || name == "ceildiv" || name == "mod")
    return false;
  return llvm::all_of(name, [](char c) { return isalnum(c) || c == '_'; });
}

static void print(raw_ostream &os, DimAttr dim, bool isFactor);

static void printTerm(raw_ostream &os, DimAttr term, bool isFirst) {
  int64_t factor = term.getKind() == DimKind::Product ? term.getValue() : 1;
  if (factor < 0)
    os << (isFirst ? "-" : " - ");
  else if (!isFirst)
    os << " + ";
  if (term.getKind() != DimKind::Product)
    return print(os, term, /*isFactor=*/true);
  llvm::interleave(
      term.getOperands(), [&](DimAttr atom) { print(os, atom, true); },
      [&] { os << " * "; });
  uint64_t magnitude = factor < 0 ? 0 - uint64_t(factor) : uint64_t(factor);
  if (magnitude != 1)
    os << " * " << magnitude;
}

static void printSum(raw_ostream &os, DimAttr dim) {
  bool isFirst = true;
  for (DimAttr term : dim.getOperands()) {
    printTerm(os, term, isFirst);
    isFirst = false;
  }
  if (dim.getValue() > 0)
    os << " + " << dim.getValue();
  else if (dim.getValue() < 0)
    os << " - " << 0 - uint64_t(dim.getValue());
}

static void print(raw_ostream &os, DimAttr dim, bool isFactor) {
  switch (dim.getKind()) {
  case DimKind::Constant:
    os << dim.getValue();
    return;
  case DimKind::Symbol:
    if (isPlainName(dim.getName().getValue())) {
      os << dim.getName().getValue();
    } else {
      os << '"';
      llvm::printEscapedString(dim.getName().getValue(), os);
      os << '"';
    }
    return;
  case DimKind::Sum:
    os << (isFactor ? "(" : "");
    printSum(os, dim);
    os << (isFactor ? ")" : "");
    return;
  case DimKind::Product:
    os << (isFactor ? "(" : "");
    printTerm(os, dim, /*isFirst=*/true);
    os << (isFactor ? ")" : "");
    return;
  case DimKind::FloorDiv:
    os << (isFactor ? "(" : "");
    print(os, dim.getOperands()[0], true);
    os << " floordiv ";
    print(os, dim.getOperands()[1], true);
    os << (isFactor ? ")" : "");
    return;
  case DimKind::Min:
  case DimKind::Max:
    os << (dim.getKind() == DimKind::Min ? "min(" : "max(");
    llvm::interleaveComma(dim.getOperands(), os,
                          [&](DimAttr operand) { print(os, operand, false); });
    os << ")";
    return;
  }
}

std::string toString(DimAttr dim) {
  std::string text;
  llvm::raw_string_ostream os(text);
  print(os, dim, /*isFactor=*/false);
  return text;
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

static FailureOr<DimAttr> parseSum(AsmParser &parser);

static FailureOr<DimAttr> parseExtremum(AsmParser &parser, bool isMin) {
  if (parser.parseLParen())
    return failure();
  DimAttr result;
  do {
    FailureOr<DimAttr> operand = parseSum(parser);
    if (failed(operand))
      return failure();
    if (!result)
      result = *operand;
    else
      result = isMin ? minDim(result, *operand) : maxDim(result, *operand);
  } while (succeeded(parser.parseOptionalComma()));
  if (parser.parseRParen())
    return failure();
  return result;
}

static FailureOr<DimAttr> parseAtom(AsmParser &parser) {
  MLIRContext *context = parser.getContext();
  // First: parseOptionalInteger would take a minus, then insist on digits.
  if (succeeded(parser.parseOptionalMinus())) {
    FailureOr<DimAttr> operand = parseAtom(parser);
    if (failed(operand))
      return failure();
    return *operand * -1;
  }
  int64_t value;
  OptionalParseResult integer = parser.parseOptionalInteger(value);
  if (integer.has_value()) {
    if (failed(*integer))
      return failure();
    return constantDim(context, value);
  }
  if (succeeded(parser.parseOptionalLParen())) {
    FailureOr<DimAttr> inner = parseSum(parser);
    if (failed(inner) || parser.parseRParen())
      return failure();
    return inner;
  }
  std::string text;
  if (succeeded(parser.parseOptionalString(&text)))
    return symbolDim(context, text);
  StringRef name;
  if (parser.parseKeyword(&name))
    return failure();
  if (name == "min" || name == "max")
    return parseExtremum(parser, name == "min");
  return symbolDim(context, name);
}

static FailureOr<DimAttr> parseProduct(AsmParser &parser) {
  FailureOr<DimAttr> left = parseAtom(parser);
  while (succeeded(left)) {
    DimAttr (*apply)(DimAttr, DimAttr) = nullptr;
    if (succeeded(parser.parseOptionalStar()))
      apply = [](DimAttr a, DimAttr b) { return a * b; };
    else if (succeeded(parser.parseOptionalKeyword("floordiv")))
      apply = [](DimAttr a, DimAttr b) { return floorDiv(a, b); };
    else if (succeeded(parser.parseOptionalKeyword("ceildiv")))
      apply = [](DimAttr a, DimAttr b) { return ceilDiv(a, b); };
    else if (succeeded(parser.parseOptionalKeyword("mod")))
      apply = [](DimAttr a, DimAttr b) { return mod(a, b); };
    else
      return left;
    FailureOr<DimAttr> right = parseAtom(parser);
    if (failed(right))
      return failure();
    left = apply(*left, *right);
  }
  return failure();
}

static FailureOr<DimAttr> parseSum(AsmParser &parser) {
  FailureOr<DimAttr> left = parseProduct(parser);
  while (succeeded(left)) {
    bool isPlus = succeeded(parser.parseOptionalPlus());
    if (!isPlus && failed(parser.parseOptionalMinus()))
      return left;
    FailureOr<DimAttr> right = parseProduct(parser);
    if (failed(right))
      return failure();
    left = isPlus ? *left + *right : *left - *right;
  }
  return failure();
}

Attribute DimAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<DimAttr> dim = parseSum(parser);
  if (failed(dim) || parser.parseGreater())
    return {};
  return *dim;
}

void DimAttr::print(AsmPrinter &printer) const {
  printer << "<" << toString(*this) << ">";
}

ParseResult parseDims(AsmParser &parser, Dims &dims) {
  auto parseElement = [&]() -> ParseResult {
    FailureOr<DimAttr> dim = parseSum(parser);
    if (failed(dim))
      return failure();
    dims.push_back(*dim);
    return success();
  };
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                        parseElement);
}

void printDims(AsmPrinter &printer, ArrayRef<DimAttr> dims) {
  printer << "[";
  llvm::interleaveComma(dims, printer.getStream(),
                        [&](DimAttr dim) { printer << toString(dim); });
  printer << "]";
}

Attribute DimsAttr::parse(AsmParser &parser, Type) {
  Dims dims;
  if (parser.parseLess() || parseDims(parser, dims) || parser.parseGreater())
    return {};
  return DimsAttr::get(parser.getContext(), dims);
}

void DimsAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printDims(printer, getDims());
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Tensor types
//===----------------------------------------------------------------------===//

Dims dimsOf(RankedTensorType type) {
  if (auto encoding = dyn_cast_or_null<DimsAttr>(type.getEncoding()))
    return Dims(encoding.getDims());
  Dims dims;
  for (int64_t size : type.getShape())
    dims.push_back(constantDim(type.getContext(), size));
  return dims;
}

RankedTensorType tensorOf(ArrayRef<DimAttr> dims, Type element) {
  SmallVector<int64_t> shape;
  bool isStatic = true;
  for (DimAttr dim : dims) {
    std::optional<int64_t> size = asConstant(dim);
    isStatic &= size.has_value();
    shape.push_back(size.value_or(ShapedType::kDynamic));
  }
  Attribute encoding;
  if (!isStatic)
    encoding = DimsAttr::get(element.getContext(), dims);
  return RankedTensorType::get(shape, element, encoding);
}

DimAttr elementCount(RankedTensorType type) {
  return product(type.getContext(), dimsOf(type));
}

} // namespace sinter::sym
