// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_DIALECTS_EXEC_EXECDIALECT_H
#define SINTER_DIALECTS_EXEC_EXECDIALECT_H

#include "dialects/sym/Dim.h"
#include "mlir/IR/Dialect.h"

#include "dialects/exec/ExecDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/exec/ExecAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/exec/ExecTypes.h.inc"

#endif // SINTER_DIALECTS_EXEC_EXECDIALECT_H
