// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter cache`: where the machine code of kernels is kept and how much of it.
#include "tools/sinter/Commands.h"

#include "compiler/pipeline/KernelCache.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;

ExitCode sinter::runCache(const Arguments &arguments) {
  KernelCache cache(arguments.compile.cacheDir.value_or(defaultCacheDir()));
  if (cache.path().empty()) {
    llvm::outs()
        << (arguments.compile.cacheDir
                ? "no cache: --cache-dir none\n"
                : "no cache: neither XDG_CACHE_HOME nor HOME is set\n");
    return ExitCode::Ok;
  }
  if (arguments.clear)
    cache.prune(0);
  KernelCache::Size size = cache.size();
  llvm::outs() << cache.path() << ": " << size.files << " kernels, "
               << llvm::format("%.1f", size.bytes / 1e6)
               << " MB (limit 2 GB, least recently used go first)\n";
  return ExitCode::Ok;
}
