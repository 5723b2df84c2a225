// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text is printed by MLIR, so the key changes with the dialects and with
// nothing else.

#include "passes/schedule/ScheduleKey.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace sinter::schedule {

std::string scheduleKey(kernel::DefineOp define) {
  kernel::DefineOp copy = define.clone();
  copy.setSymName("kernel");
  copy.removeSchedulesAttr();
  copy.removeItemsAttr();
  copy.removeBlocksAttr();
  copy.removeScratchAttr();
  std::string text;
  llvm::raw_string_ostream stream(text);
  copy->print(stream, OpPrintingFlags().useLocalScope());
  copy->destroy();
  llvm::BLAKE3 hash;
  hash.update(text);
  return llvm::toHex(hash.final<16>(), /*LowerCase=*/true);
}

} // namespace sinter::schedule
