// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `compile --emit=server-source -o FOLDER`: the server of a model as a program
// that a team owns: a short main, its CMake file, the object and its header.
// What the main calls is the library that every .serve file is made of.
#include "tools/sinter/ServerSource.h"

#include "codegen/object/ObjectWriter.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/report/UserError.h"
#include "tools/sinter/ServeFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace sinter;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static const char mainText[] =
    R"(// The server of @NAME@. `sinter compile --emit=server-source` wrote this file
// once; it is yours to change.
#include "@NAME@.h"
#include "runtime/serve/main/Server.h"

#include <cstdio>
#include <cstdlib>

using namespace sinter::serve;

static int complain(const Status &status) {
  std::fprintf(stderr, "error: %s\n", status.message.c_str());
  return 2;
}

int main(int argc, char **argv) {
  // Flags, environment (SINTER_...) and --config FILE, as sinter-server takes them.
  CommandLine line;
  ServerConfig config;
  ConfigValues values;
  if (Status status = parseCommandLine({argv + 1, argv + argc}, line); !status.ok())
    return complain(status);
  if (line.help)
    return std::fputs(configHelp().c_str(), stdout) < 0;
  auto load = [&](ServerConfig &out) { return loadConfig(line, std::getenv, out, values); };
  if (Status status = load(config); !status.ok())
    return complain(status);

  // The model that is linked into this program.
  EngineOptions::Embedded model;
  model.name = "@NAME@";
  model.linked = @NAME@_model();

  // Loads it, then listens.
  blockSignals();
  Status status;
  auto server = Server::start(config, {model}, status);
  if (!server)
    return complain(status);
  for (const std::string &address : server->addresses())
    std::printf("%s\n", address.c_str());
  std::printf("ready\n");
  std::fflush(stdout);

  // SIGHUP reads the configuration again; SIGTERM drains and ends.
  return serveUntilStopped(*server, config, load);
}
)";

static const char cmakeText[] =
    R"(# The server of @NAME@: cmake -B build && cmake --build build
cmake_minimum_required(VERSION 3.25)
project(@NAME@_server LANGUAGES C CXX)
set(CMAKE_CXX_STANDARD 17)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

set(SINTER_BUILD "@BUILD@" CACHE PATH "Folder in which Sinter was built")
find_package(Threads REQUIRED)
include("${SINTER_BUILD}/SinterServer.cmake")

add_executable(@NAME@-server main.cpp)
target_link_libraries(@NAME@-server PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/@NAME@.o" sinter::sinter_server)
)";

static std::string fill(std::string text, llvm::StringRef name,
                        llvm::StringRef build) {
  for (auto [key, value] :
       {std::pair<llvm::StringRef, llvm::StringRef>{"@NAME@", name},
        {"@BUILD@", build}})
    for (size_t at; (at = text.find(key)) != std::string::npos;)
      text.replace(at, key.size(), value);
  return text;
}

llvm::Error sinter::writeServerSource(const CompileOptions &options) {
  std::string folder = options.outputPath;
  if (folder == "-")
    return userError(ErrorCode::U006, "--emit=server-source writes a folder",
                     "give its name with -o");
  std::string name = options.prefix;
  if (name.empty()) {
    auto prefix = prefixOf(options.modelPath);
    if (!prefix)
      return prefix.takeError();
    name = *prefix;
  }
  if (std::error_code bad = fs::create_directories(folder))
    return userError(ErrorCode::O001, "'" + folder + "': " + bad.message());
  CompileOptions compile = options;
  compile.emit = EmitKind::Object;
  compile.prefix = name;
  compile.outputPath = folder + "/" + name + ".o";
  if (llvm::Error error = compileModel(compile))
    return error;
  llvm::SmallString<256> build(fs::getMainExecutable(
      "sinter", reinterpret_cast<void *>(&writeServerSource)));
  path::remove_filename(build); // bin
  path::remove_filename(build);
  for (auto [file, text] :
       {std::pair<const char *, const char *>{"main.cpp", mainText},
        {"CMakeLists.txt", cmakeText}}) {
    std::string filled = fill(text, name, build);
    llvm::Error error = writeWhole(folder + "/" + file, 0666, [&](int to) {
      return serve::writeWhole(filled, to);
    });
    if (error)
      return error;
  }
  return llvm::Error::success();
}
