// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One line a kind of attribute.
#include "compiler/import/AttributeList.h"

using namespace mlir;

namespace sinter::importer {

AttributeList &AttributeList::add(StringRef name, Attribute value) {
  list.push_back(builder.getNamedAttr(name, value));
  return *this;
}
AttributeList &AttributeList::integer(StringRef name, int64_t value) {
  return add(name, builder.getI64IntegerAttr(value));
}
AttributeList &AttributeList::integers(StringRef name,
                                       ArrayRef<int64_t> values) {
  return add(name, builder.getDenseI64ArrayAttr(values));
}
AttributeList &AttributeList::real(StringRef name, double value) {
  return add(name, builder.getF64FloatAttr(value));
}
AttributeList &AttributeList::reals(StringRef name, ArrayRef<double> values) {
  return add(name, builder.getDenseF64ArrayAttr(values));
}
AttributeList &AttributeList::text(StringRef name, StringRef value) {
  return add(name, builder.getStringAttr(value));
}
AttributeList &AttributeList::texts(StringRef name,
                                    ArrayRef<StringRef> values) {
  return add(name, builder.getStrArrayAttr(values));
}
AttributeList &AttributeList::boolean(StringRef name, bool value) {
  return add(name, builder.getBoolAttr(value));
}
AttributeList &AttributeList::dim(StringRef name, DimAttr value) {
  return add(name, value);
}
AttributeList &AttributeList::dims(StringRef name, ArrayRef<DimAttr> values) {
  return add(name, sym::DimsAttr::get(builder.getContext(), values));
}
AttributeList &AttributeList::flag(StringRef name, bool value) {
  return value ? add(name, builder.getUnitAttr()) : *this;
}
AttributeList &AttributeList::segments(ArrayRef<int32_t> sizes) {
  return add("operandSegmentSizes", builder.getDenseI32ArrayAttr(sizes));
}

} // namespace sinter::importer
