// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of things; each step has a file of its own.

#include "codegen/object/ObjectWriter.h"

#include "codegen/object/DataObject.h"
#include "codegen/object/Interface.h"
#include "codegen/object/Keywords.h"
#include "codegen/object/LinkTools.h"
#include "codegen/object/LocalSymbols.h"
#include "codegen/object/MappedOutput.h"
#include "codegen/object/ObjectError.h"
#include "sinter/model.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace sinter {

//===- Names --------------------------------------------------------------===//

Expected<OutputKind> outputKindOf(StringRef path) {
  StringRef suffix = sys::path::extension(path);
  if (suffix == ".o")
    return OutputKind::Object;
  if (suffix == ".a")
    return OutputKind::Archive;
  if (suffix == ".so")
    return OutputKind::Shared;
  if (suffix.empty())
    return OutputKind::Executable;
  return objectError(ErrorCode::U020,
                     "'" + path + "' ends in '" + suffix +
                         "', expected .o, .a, .so, .serve or no suffix");
}

static Error checkPrefix(StringRef prefix) {
  bool isWord = !prefix.empty() && !isDigit(prefix.front()) &&
                all_of(prefix, [](char c) { return isAlnum(c) || c == '_'; });
  if (!isWord || isKeyword(prefix))
    return objectError(ErrorCode::U021,
                       "the prefix '" + prefix + "' is no C identifier");
  if (prefix == "std" || prefix == "sinter")
    return objectError(ErrorCode::U021,
                       "the prefix '" + prefix +
                           "' would give the headers names that are taken");
  return Error::success();
}

Expected<std::string> prefixOf(StringRef path) {
  std::string prefix = sys::path::stem(path).lower();
  for (char &c : prefix)
    c = isAlnum(c) ? c : '_';
  if (!prefix.empty() && isDigit(prefix.front()))
    prefix = "m_" + prefix;
  if (Error e = checkPrefix(prefix))
    return std::move(e);
  return prefix;
}

//===- The steps ----------------------------------------------------------===//

static Error checkInputs(const ObjectInputs &in) {
  if (Error e = checkPrefix(in.prefix))
    return e;
  std::vector<uint64_t> aligned((in.image.size() + 7) / 8);
  std::copy(in.image.begin(), in.image.end(),
            reinterpret_cast<uint8_t *>(aligned.data()));
  sinter_error refused = {};
  if (sinter_image_verify(aligned.data(), in.image.size(), &refused))
    return objectError(ErrorCode::O004, "the program image does not verify");
  auto *image = reinterpret_cast<const sinter_image *>(aligned.data());
  for (const IsaColumn &isa : in.isas)
    if (isa.symbols.size() != image->section[SINTER_SEC_KERNELS].count)
      return objectError(ErrorCode::O004, "column '" + isa.name + "' has " +
                                              Twine(isa.symbols.size()) +
                                              " kernels");
  uint64_t end = 0;
  for (const WeightPiece &piece : in.weights) {
    if (piece.offset % 64 || piece.offset < end ||
        piece.bytes > in.weightsBytes ||
        piece.offset > in.weightsBytes - piece.bytes)
      return objectError(ErrorCode::O004,
                         "weights overlap at " + Twine(piece.offset));
    end = piece.offset + piece.bytes;
  }
  return Error::success();
}

static bool isLinked(OutputKind kind) {
  return kind == OutputKind::Shared || kind == OutputKind::Executable;
}

// Kernels, walker and data become the one file model.o, with one global symbol
// and without weights.
static Error makeObject(const ObjectInputs &in, const WeightsId &id,
                        OutputKind kind, const WorkFolder &folder) {
  std::vector<std::string> args = {"-r", "--build-id=none", "-znoexecstack"};
  args.push_back(folder.file("data.o"));
  if (Error e = writeDataObject(in, id, isLinked(kind), args.back()))
    return e;
  args.insert(args.end(), in.kernelPaths.begin(), in.kernelPaths.end());
  for (size_t i = 0; i < in.kernelBuffers.size(); ++i) {
    std::string name = "k" + std::to_string(i) + ".o";
    if (Error e = folder.write(name, in.kernelBuffers[i].getBuffer()))
      return e;
    args.push_back(folder.file(name));
  }
  if (Error e = folder.write("walker.o", embeddedWalker()))
    return e;
  args.push_back(folder.file("walker.o"));
  if (Error e = runLinker(folder, args, folder.file("model.o")))
    return e;
  sys::fs::remove(folder.file("data.o"));
  auto object = MappedOutput::open(folder.file("model.o"));
  if (!object)
    return object.takeError();
  if (Error e = localizeSymbols((*object)->bytes(), in.prefix + "_model"))
    return e;
  return (*object)->close();
}

// The one member is the end of the archive, where its header says how long it
// is: ten decimal digits, ten bytes before its own end.
static Error growMember(StringRef path, uint64_t begin) {
  auto archive = MappedOutput::open(path);
  if (!archive)
    return archive.takeError();
  MutableArrayRef<char> bytes = (*archive)->bytes();
  std::string size = std::to_string(bytes.size() - begin);
  if (size.size() > 10)
    return objectError(ErrorCode::O004, "an archive holds at most 9999999999 "
                                        "bytes, the object has " +
                                            size);
  size.resize(10, ' ');
  std::memcpy(bytes.data() + begin - 12, size.data(), size.size());
  return (*archive)->close();
}

static Error makeArchive(const ObjectInputs &in, const WorkFolder &folder,
                         StringRef stem) {
  auto start = placeWeights(in, folder.file("model.o"));
  if (!start)
    return start.takeError();
  // The member's name is that of the file.
  std::string member = stem.str() + ".o";
  if (std::error_code reason =
          sys::fs::rename(folder.file("model.o"), folder.file(member)))
    return writeError(member, reason);
  auto entry =
      NewArchiveMember::getFile(folder.file(member), /*Deterministic=*/true);
  if (!entry)
    return entry.takeError();
  entry->MemberName = member;
  std::vector<NewArchiveMember> members;
  members.push_back(std::move(*entry));
  std::string output = folder.file("output");
  if (Error e = writeArchive(output, members, SymtabWritingMode::NormalSymtab,
                             object::Archive::K_GNU, /*Deterministic=*/true,
                             /*Thin=*/false))
    return e;
  uint64_t archiveBytes = 0, memberBytes = members[0].Buf->getBufferSize();
  if (std::error_code reason = sys::fs::file_size(output, archiveBytes))
    return writeError(output, reason);
  uint64_t begin = archiveBytes - memberBytes;
  if (Error e = appendWeights(in, output, begin + *start))
    return e;
  return growMember(output, begin);
}

static Error makeOutput(const ObjectInputs &in, OutputKind kind, StringRef stem,
                        const WorkFolder &folder) {
  std::string object = folder.file("model.o"), output = folder.file("output");
  if (kind == OutputKind::Archive)
    return makeArchive(in, folder, stem);
  if (kind == OutputKind::Object) {
    auto start = placeWeights(in, object);
    if (!start)
      return start.takeError();
    if (std::error_code reason = sys::fs::rename(object, output))
      return writeError(stem, reason);
    return appendWeights(in, output, *start);
  }
  std::vector<std::string> args = sharedArgs();
  if (kind == OutputKind::Executable) {
    auto found = executableArgs(folder, in.prefix + "_model");
    if (!found)
      return found.takeError();
    args = *found;
  }
  args.push_back(object);
  if (Error e = runLinker(folder, args, output))
    return e;
  return insertWeights(in, output);
}

// What has the name of our weights may be what the model keeps its own in.
static Error checkReplaced(StringRef path) {
  uint64_t magic = 0;
  std::string name = path.str();
  FILE *file = fopen(name.c_str(), "rb");
  if (!file)
    return Error::success();
  bool isOurs = fread(&magic, sizeof magic, 1, file) == 1 &&
                magic == SINTER_WEIGHTS_MAGIC;
  fclose(file);
  if (isOurs)
    return Error::success();
  return objectError(ErrorCode::O001,
                     "'" + path +
                         "' exists and holds no weights of an object; give "
                         "-o another name, or remove it");
}

Error writeObject(const ObjectInputs &in, StringRef outPath) {
  auto kind = outputKindOf(outPath);
  if (!kind)
    return kind.takeError();
  if (Error e = checkInputs(in))
    return e;
  auto folder = WorkFolder::beside(outPath);
  if (!folder)
    return folder.takeError();
  if (Error e = folder->reserve(in.weightsBytes))
    return e;
  WeightsId id = {};
  if (in.weightsInFile) {
    auto written = writeWeightsFile(in, folder->file("weights"));
    if (!written)
      return written.takeError();
    id = *written;
  }
  StringRef stem = sys::path::stem(outPath);
  if (Error e = makeObject(in, id, *kind, *folder))
    return e;
  if (Error e = makeOutput(in, *kind, stem, *folder))
    return e;
  if (Error e = folder->write("output.h", makeCHeader(in)))
    return e;
  if (Error e =
          folder->write("output.hpp", makeCppHeader(in, (stem + ".h").str())))
    return e;
  auto beside = [&](StringRef suffix) {
    SmallString<256> path(outPath);
    sys::path::replace_extension(path, suffix);
    return path.str().str();
  };
  if (in.weightsInFile) {
    if (Error e = checkReplaced(beside(".weights")))
      return e;
    if (Error e = folder->publish("weights", beside(".weights")))
      return e;
  }
  if (Error e = folder->publish("output.h", beside(".h")))
    return e;
  if (Error e = folder->publish("output.hpp", beside(".hpp")))
    return e;
  return folder->publish("output", outPath);
}

Error linkShared(StringRef objectPath, StringRef outPath) {
  auto folder = WorkFolder::beside(outPath);
  if (!folder)
    return folder.takeError();
  std::vector<std::string> args = sharedArgs();
  args.insert(args.end(), {"--whole-archive", objectPath.str()});
  if (Error e = runLinker(*folder, args, folder->file("output")))
    return e;
  return folder->publish("output", outPath);
}

} // namespace sinter
