// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ELF wants local symbols first. New order: the locals, what becomes local, the
// globals; then every index into the table (relocations, groups) is translated.
// The file comes from our own linker call, so a surprise in it is a fault of
// ours.

#include "codegen/object/LocalSymbols.h"

#include "codegen/object/ObjectError.h"

#include "llvm/BinaryFormat/ELF.h"

using namespace llvm;

namespace sinter {
namespace {

class SymbolTable {
public:
  SymbolTable(MutableArrayRef<char> elf, StringRef keep)
      : elf(elf), keep(keep) {}
  Error run();

private:
  template <typename T>
  MutableArrayRef<T> table(uint64_t offset, uint64_t bytes) const {
    if (offset > elf.size() || bytes > elf.size() - offset ||
        offset % alignof(T))
      return {};
    return {reinterpret_cast<T *>(elf.data() + offset),
            size_t(bytes / sizeof(T))};
  }
  template <typename T>
  MutableArrayRef<T> contents(const ELF::Elf64_Shdr &h) const {
    return table<T>(h.sh_offset, h.sh_size);
  }
  Error reorder();
  Error renumber(ELF::Elf64_Shdr &section);
  bool find();

  MutableArrayRef<char> elf;
  StringRef keep;
  MutableArrayRef<ELF::Elf64_Shdr> sections;
  uint32_t symtab = 0;
  MutableArrayRef<ELF::Elf64_Sym> symbols;
  StringRef names;
  std::vector<uint32_t> moved; // old index -> new index
};

bool SymbolTable::find() {
  auto header = table<ELF::Elf64_Ehdr>(0, sizeof(ELF::Elf64_Ehdr));
  if (header.empty())
    return false;
  sections = table<ELF::Elf64_Shdr>(
      header[0].e_shoff, uint64_t(header[0].e_shnum) * sizeof(ELF::Elf64_Shdr));
  for (uint32_t i = 0; i < sections.size(); ++i)
    if (sections[i].sh_type == ELF::SHT_SYMTAB)
      symtab = i;
  if (!symtab || sections[symtab].sh_link >= sections.size())
    return false;
  symbols = contents<ELF::Elf64_Sym>(sections[symtab]);
  MutableArrayRef<char> text =
      contents<char>(sections[sections[symtab].sh_link]);
  names = StringRef(text.data(), text.size());
  return !symbols.empty() && names.ends_with(StringRef("\0", 1));
}

Error SymbolTable::reorder() {
  std::vector<uint32_t> locals, globals;
  for (uint32_t i = 0; i < symbols.size(); ++i) {
    ELF::Elf64_Sym &s = symbols[i];
    StringRef name =
        s.st_name < names.size() ? StringRef(names.data() + s.st_name) : "";
    if (s.getBinding() == ELF::STB_LOCAL) {
      locals.push_back(i);
    } else if (s.st_shndx == ELF::SHN_UNDEF) {
      bool isAllowed =
          name == "memcpy" || name == "memset" || name == "memmove";
      if (!isAllowed)
        return objectError(ErrorCode::O004,
                           "a kernel calls '" + name + "', which is not ours");
      s.st_other = ELF::STV_DEFAULT;
      globals.push_back(i);
    } else if (name == keep) {
      s.st_other = ELF::STV_DEFAULT;
      globals.push_back(i);
    } else {
      s.setBinding(ELF::STB_LOCAL);
      s.st_other = ELF::STV_DEFAULT;
      locals.push_back(i);
    }
  }
  sections[symtab].sh_info = locals.size();
  locals.insert(locals.end(), globals.begin(), globals.end());
  std::vector<ELF::Elf64_Sym> old(symbols.begin(), symbols.end());
  moved.resize(old.size());
  for (uint32_t i = 0; i < locals.size(); ++i) {
    moved[locals[i]] = i;
    symbols[i] = old[locals[i]];
  }
  return Error::success();
}

Error SymbolTable::renumber(ELF::Elf64_Shdr &section) {
  auto isKnown = [&](uint32_t index) { return index < moved.size(); };
  if (section.sh_type == ELF::SHT_RELA) {
    for (ELF::Elf64_Rela &r : contents<ELF::Elf64_Rela>(section)) {
      if (!isKnown(r.getSymbol()))
        return objectError(ErrorCode::O004, "a relocation names no symbol");
      r.setSymbol(moved[r.getSymbol()]);
    }
    return Error::success();
  }
  if (section.sh_type == ELF::SHT_GROUP && isKnown(section.sh_info)) {
    section.sh_info = moved[section.sh_info];
    return Error::success();
  }
  return objectError(ErrorCode::O004,
                     "the linked object has a section of type " +
                         Twine(section.sh_type) + " over its symbols");
}

Error SymbolTable::run() {
  if (!find())
    return objectError(ErrorCode::O004,
                       "the linked object has no symbol table");
  if (Error e = reorder())
    return e;
  for (ELF::Elf64_Shdr &section : sections)
    if (section.sh_link == symtab && section.sh_type != ELF::SHT_SYMTAB)
      if (Error e = renumber(section))
        return e;
  return Error::success();
}

} // namespace

Error localizeSymbols(MutableArrayRef<char> elf, StringRef keep) {
  return SymbolTable(elf, keep).run();
}

} // namespace sinter
