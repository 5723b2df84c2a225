// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The headers that lie beside an object: names and sizes that a program would
// else ask for at run time, and in C++ tensors of the right type and extent, so
// that a wrong one does not compile.

#ifndef SINTER_CODEGEN_OBJECT_INTERFACE_H
#define SINTER_CODEGEN_OBJECT_INTERFACE_H

#include "codegen/object/ObjectWriter.h"

namespace sinter {

std::string makeCHeader(const ObjectInputs &inputs);
std::string makeCppHeader(const ObjectInputs &inputs,
                          llvm::StringRef cHeaderName);

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_INTERFACE_H
