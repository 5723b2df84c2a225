// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinkTools.h.

#include "codegen/object/LinkTools.h"

#include "codegen/object/MappedOutput.h"
#include "codegen/object/ObjectError.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <cstring>
#include <optional>

using namespace llvm;

extern "C" {
extern const char sinter_embedded_walker[], sinter_embedded_walker_end[];
extern const char sinter_embedded_runtime[], sinter_embedded_runtime_end[];
extern const char sinter_embedded_main[], sinter_embedded_main_end[];
}

namespace sinter {

StringRef embeddedWalker() {
  return {sinter_embedded_walker,
          size_t(sinter_embedded_walker_end - sinter_embedded_walker)};
}
StringRef embeddedRuntime() {
  return {sinter_embedded_runtime,
          size_t(sinter_embedded_runtime_end - sinter_embedded_runtime)};
}
StringRef embeddedMain() {
  return {sinter_embedded_main,
          size_t(sinter_embedded_main_end - sinter_embedded_main)};
}

//===- WorkFolder ---------------------------------------------------------===//

Expected<WorkFolder> WorkFolder::beside(StringRef output) {
  SmallString<256> parent(sys::path::parent_path(output));
  if (parent.empty())
    parent = ".";
  if (!sys::fs::is_directory(parent))
    return writeError(
        output, std::make_error_code(std::errc::no_such_file_or_directory));
  if (StringRef(parent).contains(
          '%')) // ld.lld makes names from it in the same way
    return objectError(ErrorCode::O001,
                       "'" + parent +
                           "': ld.lld takes % in the name of a folder for a "
                           "wildcard; write elsewhere, and move the files");
  SmallString<256> model = parent, path;
  sys::path::append(model, ".sinter-%%%%%%%%");
  for (int tries = 0; tries < 128; ++tries) {
    sys::fs::createUniquePath(model, path, /*MakeAbsolute=*/false);
    std::error_code reason =
        sys::fs::create_directory(path, /*IgnoreExisting=*/false);
    if (!reason)
      return WorkFolder(path.str().str());
    if (reason != std::errc::file_exists)
      return writeError(output, reason);
  }
  return writeError(output, std::make_error_code(std::errc::file_exists));
}

WorkFolder::~WorkFolder() {
  if (!path.empty())
    sys::fs::remove_directories(path);
}

Error WorkFolder::write(StringRef name, StringRef bytes) const {
  auto output = MappedOutput::create(file(name), bytes.size());
  if (!output)
    return output.takeError();
  std::memcpy((*output)->bytes().data(), bytes.data(), bytes.size());
  return (*output)->close();
}

Error WorkFolder::publish(StringRef name, StringRef output) const {
  if (sys::fs::is_directory(output))
    return writeError(output, std::make_error_code(std::errc::is_a_directory));
  if (std::error_code reason = sys::fs::rename(file(name), output))
    return writeError(output, reason);
  return Error::success();
}

Error WorkFolder::reserve(uint64_t bytes) const {
  auto space = sys::fs::disk_space(path);
  if (space && space->available < bytes)
    return objectError(ErrorCode::O002, "'" + sys::path::parent_path(path) +
                                            "': needed " + Twine(bytes) +
                                            " bytes, there are " +
                                            Twine(space->available));
  return Error::success();
}

//===- Linking ------------------------------------------------------------===//

LinkPlaces::LinkPlaces()
    : linker(SINTER_LLVM_PREFIX "/bin/ld.lld"),
      libraries({"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                 "/usr/lib64", "/usr/lib"}) {}

Expected<std::string> findLinker(const LinkPlaces &places) {
  if (sys::fs::can_execute(places.linker))
    return places.linker;
  for (const char *name : {"ld.lld-22", "ld.lld"})
    if (auto found = sys::findProgramByName(name))
      return *found;
  return objectError(ErrorCode::O003,
                     "looked for '" + places.linker + "' and on PATH");
}

Error runLinker(const WorkFolder &folder, std::vector<std::string> args,
                StringRef output) {
  auto linker = findLinker();
  if (!linker)
    return linker.takeError();
  args.insert(args.begin(), *linker);
  args.insert(args.end(), {"-o", output.str()});
  std::string logFile = folder.file("linker.log"), message;
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(logFile),
                                          StringRef(logFile)};
  auto link = [&] {
    std::vector<StringRef> refs(args.begin(), args.end());
    return sys::ExecuteAndWait(*linker, refs, std::nullopt, redirects, 0, 0,
                               &message);
  };
  int status = link();
  // What it refuses ends it with 1. It dies where it is given no thread.
  if (status != 0 && status != 1) {
    args.push_back("--threads=1");
    status = link();
  }
  if (status == 0)
    return Error::success();
  auto log = MemoryBuffer::getFile(logFile);
  StringRef words = log ? (*log)->getBuffer().trim() : StringRef(message);
  auto space = sys::fs::disk_space(folder.file("."));
  bool isFull = words.contains("No space left") ||
                (space && space->available < (1 << 16));
  return objectError(isFull ? ErrorCode::O002 : ErrorCode::O004,
                     "ld.lld ended with " + Twine(status) + ": " +
                         words.take_front(2000));
}

// -z separate-loadable-segments is left out: pages of rodata and text may
// share.
std::vector<std::string> sharedArgs() {
  return {"-shared",
          "-Bsymbolic",
          "--build-id=none",
          "--hash-style=gnu",
          "-znoexecstack",
          "-zrelro",
          "-znow"};
}

Expected<std::vector<std::string>> executableArgs(const WorkFolder &folder,
                                                  StringRef function,
                                                  const LinkPlaces &places) {
  std::string library;
  for (const std::string &path : places.libraries)
    if (sys::fs::exists(path + "/Scrt1.o") &&
        sys::fs::exists(path + "/libc.so")) {
      library = path;
      break;
    }
  if (library.empty())
    return objectError(ErrorCode::O005,
                       "no Scrt1.o and libc.so in the library folders");
  if (Error e = folder.write("libsinter.a", embeddedRuntime()))
    return std::move(e);
  if (Error e = folder.write("libsinter_main.a", embeddedMain()))
    return std::move(e);
  return std::vector<std::string>{
      "-pie", "--build-id=none", "--hash-style=gnu", "-znoexecstack", "-zrelro",
      "-znow", "--gc-sections", "--dynamic-linker", SINTER_DYNAMIC_LINKER,
      "--defsym=sinter_main_model=" + function.str(),
      // for tools that look inside
      "--export-dynamic-symbol=" + function.str(), library + "/Scrt1.o",
      library + "/crti.o", "-u", "main", folder.file("libsinter_main.a"),
      folder.file("libsinter.a"), "-L" + library, "-lc", library + "/crtn.o"};
}

} // namespace sinter
