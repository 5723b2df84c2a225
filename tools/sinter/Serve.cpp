// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter serve REPOSITORY`: becomes sinter-server. Models that lie there as
// .onnx are compiled first, each by a child process with limits, into bundles
// in the cache, named by the hash of the model; the server then sees a view of
// the repository, made of links, in which every version is a bundle. The
// repository itself is only read.
#include "tools/sinter/Commands.h"

#include "compiler/pipeline/KernelCache.h"
#include "runtime/serve/bundle/Signature.h"
#include "runtime/serve/config/Config.h"
#include "tools/sinter/ServeFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sinter;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

/// A version that is no bundle yet.
struct Source {
  std::string model, version, onnx;
};

} // namespace

static std::vector<std::string> entriesOf(const llvm::Twine &folder) {
  std::vector<std::string> names;
  std::error_code bad;
  for (fs::directory_iterator at(folder, bad), end; !bad && at != end;
       at.increment(bad))
    if (llvm::StringRef name = path::filename(at->path()); name.front() != '.')
      names.push_back(name.str());
  llvm::sort(names);
  return names;
}

// The .onnx of a folder that holds no object; empty when there is none.
static std::string modelIn(const std::string &folder) {
  std::string found;
  for (const std::string &name : entriesOf(folder)) {
    if (llvm::StringRef(name).ends_with(".so"))
      return "";
    if (llvm::StringRef(name).ends_with(".onnx") && found.empty())
      found = folder + "/" + name;
  }
  return found;
}

static bool isNumber(llvm::StringRef text) {
  return !text.empty() && llvm::all_of(text, llvm::isDigit);
}

static std::vector<Source> findSources(const std::string &repository) {
  std::vector<Source> sources;
  for (const std::string &model : entriesOf(repository)) {
    std::string folder = repository + "/" + model;
    if (std::string onnx = modelIn(folder); !onnx.empty())
      sources.push_back({model, "1", onnx});
    for (const std::string &version : entriesOf(folder))
      if (isNumber(version))
        if (std::string onnx = modelIn(folder + "/" + version); !onnx.empty())
          sources.push_back({model, version, onnx});
  }
  return sources;
}

// A hostile model must not take the machine with it.
static void limitChild() {
  rlimit seconds = {3600, 3600}, none = {0, 0};
  setrlimit(RLIMIT_CPU, &seconds);
  setrlimit(RLIMIT_CORE, &none);
  rlimit memory;
  memory.rlim_cur = memory.rlim_max =
      rlim_t(sysconf(_SC_PHYS_PAGES)) * rlim_t(sysconf(_SC_PAGESIZE)) / 4 * 3;
  setrlimit(RLIMIT_DATA, &memory);
  nice(10);
}

static bool compileChild(const std::string &program, const Source &source,
                         const std::string &out) {
  pid_t child = fork();
  if (child == 0) {
    limitChild();
    const char *const words[] = {
        program.c_str(), "package", source.onnx.c_str(),  "-o",
        out.c_str(),     "--name",  source.model.c_str(), nullptr};
    execv(program.c_str(), const_cast<char *const *>(words));
    _exit(127);
  }
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The bundle of a model in the cache, compiled when it is not there; empty when
// that fails: the child has said why.
static std::string bundleOf(const std::string &program, const Source &source,
                            const std::string &cache) {
  int file = open(source.onnx.c_str(), O_RDONLY | O_CLOEXEC);
  std::string digest;
  bool isRead = file >= 0 && serve::digestFile(file, digest).ok();
  if (file >= 0)
    close(file);
  if (!isRead) {
    llvm::errs() << "sinter: error: cannot read '" << source.onnx << "'\n";
    return "";
  }
  std::string key =
      serve::digestText(digest + "\n" + source.model + "\n" SINTER_VERSION);
  std::string folder = cache + "/bundles/" + key;
  if (fs::exists(folder + "/model.so"))
    return folder;
  llvm::errs() << "compiling " << source.onnx << "\n";
  fs::create_directories(cache + "/bundles");
  return compileChild(program, source, folder) ? folder : "";
}

static void linkTo(const std::string &target, const std::string &link) {
  llvm::SmallString<256> whole(target);
  fs::make_absolute(whole);
  fs::create_link(whole, link);
}

// A folder of links: what is a bundle, and what has become one.
static std::string makeView(const std::string &program,
                            const std::string &repository,
                            const std::vector<Source> &sources,
                            const std::string &cache) {
  llvm::SmallString<256> whole(repository);
  fs::make_absolute(whole);
  std::string view = cache + "/views/" + serve::digestText(whole.str().str());
  fs::remove_directories(view);
  for (const std::string &model : entriesOf(repository)) {
    std::string folder = repository + "/" + model;
    fs::create_directories(view + "/" + model);
    for (const std::string &name : entriesOf(folder)) {
      bool isSource = llvm::any_of(sources, [&](const Source &source) {
        return source.model == model && source.version == name;
      });
      if (!isSource)
        linkTo(folder + "/" + name, view + "/" + model + "/" + name);
    }
  }
  for (const Source &source : sources) {
    std::string version = view + "/" + source.model + "/" + source.version;
    std::string bundle = bundleOf(program, source, cache);
    if (bundle.empty())
      fs::create_directories(version); // the index will say what it lacks
    else
      linkTo(bundle, version);
  }
  return view;
}

static llvm::Expected<int> serveRepository(std::vector<std::string> words) {
  serve::CommandLine line;
  if (serve::Status status = serve::parseCommandLine(words, line); !status.ok())
    return userError(ErrorCode::U006, status.message,
                     "sinter serve --help lists them.");
  auto server = findServer();
  if (!server)
    return server.takeError();
  if (!line.repository.empty() && !line.help && !line.version) {
    if (!fs::is_directory(line.repository))
      return userError(ErrorCode::U001,
                       "'" + line.repository + "' is not a folder");
    std::vector<Source> sources = findSources(line.repository);
    if (!sources.empty()) {
      std::string program = fs::getMainExecutable(
          "sinter", reinterpret_cast<void *>(&serveRepository));
      std::string view = makeView(program, line.repository, sources,
                                  defaultCacheDir() + "/serve");
      words.erase(llvm::find(words, line.repository));
      words.push_back(view);
    }
  }
  std::vector<char *> argv = {server->data()};
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(server->c_str(), argv.data());
  return userError(ErrorCode::O010, *server + ": " + std::strerror(errno));
}

ExitCode sinter::runServe(const Arguments &arguments) {
  auto result = serveRepository(arguments.passed);
  return printError("serve", result.takeError());
}
