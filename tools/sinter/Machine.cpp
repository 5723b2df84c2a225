// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The name of this machine, from /proc/cpuinfo and the instruction sets it
// offers.
#include "tools/sinter/Machine.h"

#include "compiler/pipeline/CompileOptions.h"
#include "sinter/model.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace sinter;
using llvm::StringRef;

static std::string cpuName() {
  auto text = llvm::MemoryBuffer::getFileAsStream("/proc/cpuinfo");
  if (!text)
    return "unknown CPU";
  StringRef line =
      (*text)->getBuffer().split("model name").second.split('\n').first;
  line = line.split(':').second.trim();
  return line.empty() ? "unknown CPU" : line.str();
}

std::string sinter::machineLine() {
  uint64_t features = sinter_host_features();
  const char *isa =
      (features & SINTER_ISA_X86_64_V4) == SINTER_ISA_X86_64_V4   ? "AVX-512"
      : (features & SINTER_ISA_X86_64_V3) == SINTER_ISA_X86_64_V3 ? "AVX2"
                                                                  : "baseline";
  unsigned cpus = availableCpus();
  return cpuName() + ", " + std::to_string(cpus) +
         (cpus == 1 ? " CPU, " : " CPUs, ") + isa;
}
