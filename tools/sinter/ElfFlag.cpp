// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/ElfFlag.h"

#include <cstring>
#include <elf.h>

bool sinter::clearExecutableFlag(llvm::MutableArrayRef<char> bytes) {
  auto read = [&](auto &into, uint64_t at) {
    bool fits = at <= bytes.size() && sizeof into <= bytes.size() - at;
    if (fits)
      std::memcpy(&into, bytes.data() + at, sizeof into);
    return fits;
  };
  Elf64_Ehdr header;
  if (!read(header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN)
    return false;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!read(segment, header.e_phoff + uint64_t(i) * sizeof segment))
      return false;
    if (segment.p_type != PT_DYNAMIC)
      continue;
    Elf64_Dyn entry;
    for (uint64_t at = segment.p_offset; read(entry, at) && entry.d_tag;
         at += sizeof entry)
      if (entry.d_tag == DT_FLAGS_1) {
        entry.d_un.d_val &= ~uint64_t(DF_1_PIE);
        std::memcpy(bytes.data() + at, &entry, sizeof entry);
        return true;
      }
  }
  return false;
}
