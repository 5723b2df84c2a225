// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/ServeFile.h"

#include "compiler/pipeline/Golden.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/report/TextFile.h"
#include "compiler/report/UserError.h"
#include "runtime/npz/Npz.h"
#include "sinter/sinter.h"
#include "tools/sinter/Session.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <list>
#include <sys/stat.h>
#include <unistd.h>

using namespace sinter;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;
namespace json = llvm::json;

BundleParts &BundleParts::operator=(BundleParts &&other) noexcept {
  std::swap(members, other.members);
  return *this;
}

BundleParts::~BundleParts() {
  for (serve::NewMember &member : members)
    if (member.file >= 0)
      close(member.file);
}

// The bundle's manifest says more than the object's: what the model is called
// here, what file it was, which is a name that it answers to as well, and how
// near a self-test must come.
static llvm::Expected<std::string> bundleManifest(const std::string &text,
                                                  const std::string &name,
                                                  const std::string &modelPath,
                                                  const Golden &golden) {
  auto parsed = json::parse(text);
  if (!parsed)
    return parsed.takeError();
  json::Object *object = parsed->getAsObject();
  if (!object)
    return userError(ErrorCode::O004,
                     "the object's manifest is no JSON object");
  (*object)["name"] = json::fixUTF8(name);
  (*object)["model_file"] = json::fixUTF8(path::stem(modelPath));
  object->erase("golden");
  if (!golden.tensors.empty())
    (*object)["golden"] = json::Object{
        {"file", "golden.npz"}, {"seed", 1}, {"tolerance", golden.tolerance}};
  return llvm::formatv("{0}", json::Value(std::move(*object))).str();
}

static llvm::Error openMember(const char *name, const std::string &file,
                              BundleParts &parts) {
  int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return userError(ErrorCode::O001, std::string("the ") + name +
                                          " that was just written cannot be "
                                          "read again");
  parts.members.push_back({name, descriptor, ""});
  return llvm::Error::success();
}

static llvm::Error writeGolden(const Golden &golden, const std::string &file) {
  std::vector<sinter_npz_array> arrays;
  std::list<std::vector<sinter_text>> texts; // what some arrays point into
  for (const GoldenTensor &tensor : golden.tensors) {
    sinter_npz_array array = {};
    array.name = tensor.name.c_str();
    array.dtype = tensor.dtype;
    array.rank = uint8_t(tensor.dims.size());
    std::copy(tensor.dims.begin(), tensor.dims.end(), array.dim);
    array.data = tensor.bytes.data();
    array.bytes = tensor.bytes.size();
    if (tensor.dtype == SINTER_STRING) {
      texts.emplace_back();
      for (const std::string &text : tensor.texts)
        texts.back().push_back({text.data(), text.size()});
      array.data = texts.back().data();
      array.bytes = texts.back().size() * sizeof(sinter_text);
    }
    arrays.push_back(array);
  }
  char problem[512];
  if (sinter_npz_write(file.c_str(), arrays.data(), uint32_t(arrays.size()),
                       problem, sizeof problem))
    return userError(ErrorCode::O001, problem);
  return llvm::Error::success();
}

// A model that refuses our inputs has no golden vectors; it can be served.
static Golden goldenOf(const CompileOptions &options,
                       const std::string &soPath) {
  GoldenOptions extents;
  if (auto session = Session::open(soPath, 1))
    std::tie(extents.height, extents.width) = (*session)->pictureSize();
  else // of another machine
    llvm::consumeError(session.takeError());
  auto golden = makeGolden(options, extents);
  if (golden)
    return std::move(*golden);
  llvm::errs() << options.modelPath << ": note: no golden vectors: "
               << llvm::toString(golden.takeError()) << "\n";
  return {};
}

llvm::Expected<BundleParts> sinter::makeBundle(const CompileOptions &options,
                                               const std::string &name,
                                               bool withGolden,
                                               const TemporaryFolder &folder) {
  CompileOptions compile = options;
  compile.outputPath = folder.file("model.so");
  if (llvm::Error error = compileModel(compile))
    return std::move(error);
  auto loaded = loadModel(compile.outputPath);
  if (!loaded)
    return loaded.takeError();
  Golden golden = withGolden ? goldenOf(options, compile.outputPath) : Golden();
  auto manifest =
      bundleManifest(manifestOf(*loaded), name, options.modelPath, golden);
  if (!manifest)
    return manifest.takeError();
  BundleParts parts;
  if (llvm::Error error = openMember("model.so", compile.outputPath, parts))
    return std::move(error);
  parts.members.push_back({"manifest.json", -1, std::move(*manifest)});
  if (std::string weights = folder.file("model.weights"); fs::exists(weights))
    if (llvm::Error error = openMember("model.weights", weights, parts))
      return std::move(error);
  if (golden.tensors.empty())
    return std::move(parts);
  std::string file = folder.file("golden.npz");
  if (llvm::Error error = writeGolden(golden, file))
    return std::move(error);
  if (llvm::Error error = openMember("golden.npz", file, parts))
    return std::move(error);
  return std::move(parts);
}

llvm::Expected<std::string> sinter::findServer() {
  llvm::SmallString<256> file(
      fs::getMainExecutable("sinter", reinterpret_cast<void *>(&findServer)));
  path::remove_filename(file);
  path::append(file, "sinter-server");
  if (fs::can_execute(file))
    return file.str().str();
  return userError(
      ErrorCode::O010, "there is no server at '" + file.str() + "'",
      "sinter-server is installed beside sinter; build or copy it");
}

static llvm::Error cannotWrite(const std::string &file, llvm::StringRef why) {
  return userError(errno == ENOSPC ? ErrorCode::O002 : ErrorCode::O001,
                   "'" + file + "': " + why);
}

llvm::Error
sinter::writeWhole(const std::string &file, unsigned mode,
                   llvm::function_ref<serve::Status(int file)> write) {
  fs::file_status existing;
  if (!fs::status(file, existing) && fs::exists(existing) &&
      existing.type() != fs::file_type::regular_file)
    return userError(ErrorCode::O001,
                     "cannot write '" + file +
                         "': it exists and is no regular file");
  int descriptor = -1;
  std::string temporary = temporaryBeside(file);
  if (std::error_code bad = fs::openFileForWrite(
          temporary, descriptor, fs::CD_CreateNew, fs::OF_None, mode))
    return cannotWrite(file, bad.message());
  llvm::sys::RemoveFileOnSignal(temporary);
  serve::Status status = write(descriptor);
  if (close(descriptor) && status.ok())
    status = {serve::Code::unavailable, std::strerror(errno)};
  llvm::Error error = llvm::Error::success();
  if (!status.ok())
    error = cannotWrite(file, status.message);
  else if (std::error_code bad = fs::rename(temporary, file))
    error = cannotWrite(file, bad.message());
  if (error)
    fs::remove(temporary);
  llvm::sys::DontRemoveFileOnSignal(temporary);
  return error;
}

static serve::Status copyServer(const std::string &server, int to) {
  int from = open(server.c_str(), O_RDONLY | O_CLOEXEC);
  if (from < 0)
    return {serve::Code::unavailable, server + ": " + std::strerror(errno)};
  serve::Status status = serve::copyWhole(from, to);
  close(from);
  return status;
}

llvm::Error sinter::writeServeFile(const CompileOptions &options, bool golden) {
  auto server = findServer();
  if (!server)
    return server.takeError();
  TemporaryFolder folder;
  CompileOptions compile = options;
  if (compile.prefix.empty())
    compile.prefix = "model";
  // The loader cannot map an object inside another file, so the server copies
  // it; weights it maps where they lie.
  compile.weightsInFile = true;
  auto parts =
      makeBundle(compile, path::stem(options.outputPath).str(), golden, folder);
  if (!parts)
    return parts.takeError();
  return writeWhole(options.outputPath, 0777, [&](int file) {
    if (serve::Status status = copyServer(*server, file); !status.ok())
      return status;
    return serve::appendBundle(file, parts->members);
  });
}
