// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect and its attributes; operations are in GraphOps.h.

#ifndef SINTER_DIALECTS_GRAPH_GRAPHDIALECT_H
#define SINTER_DIALECTS_GRAPH_GRAPHDIALECT_H

#include "dialects/graph/WeightStore.h"
#include "dialects/sym/Dim.h"
#include "mlir/IR/Dialect.h"

#include "dialects/graph/GraphDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/graph/GraphAttrs.h.inc"

#endif // SINTER_DIALECTS_GRAPH_GRAPHDIALECT_H
