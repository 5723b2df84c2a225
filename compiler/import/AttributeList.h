// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attributes of an operation under construction, by the kinds that the
// graph dialect uses.
#ifndef SINTER_COMPILER_IMPORT_ATTRIBUTELIST_H
#define SINTER_COMPILER_IMPORT_ATTRIBUTELIST_H

#include "dialects/sym/Dim.h"
#include "mlir/IR/Builders.h"

namespace sinter::importer {

using sym::DimAttr;

class AttributeList {
public:
  explicit AttributeList(mlir::MLIRContext &context) : builder(&context) {}
  AttributeList &integer(llvm::StringRef name, int64_t value);
  AttributeList &integers(llvm::StringRef name, llvm::ArrayRef<int64_t> values);
  AttributeList &real(llvm::StringRef name, double value);
  AttributeList &reals(llvm::StringRef name, llvm::ArrayRef<double> values);
  AttributeList &text(llvm::StringRef name, llvm::StringRef value);
  AttributeList &texts(llvm::StringRef name,
                       llvm::ArrayRef<llvm::StringRef> values);
  AttributeList &boolean(llvm::StringRef name, bool value);
  AttributeList &dim(llvm::StringRef name, DimAttr value);
  AttributeList &dims(llvm::StringRef name, llvm::ArrayRef<DimAttr> values);
  /// A unit attribute, present when `value`.
  AttributeList &flag(llvm::StringRef name, bool value);
  AttributeList &segments(llvm::ArrayRef<int32_t> sizes);
  operator llvm::ArrayRef<mlir::NamedAttribute>() const { return list; }

private:
  AttributeList &add(llvm::StringRef name, mlir::Attribute value);
  mlir::Builder builder;
  llvm::SmallVector<mlir::NamedAttribute, 8> list;
};

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_ATTRIBUTELIST_H
