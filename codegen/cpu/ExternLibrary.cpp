// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bitcode of codegen/cpu/extern, carried in this library's bytes.

#include "codegen/cpu/ExternLibrary.h"
#include "dialects/Support/Check.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"

namespace sinter::cpu {

static const unsigned char bytes[] = {
#include "codegen/cpu/extern/ExternBytes.inc"
};

void linkExternFunctions(llvm::Module &module) {
  bool isNeeded = false;
  for (const llvm::Function &function : module)
    isNeeded |=
        function.isDeclaration() && function.getName().starts_with("sinter_x_");
  if (!isNeeded)
    return;
  llvm::StringRef data(reinterpret_cast<const char *>(bytes), sizeof(bytes));
  llvm::Expected<std::unique_ptr<llvm::Module>> library =
      llvm::parseBitcodeFile(llvm::MemoryBufferRef(data, "extern"),
                             module.getContext());
  SINTER_CHECK(static_cast<bool>(library), "the embedded bitcode must parse");
  (*library)->setTargetTriple(module.getTargetTriple());
  (*library)->setDataLayout(module.getDataLayout());
  bool hasFailed = llvm::Linker::linkModules(module, std::move(*library),
                                             llvm::Linker::LinkOnlyNeeded);
  SINTER_CHECK(!hasFailed, "the embedded bitcode must link");
  for (llvm::Function &function : module)
    if (!function.isDeclaration() &&
        function.getName().starts_with("sinter_x_"))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
}

} // namespace sinter::cpu
