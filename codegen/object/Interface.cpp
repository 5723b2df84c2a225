// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Interface.h. All comes from the image: what the headers say is what runs.

#include "codegen/object/Interface.h"

#include "codegen/object/Keywords.h"
#include "sinter/model.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>

using namespace llvm;

namespace sinter {
namespace {

struct TensorText {
  std::string name, word, cType, shape;
  bool isOutput = false;
  uint32_t slot = 0;
  std::vector<int64_t> dims;         // -1: depends on symbols
  std::vector<std::string> dimWords; // parameter names of those
  std::optional<int64_t> count;      // when all dims are known
};

StringRef typeName(uint16_t dtype) {
  switch (dtype) {
  case SINTER_F32:
    return "float";
  case SINTER_F64:
    return "double";
  case SINTER_U8:
  case SINTER_BOOL:
    return "uint8_t";
  case SINTER_I8:
    return "int8_t";
  case SINTER_U16:
  case SINTER_F16:
  case SINTER_BF16:
    return "uint16_t";
  case SINTER_I16:
    return "int16_t";
  case SINTER_I32:
    return "int32_t";
  case SINTER_I64:
    return "int64_t";
  case SINTER_U32:
    return "uint32_t";
  case SINTER_U64:
    return "uint64_t";
  case SINTER_STRING:
    return "sinter_text";
  default:
    return "uint8_t";
  }
}

// An identifier that is not taken yet; names of models are any bytes.
std::string makeWord(StringRef name, StringSet<> &taken) {
  std::string word;
  for (char c : name)
    word += isAlnum(c) ? c : '_';
  if (word.empty() || isDigit(word.front()))
    word = "t" + word;
  word += taken.contains(word) || isKeyword(word) ? "_" : "";
  while (!taken.insert(word).second)
    word += "_2";
  return word;
}

// Comments must not end early.
std::string inComment(StringRef text) {
  std::string clean;
  for (char c : text)
    clean += isPrint(c) && c != '*' && c != '\\' ? c : '?';
  return clean;
}

class ImageText {
public:
  explicit ImageText(const ObjectInputs &inputs)
      : in(inputs), bytes((inputs.image.size() + 7) / 8) {
    std::copy(in.image.begin(), in.image.end(),
              reinterpret_cast<uint8_t *>(bytes.data()));
    collect();
  }

  std::vector<TensorText> tensors;
  std::vector<std::string> symbols; // as in the model
  std::vector<std::string> symbolWords;

  // Bytes of scratch memory of one thread when nothing is dynamic.
  std::optional<uint64_t> staticScratch() const {
    if (!symbols.empty())
      return std::nullopt;
    sinter_model model = {};
    model.image = bytes.data();
    sinter_program program = {};
    program.model = &model;
    program.width = 1;
    std::vector<int64_t> slots(image()->n_slots);
    sinter_need need = {};
    if (sinter_walker.need(&program, nullptr, slots.data(), &need, nullptr))
      return std::nullopt;
    return need.scratch;
  }

private:
  const sinter_image *image() const {
    return reinterpret_cast<const sinter_image *>(bytes.data());
  }
  template <typename T> const T *table(int section) const {
    return reinterpret_cast<const T *>(
        reinterpret_cast<const char *>(bytes.data()) +
        image()->section[section].offset);
  }
  void collect();
  void addTensor(uint32_t slot, StringSet<> &taken);

  const ObjectInputs &in;
  std::vector<uint64_t> bytes;
};

void ImageText::addTensor(uint32_t slot, StringSet<> &taken) {
  const sinter_image_tensor &t =
      table<sinter_image_tensor>(SINTER_SEC_TENSORS)[slot];
  const int64_t *consts = table<int64_t>(SINTER_SEC_CONSTS);
  uint32_t nConsts = image()->section[SINTER_SEC_CONSTS].count;
  TensorText out;
  out.name = table<char>(SINTER_SEC_STRINGS) + t.name;
  out.word = makeWord(out.name, taken);
  out.cType = typeName(t.dtype).str();
  out.slot = slot;
  out.isOutput = slot >= image()->n_inputs;
  out.count = 1;
  std::vector<std::string> shape;
  StringSet<> dimWords;
  for (uint32_t k = 0; k < t.rank; ++k) {
    uint32_t dim = table<uint32_t>(SINTER_SEC_DIMS)[t.dims + k];
    bool isConst = dim >= symbols.size() && dim - symbols.size() < nConsts;
    out.dims.push_back(isConst ? consts[dim - symbols.size()] : -1);
    if (isConst) {
      shape.push_back(std::to_string(out.dims.back()));
      if (out.count)
        out.count = *out.count * out.dims.back();
      continue;
    }
    std::string word =
        dim < symbols.size() ? symbolWords[dim] : "d" + std::to_string(k);
    shape.push_back(dim < symbols.size() ? inComment(symbols[dim]) : "?");
    dimWords.insert("data");
    out.dimWords.push_back(makeWord(word, dimWords));
    out.count.reset();
  }
  out.shape = "[" + join(shape, ", ") + "]";
  tensors.push_back(out);
}

void ImageText::collect() {
  StringSet<> takenSymbols, taken;
  // What the class has for itself, and words that <errno.h> or a GNU compiler
  // replaces.
  for (const char *word :
       {"run", "make", "native", "Context", "Outputs", "model", "context", "in",
        "std", "sinter", "errno", "linux", "unix", "NULL", "EOF"})
    taken.insert(word), takenSymbols.insert(word);
  const auto *info = table<sinter_image_symbol>(SINTER_SEC_SYMBOLS);
  for (uint32_t i = 0; i < image()->section[SINTER_SEC_SYMBOLS].count; ++i) {
    symbols.push_back(table<char>(SINTER_SEC_STRINGS) + info[i].name);
    symbolWords.push_back(makeWord(symbols.back(), takenSymbols));
  }
  for (uint32_t slot = 0; slot < image()->n_inputs + image()->n_outputs; ++slot)
    addTensor(slot, taken);
}

void writeInput(raw_ostream &os, const TensorText &t) {
  os << "  /* " << inComment(t.name) << ": " << t.cType << " " << t.shape
     << " */\n";
  os << "  sinter_status " << t.word << "(sinter::Span<const " << t.cType;
  if (t.count)
    os << ", " << *t.count;
  os << "> data";
  for (const std::string &word : t.dimWords)
    os << ", int64_t " << word;
  os << ") {\n    return context.set(" << t.slot
     << ", data.data(), data.size(), {";
  size_t next = 0;
  for (size_t k = 0; k < t.dims.size(); ++k) {
    os << (k ? ", " : "");
    if (t.dims[k] >= 0)
      os << t.dims[k];
    else
      os << t.dimWords[next++];
  }
  os << "});\n  }\n";
}

} // namespace

std::string makeCHeader(const ObjectInputs &in) {
  ImageText text(in);
  std::string out, upper = StringRef(in.prefix).upper();
  raw_string_ostream os(out);
  os << "/* Written by sinter compile: how to call the model '" << in.prefix
     << "'. */\n"
     << "#ifndef SINTER_MODEL_" << upper << "_H\n#define SINTER_MODEL_" << upper
     << "_H\n\n"
     << "#include \"sinter/sinter.h\"\n\n#ifdef __cplusplus\nextern \"C\" "
        "{\n#endif\n\n"
     << "const sinter_model *" << in.prefix << "_model(void);\n\n";
  if (!text.tensors.empty()) {
    os << "/* Slots for sinter_set and sinter_get. */\nenum {\n";
    for (const TensorText &t : text.tensors)
      os << "  " << upper << (t.isOutput ? "_OUTPUT_" : "_INPUT_") << t.word
         << " = " << t.slot << ", /* " << t.cType << " " << t.shape << " */\n";
    os << "};\n\n";
  }
  if (!text.symbols.empty()) {
    os << "/* Places in the symbols of sinter_need_of. */\nenum {\n";
    for (size_t i = 0; i < text.symbols.size(); ++i)
      os << "  " << upper << "_SYMBOL_" << text.symbolWords[i] << " = " << i
         << ",\n";
    os << "};\n\n";
  }
  if (auto bytes = text.staticScratch())
    os << "/* Scratch memory of a context at width 1. */\n#define " << upper
       << "_SCRATCH_BYTES " << *bytes << "\n\n";
  os << "#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return out;
}

std::string makeCppHeader(const ObjectInputs &in, StringRef cHeaderName) {
  ImageText text(in);
  std::string out,
      guard = "SINTER_MODEL_" + StringRef(in.prefix).upper() + "_HPP",
      space = in.prefix + (in.prefix == "main" ? "_" : ""); // main() is there
  raw_string_ostream os(out);
  os << "// Written by sinter compile: the model '" << in.prefix
     << "' with typed tensors.\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n\n#include \""
     << cHeaderName << "\"\n#include \"sinter/sinter.hpp\"\n\nnamespace "
     << space << " {\n\n"
     << "inline const sinter_model *model() { return " << in.prefix
     << "_model(); }\n\n"
     << "struct Outputs {\n";
  for (const TensorText &t : text.tensors)
    if (t.isOutput)
      os << "  sinter::View<const " << t.cType << "> " << t.word << "; // "
         << t.shape << "\n";
  os << "};\n\n// One run at a time; the program outlives it.\nclass Context "
        "{\npublic:\n"
     << "  static sinter::Result<Context> make(const sinter::Program &program) "
        "{\n"
     << "    auto context = sinter::Context::make(program);\n"
     << "    if (!context)\n      return context.error();\n"
     << "    return Context(std::move(*context));\n  }\n\n";
  for (const TensorText &t : text.tensors)
    if (!t.isOutput)
      writeInput(os, t);
  os << "\n  // Outputs are valid until the next run.\n  "
        "sinter::Result<Outputs> run() {\n"
     << "    if (sinter::Error error = context.run())\n      return error;\n   "
        " return Outputs{";
  bool first = true;
  for (const TensorText &t : text.tensors)
    if (t.isOutput) {
      os << (first ? "" : ", ") << "context.output<" << t.cType << ">("
         << t.slot << ")";
      first = false;
    }
  os << "};\n  }\n\n  sinter::Context &native() { return context; "
        "}\n\nprivate:\n"
     << "  explicit Context(sinter::Context &&c) : context(std::move(c)) {}\n"
     << "  sinter::Context context;\n};\n\n} // namespace " << space
     << "\n\n#endif\n";
  return out;
}

} // namespace sinter
