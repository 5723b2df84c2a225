// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference evaluator as the ConstantEvaluator of passes/simplify.
#ifndef SINTER_COMPILER_EVALUATE_CONSTANTFOLDER_H
#define SINTER_COMPILER_EVALUATE_CONSTANTFOLDER_H

#include "passes/simplify/Folder.h"
#include <memory>

namespace sinter::evaluate {

std::shared_ptr<const ConstantEvaluator> makeConstantEvaluator();

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_CONSTANTFOLDER_H
