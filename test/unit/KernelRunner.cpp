// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The object is linked with the system's C compiler driver and opened with
// dlopen: the same way a user's program gets it. Kernels are hidden symbols, so
// a one-line trampoline exports the address.

#include "test/unit/KernelRunner.h"
#include "dialects/Support/Check.h"
#include "sinter/image.h"

#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <sys/mman.h>
#include <unistd.h>

namespace sinter::test {
namespace {
constexpr int64_t kPage = 4096;
}

Guarded::Guarded(int64_t bytes, bool atStart) : bytes(bytes) {
  int64_t inner = (bytes + kPage - 1) / kPage * kPage;
  mapped = inner + 2 * kPage;
  mapping =
      mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SINTER_CHECK(mapping != MAP_FAILED, "no memory for a test buffer");
  char *middle = static_cast<char *>(mapping) + kPage;
  if (inner)
    SINTER_CHECK(mprotect(middle, inner, PROT_READ | PROT_WRITE) == 0,
                 "mprotect");
  start = atStart ? middle : middle + inner - bytes;
}

Guarded::~Guarded() { munmap(mapping, mapped); }

LoadedKernel::LoadedKernel(const std::string &object,
                           const std::string &symbol) {
  char folder[] = "/tmp/sinter-kernel-XXXXXX";
  SINTER_CHECK(mkdtemp(folder), "no temporary folder");
  std::string base(folder);
  std::ofstream(base + "/k.o", std::ios::binary) << object;
  std::ofstream(base + "/t.c")
      << "extern char " << symbol
      << "[] __attribute__((visibility(\"hidden\")));\n"
      << "void *sinter_test_entry(void) { return " << symbol << "; }\n";
  std::string command =
      "cd " + base + " && cc -shared -fPIC -O1 t.c k.o -o k.so";
  SINTER_CHECK(std::system(command.c_str()) == 0, "linking a kernel failed");
  library = dlopen((base + "/k.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  SINTER_CHECK(library, "opening a kernel failed");
  auto entry =
      reinterpret_cast<void *(*)()>(dlsym(library, "sinter_test_entry"));
  function = entry();
  for (const char *name : {"/k.o", "/t.c", "/k.so"})
    unlink((base + name).c_str());
  rmdir(folder);
}

LoadedKernel::~LoadedKernel() { dlclose(library); }

void LoadedKernel::call(void *const *buffers, const int64_t *params,
                        int64_t begin, int64_t end, void *worker) const {
  reinterpret_cast<sinter_kernel>(function)(
      buffers, params, begin, end, static_cast<sinter_worker *>(worker));
}

uint32_t LoadedKernel::run(const std::vector<void *> &buffers,
                           const std::vector<int64_t> &params, int64_t items,
                           int64_t scratchBytes, int64_t parts) const {
  Guarded scratch((scratchBytes + 63) / 64 * 64);
  sinter_worker worker = {};
  worker.scratch = scratch.data();
  worker.scratch_bytes = uint64_t(scratchBytes);
  for (int64_t part = 0; part < parts; ++part)
    call(buffers.data(), params.data(), items * part / parts,
         items * (part + 1) / parts, &worker);
  return worker.fault;
}

std::vector<std::string> undefinedSymbols(const std::string &object) {
  std::vector<std::string> names;
  auto buffer = llvm::MemoryBuffer::getMemBuffer(
      object, "", /*RequiresNullTerminator=*/false);
  auto file =
      llvm::object::ObjectFile::createObjectFile(buffer->getMemBufferRef());
  SINTER_CHECK(bool(file), "not an object file");
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    auto flags = symbol.getFlags();
    auto name = symbol.getName();
    if (flags && name && (*flags & llvm::object::SymbolRef::SF_Undefined) &&
        !name->empty())
      names.push_back(name->str());
  }
  return names;
}

} // namespace sinter::test
