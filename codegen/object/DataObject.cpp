// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plain ELF, written section by section; see DataObject.h.

#include "codegen/object/DataObject.h"

#include "codegen/object/MappedOutput.h"
#include "sinter/model.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>
#include <map>

using namespace llvm;

namespace sinter {

namespace {

struct Relocation {
  uint64_t offset;
  uint32_t symbol, type;
  int64_t addend;
};

struct Section {
  const char *name;
  uint32_t type;
  uint64_t flags, align;
  std::string bytes;
  std::vector<Relocation> relocations;
};

struct Symbol {
  std::string name;
  unsigned char info, other;
  uint16_t section;
};

class DataObject {
public:
  DataObject(const ObjectInputs &inputs, const WeightsId &id, bool willBeLinked)
      : in(inputs), id(id), willBeLinked(willBeLinked) {}
  Error write(StringRef path);

private:
  // Indices of sections, in the file's order; 0 is the null section.
  enum { Text = 1, Relro, Rodata, Note, Property, Stack, Weights, FirstTable };

  bool hasWeights() const { return in.weightsBytes && !in.weightsInFile; }
  void makeSections();
  void makeCode();
  void makeNotes();
  void makeDescriptor();
  uint32_t addSymbol(StringRef name, unsigned binding, unsigned type,
                     uint16_t section);
  uint64_t addBytes(Section &s, ArrayRef<uint8_t> bytes, uint64_t align);
  uint64_t addText(StringRef text);
  void pointer(uint64_t at, uint32_t symbol, int64_t addend);
  void addTables();

  const ObjectInputs &in;
  const WeightsId &id;
  const bool willBeLinked;
  std::vector<Section> sections;
  std::vector<Symbol> symbols;
  std::map<std::string, uint32_t> kernels;
};

bool isX86(const ObjectInputs &in) {
  return in.machine == sinter::Machine::X86_64;
}

template <typename T> ArrayRef<uint8_t> bytesOf(const T &value) {
  return {reinterpret_cast<const uint8_t *>(&value), sizeof value};
}

uint64_t DataObject::addBytes(Section &s, ArrayRef<uint8_t> bytes,
                              uint64_t align) {
  s.bytes.resize(alignTo(s.bytes.size(), align));
  uint64_t at = s.bytes.size();
  s.bytes.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  return at;
}

uint64_t DataObject::addText(StringRef text) {
  uint64_t at = addBytes(sections[Rodata], arrayRefFromStringRef(text), 1);
  sections[Rodata].bytes.push_back(0);
  return at;
}

uint32_t DataObject::addSymbol(StringRef name, unsigned binding, unsigned type,
                               uint16_t section) {
  symbols.push_back({name.str(),
                     static_cast<unsigned char>(binding << 4 | type), 0,
                     section});
  return symbols.size() - 1;
}

void DataObject::pointer(uint64_t at, uint32_t symbol, int64_t addend) {
  uint32_t type = isX86(in) ? ELF::R_X86_64_64 : ELF::R_AARCH64_ABS64;
  sections[Relro].relocations.push_back({at, symbol, type, addend});
}

// Sections hold symbols 1 .. Weights of the same number: the relocations'
// bases.
void DataObject::makeSections() {
  constexpr uint64_t alloc = ELF::SHF_ALLOC;
  bool isLarge = in.weightsBytes > (1ull << 30) && isX86(in);
  sections.push_back({"", ELF::SHT_NULL, 0, 0, "", {}});
  sections.push_back({".text.sinter",
                      ELF::SHT_PROGBITS,
                      alloc | ELF::SHF_EXECINSTR,
                      16,
                      "",
                      {}});
  sections.push_back({".data.rel.ro.sinter",
                      ELF::SHT_PROGBITS,
                      alloc | ELF::SHF_WRITE,
                      16,
                      "",
                      {}});
  sections.push_back({".rodata.sinter", ELF::SHT_PROGBITS, alloc, 64, "", {}});
  sections.push_back({".note.sinter", ELF::SHT_NOTE, alloc, 4, "", {}});
  sections.push_back({".note.gnu.property", ELF::SHT_NOTE, alloc, 8, "", {}});
  sections.push_back({".note.GNU-stack", ELF::SHT_PROGBITS, 0, 1, "", {}});
  sections.push_back({willBeLinked ? ".sinter_weights"
                      : isLarge    ? ".lrodata.sinter_weights"
                                   : ".rodata.sinter_weights",
                      hasWeights() ? ELF::SHT_NOBITS : ELF::SHT_PROGBITS,
                      isLarge ? alloc | ELF::SHF_X86_64_LARGE : alloc,
                      64,
                      "",
                      {}});
  addSymbol("", ELF::STB_LOCAL, ELF::STT_NOTYPE, 0);
  for (uint16_t i = Text; i <= Weights; ++i)
    addSymbol("", ELF::STB_LOCAL, ELF::STT_SECTION, i);
}

// const sinter_model *PREFIX_model(void) { return &descriptor; }
void DataObject::makeCode() {
  static const uint8_t x86[] = {0xF3, 0x0F, 0x1E, 0xFA, // endbr64
                                0x48, 0x8D, 0x05, 0,
                                0,    0,    0, // lea rax, [rip + d]
                                0xC3};         // ret
  static const uint32_t arm[] = {0xD503245F,   // bti c
                                 0x90000000,   // adrp x0, d
                                 0x91000000,   // add x0, x0, :lo12:d
                                 0xD65F03C0};  // ret
  Section &text = sections[Text];
  if (isX86(in)) {
    addBytes(text, x86, 1);
    text.relocations.push_back({7, Relro, ELF::R_X86_64_PC32, -4});
  } else {
    addBytes(text, bytesOf(arm), 1);
    text.relocations.push_back({4, Relro, ELF::R_AARCH64_ADR_PREL_PG_HI21, 0});
    text.relocations.push_back({8, Relro, ELF::R_AARCH64_ADD_ABS_LO12_NC, 0});
  }
}

void DataObject::makeNotes() {
  auto note = [&](Section &s, StringRef owner, uint32_t type,
                  ArrayRef<uint8_t> text) {
    uint32_t header[] = {uint32_t(owner.size() + 1), uint32_t(text.size()),
                         type};
    addBytes(s, bytesOf(header), 4);
    addBytes(s, arrayRefFromStringRef(owner), 1);
    s.bytes.resize(alignTo(s.bytes.size() + 1, 4));
    addBytes(s, text, 4);
    s.bytes.resize(alignTo(s.bytes.size(), s.align));
  };
  note(sections[Note], "Sinter", SINTER_NOTE_TYPE,
       arrayRefFromStringRef(in.prefix + "_model"));
  // Indirect branch tracking (and shadow stack), or BTI on Arm.
  uint32_t property[] = {isX86(in) ? ELF::GNU_PROPERTY_X86_FEATURE_1_AND
                                   : ELF::GNU_PROPERTY_AARCH64_FEATURE_1_AND,
                         4, isX86(in) ? 3u : 1u, 0};
  note(sections[Property], "GNU", ELF::NT_GNU_PROPERTY_TYPE_0,
       bytesOf(property));
}

void DataObject::makeDescriptor() {
  Section &relro = sections[Relro], &rodata = sections[Rodata];
  uint64_t image = addBytes(rodata, in.image, 64);
  uint64_t manifest = addText(in.manifest);
  uint64_t isas = alignTo(sizeof(sinter_model), 16);
  uint64_t columns = isas + in.isas.size() * sizeof(sinter_isa);
  uint64_t nKernels = in.isas.empty() ? 0 : in.isas.front().symbols.size();
  relro.bytes.resize(columns + in.isas.size() * nKernels * 8);

  sinter_model m = {};
  m.magic = SINTER_MODEL_MAGIC;
  m.abi_major = SINTER_ABI_MAJOR;
  m.abi_minor = SINTER_ABI_MINOR;
  m.size = sizeof m;
  m.n_isas = in.isas.size();
  m.image_bytes = in.image.size();
  m.manifest_bytes = in.manifest.size();
  m.weights_bytes = in.weightsBytes;
  std::memcpy(m.weights_id, id.data(), id.size());
  std::memcpy(relro.bytes.data(), &m, sizeof m);
  uint32_t walker =
      addSymbol("sinter_walker", ELF::STB_GLOBAL, ELF::STT_NOTYPE, 0);
  pointer(offsetof(sinter_model, image), Rodata, image);
  pointer(offsetof(sinter_model, isas), Relro, isas);
  pointer(offsetof(sinter_model, walker), walker, 0);
  pointer(offsetof(sinter_model, manifest), Rodata, manifest);
  if (hasWeights())
    pointer(offsetof(sinter_model, weights), Weights, 0);

  for (size_t i = 0; i < in.isas.size(); ++i) {
    uint64_t row = isas + i * sizeof(sinter_isa),
             column = columns + i * nKernels * 8;
    sinter_isa isa = {nullptr, in.isas[i].features, nullptr};
    std::memcpy(relro.bytes.data() + row, &isa, sizeof isa);
    pointer(row + offsetof(sinter_isa, name), Rodata, addText(in.isas[i].name));
    pointer(row + offsetof(sinter_isa, kernels), Relro, column);
    for (size_t k = 0; k < nKernels; ++k) {
      auto [at, isNew] = kernels.try_emplace(in.isas[i].symbols[k]);
      if (isNew)
        at->second = addSymbol(at->first, ELF::STB_GLOBAL, ELF::STT_NOTYPE, 0);
      pointer(column + k * 8, at->second, 0);
    }
  }
  addSymbol(in.prefix + "_model", ELF::STB_GLOBAL, ELF::STT_FUNC, Text);
}

// Relocations, symbols and strings, behind the sections they are about.
void DataObject::addTables() {
  Section symtab = {".symtab", ELF::SHT_SYMTAB, 0, 8, "", {}};
  Section strtab = {".strtab", ELF::SHT_STRTAB, 0, 1, std::string(1, 0), {}};
  for (const Symbol &symbol : symbols) {
    ELF::Elf64_Sym s = {};
    s.st_name = symbol.name.empty() ? 0 : strtab.bytes.size();
    s.st_info = symbol.info;
    s.st_shndx = symbol.section;
    s.st_size = symbol.info >> 4 && symbol.section == Text
                    ? sections[Text].bytes.size()
                    : 0;
    if (!symbol.name.empty())
      strtab.bytes += symbol.name + std::string(1, 0);
    addBytes(symtab, bytesOf(s), 8);
  }
  for (int target : {Text, Relro}) {
    Section rela = {target == Text ? ".rela.text.sinter"
                                   : ".rela.data.rel.ro.sinter",
                    ELF::SHT_RELA,
                    ELF::SHF_INFO_LINK,
                    8,
                    "",
                    {}};
    for (const Relocation &r : sections[target].relocations) {
      ELF::Elf64_Rela raw = {};
      raw.r_offset = r.offset;
      raw.setSymbolAndType(r.symbol, r.type);
      raw.r_addend = r.addend;
      addBytes(rela, bytesOf(raw), 8);
    }
    sections.push_back(rela);
  }
  sections.push_back(symtab);
  sections.push_back(strtab);
  Section names = {".shstrtab", ELF::SHT_STRTAB, 0, 1, "", {}};
  for (const Section &s : sections)
    names.bytes += std::string(s.name) + std::string(1, 0);
  names.bytes += std::string(".shstrtab") + std::string(1, 0);
  sections.push_back(names);
}

Error DataObject::write(StringRef path) {
  makeSections();
  makeCode();
  makeNotes();
  makeDescriptor();
  addTables();
  uint16_t symtab = FirstTable + 2, strtab = FirstTable + 3,
           nLocal = Weights + 1;
  std::vector<ELF::Elf64_Shdr> headers(sections.size());
  uint64_t at = sizeof(ELF::Elf64_Ehdr), name = 0;
  for (size_t i = 0; i < sections.size(); ++i) {
    const Section &s = sections[i];
    ELF::Elf64_Shdr &h = headers[i];
    at = i ? alignTo(at, std::max<uint64_t>(s.align, 1)) : at;
    h = {};
    h.sh_name = name;
    h.sh_type = s.type;
    h.sh_flags = s.flags;
    h.sh_offset = i ? at : 0;
    h.sh_size = s.type == ELF::SHT_NOBITS ? in.weightsBytes : s.bytes.size();
    h.sh_addralign = s.align;
    h.sh_link = s.type == ELF::SHT_RELA     ? symtab
                : s.type == ELF::SHT_SYMTAB ? strtab
                                            : 0;
    h.sh_info = s.type == ELF::SHT_RELA     ? (i == FirstTable ? Text : Relro)
                : s.type == ELF::SHT_SYMTAB ? nLocal
                                            : 0;
    h.sh_entsize = s.type == ELF::SHT_RELA     ? sizeof(ELF::Elf64_Rela)
                   : s.type == ELF::SHT_SYMTAB ? sizeof(ELF::Elf64_Sym)
                                               : 0;
    name += std::strlen(s.name) + 1;
    at += s.bytes.size();
  }
  at = alignTo(at, 8);
  ELF::Elf64_Ehdr file = {};
  std::memcpy(file.e_ident, ELF::ElfMagic, 4);
  file.e_ident[ELF::EI_CLASS] = ELF::ELFCLASS64;
  file.e_ident[ELF::EI_DATA] = ELF::ELFDATA2LSB;
  file.e_ident[ELF::EI_VERSION] = ELF::EV_CURRENT;
  file.e_type = ELF::ET_REL;
  file.e_machine = isX86(in) ? ELF::EM_X86_64 : ELF::EM_AARCH64;
  file.e_version = ELF::EV_CURRENT;
  file.e_shoff = at;
  file.e_ehsize = sizeof file;
  file.e_shentsize = sizeof(ELF::Elf64_Shdr);
  file.e_shnum = headers.size();
  file.e_shstrndx = headers.size() - 1;

  auto output =
      MappedOutput::create(path, at + headers.size() * sizeof(ELF::Elf64_Shdr));
  if (!output)
    return output.takeError();
  char *base = (*output)->bytes().data();
  std::memcpy(base, &file, sizeof file);
  for (size_t i = 1; i < sections.size(); ++i)
    std::memcpy(base + headers[i].sh_offset, sections[i].bytes.data(),
                sections[i].bytes.size());
  std::memcpy(base + at, headers.data(), headers.size() * sizeof headers[0]);
  return (*output)->close();
}

} // namespace

Error writeDataObject(const ObjectInputs &inputs, const WeightsId &id,
                      bool willBeLinked, StringRef path) {
  return DataObject(inputs, id, willBeLinked).write(path);
}

} // namespace sinter
