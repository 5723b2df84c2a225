// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter package`: a model as a bundle for a repository, as a folder or one
// tar. A bundle is never changed in place: what exists is not written over, and
// what is being written has another name until it is whole.
#include "tools/sinter/Commands.h"

#include "compiler/report/TextFile.h"
#include "runtime/serve/bundle/Signature.h"
#include "tools/sinter/Deploy.h"
#include "tools/sinter/ServeFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace sinter;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static llvm::Error signParts(const std::string &keyFile, BundleParts &parts) {
  auto key = llvm::MemoryBuffer::getFile(keyFile);
  if (!key)
    return userError(ErrorCode::U001, "cannot read the key '" + keyFile +
                                          "': " + key.getError().message());
  serve::Digests digests;
  for (const serve::NewMember &member : parts.members) {
    std::string &digest = digests[member.name];
    serve::Status status;
    if (member.file >= 0)
      status = serve::digestFile(member.file, digest);
    else
      digest = serve::digestText(member.text);
    if (!status.ok())
      return userError(ErrorCode::O001, status.message);
  }
  std::string signature;
  serve::Status status =
      serve::signDigests(digests, (*key)->getBuffer().str(), signature);
  if (!status.ok())
    return userError(ErrorCode::U006, keyFile + ": " + status.message);
  parts.members.push_back({"SIGNATURE", -1, std::move(signature)});
  return llvm::Error::success();
}

static serve::Status writeMember(const serve::NewMember &member, int to) {
  if (member.file >= 0)
    return serve::copyWhole(member.file, to);
  return serve::writeWhole(member.text, to);
}

static llvm::Error writeFolder(const std::string &out,
                               const BundleParts &parts) {
  if (fs::exists(out))
    return userError(ErrorCode::O001, "'" + out + "' exists already",
                     "a version is never changed in place: give the next "
                     "number, or remove the folder");
  llvm::SmallString<256> parent(out);
  path::remove_filename(parent);
  if (!parent.empty())
    fs::create_directories(parent);
  std::string temporary = temporaryBeside(out);
  if (std::error_code bad = fs::create_directory(temporary, false, fs::all_all))
    return userError(ErrorCode::O001, "'" + out + "': " + bad.message());
  TemporaryFolder unfinished(temporary);
  for (const serve::NewMember &member : parts.members)
    if (llvm::Error error =
            writeWhole(unfinished.file(member.name), 0666,
                       [&](int file) { return writeMember(member, file); }))
      return error;
  if (std::error_code bad = fs::rename(temporary, out))
    return userError(ErrorCode::O001, "'" + out + "': " + bad.message());
  return llvm::Error::success();
}

static llvm::Error writeBundle(const Arguments &arguments) {
  const std::string &out = arguments.compile.outputPath;
  TemporaryFolder folder;
  std::string name = arguments.name;
  if (name.empty())
    name = path::stem(arguments.file).str();
  auto parts = makeBundle(arguments.compile, name, arguments.golden, folder);
  if (!parts)
    return parts.takeError();
  if (!arguments.deploy.empty()) {
    Deployment what = {name, 0, parts->members[1].text};
    fs::file_size(folder.file("model.so"), what.objectBytes);
    if (llvm::Error error = writeDeployment(what, arguments.deploy))
      return error;
  }
  if (!arguments.sign.empty())
    if (llvm::Error error = signParts(arguments.sign, *parts))
      return error;
  if (llvm::StringRef(out).ends_with(".tar"))
    return writeWhole(out, 0666, [&](int file) {
      return serve::writeArchive(file, parts->members);
    });
  return writeFolder(out, *parts);
}

ExitCode sinter::runPackage(const Arguments &arguments) {
  return printError(arguments.file, writeBundle(arguments));
}
