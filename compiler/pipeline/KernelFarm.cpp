// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One thread a worker process; jobs are taken from a shared counter and
// answered into their own places, so order never depends on timing.
#include "compiler/pipeline/KernelFarm.h"

#include "compiler/pipeline/Channel.h"
#include "compiler/report/UserError.h"
#include "dialects/Support/Parallel.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sinter;
using llvm::StringRef;

extern char **environ;

namespace {

// A worker process; started on first use, started again after a crash.
class Worker {
public:
  explicit Worker(const FarmOptions &options) : options(options) {}
  ~Worker() { stop(/*kill=*/false); }

  /// The object in `answer`, or a reason in `answer`.
  bool compile(const KernelRequest &request, std::string &answer);
  /// The last reason is the machine's, not the kernel's.
  bool isRefused() const { return refused; }
  /// The next job gets a new process.
  void retire() { stop(/*kill=*/false); }

private:
  bool start();
  std::string stop(bool kill);
  std::string readLog() const;

  const FarmOptions &options;
  pid_t pid = -1;
  int fd = -1, log = -1;
  bool refused = false;
};

struct Task {
  const KernelJob *job;
  std::string key;
  KernelCode code;
  std::string error;
  bool refused = false;
};

} // namespace

bool Worker::start() {
  if (pid > 0)
    return true;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return false;
  log = memfd_create("sinter-worker-log", MFD_CLOEXEC);
  std::vector<std::string> command = options.command;
  if (command.empty())
    command = {"/proc/self/exe", "--kernel-worker"};
  std::vector<char *> argv;
  for (std::string &word : command)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log, 2);
  int failed =
      posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  fd = ends[0];
  if (failed) {
    pid = -1;
    stop(/*kill=*/false);
    errno = failed;
  }
  return !failed;
}

std::string Worker::readLog() const {
  std::string text(4096, '\0');
  off_t end = lseek(log, 0, SEEK_END);
  ssize_t got =
      pread(log, text.data(), text.size(), std::max<off_t>(0, end - 4096));
  text.resize(std::max<ssize_t>(0, got));
  return text;
}

// Ends the process; says how it ended and what it printed last.
std::string Worker::stop(bool kill) {
  if (fd >= 0)
    close(fd);
  std::string end;
  if (pid > 0) {
    if (kill)
      ::kill(pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
      ;
    if (WIFSIGNALED(status))
      end = "the kernel compiler died of signal " +
            std::to_string(WTERMSIG(status)) + " (" +
            strsignal(WTERMSIG(status)) + ")";
    else
      end = "the kernel compiler exited with code " +
            std::to_string(WEXITSTATUS(status));
    std::string text = readLog();
    if (!text.empty())
      end += ":\n" + text;
  }
  if (log >= 0)
    close(log);
  pid = fd = log = -1;
  return end;
}

bool Worker::compile(const KernelRequest &job, std::string &answer) {
  std::string request = (job.plain ? "plain" : "full") + std::string(1, '\0') +
                        job.isa.str() + '\0' + job.symbol.str() + '\0' +
                        job.define.str();
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!start()) {
      answer = "no process could be started: " + std::string(strerror(errno));
      refused = true;
      return false;
    }
    Message reply;
    Receive got = Receive::Closed;
    if (sendMessage(fd, MessageKind::Compile, request))
      got = receiveMessage(fd, reply, options.timeoutMs);
    if (got == Receive::Ok) {
      answer = std::move(reply.bytes);
      return reply.kind == MessageKind::Code;
    }
    answer = got == Receive::TimedOut
                 ? "no answer after " +
                       std::to_string(options.timeoutMs / 1000) + " seconds; " +
                       stop(true)
                 : stop(true);
  }
  return false;
}

std::string sinter::reproduceCommand(const KernelJob &job,
                                     StringRef reproducer) {
  return "sinter-opt --sinter-compile-kernels=isa=" + job.isa + " " +
         reproducer.str() + " -o /dev/null";
}

// Saves what a developer needs to see the failure again; returns the path.
static std::string saveReproducer(const KernelJob &job, StringRef reason) {
  llvm::SmallString<128> path;
  int fd;
  if (llvm::sys::fs::createUniqueFile("sinter-reproducer-%%%%%%%%.mlir", fd,
                                      path) &&
      llvm::sys::fs::createTemporaryFile("sinter-reproducer", "mlir", fd, path))
    return "(it could not be saved)";
  llvm::raw_fd_ostream out(fd, /*shouldClose=*/true);
  out << "// kernel " << job.display << " for " << job.isa << "\n"
      << "// " << reproduceCommand(job, path) << "\n";
  llvm::SmallVector<StringRef> lines;
  reason.rtrim().split(lines, '\n');
  for (StringRef line : lines)
    out << "// " << line << "\n";
  out << job.define << "\n";
  out.close();
  bool failed = out.has_error();
  out.clear_error();
  return failed ? "(it could not be saved)" : path.str().str();
}

// A name from the contents, 64 bits of it: kernels of one object must not
// collide, and those of two objects never meet.
static std::string symbolOf(const KernelJob &job) {
  llvm::SHA256 hash;
  hash.update(job.isa + '\0');
  hash.update(job.define);
  return "sinter_k_" +
         llvm::toHex(hash.final(), /*LowerCase=*/true).substr(0, 16);
}

static void runTask(Task &task, Worker &worker, const KernelCache &cache) {
  if (auto bytes = cache.find(task.key)) {
    task.code.object = std::move(*bytes);
    return;
  }
  KernelRequest request{task.job->define, task.job->isa, task.code.symbol};
  std::string answer;
  if (worker.compile(request, answer)) {
    task.code.object.assign(answer.begin(), answer.end());
    cache.store(task.key, task.code.object);
    return;
  }
  // Plain code is never cached: what failed today is tried again tomorrow.
  task.code.failure = answer.empty() ? "no reason was given" : answer;
  if ((task.refused = worker.isRefused())) {
    task.error = answer;
    return;
  }
  worker.retire();
  request.plain = true;
  if (worker.compile(request, answer))
    task.code.object.assign(answer.begin(), answer.end());
  else
    task.error = task.code.failure +
                 "\nand not even plain code could be made: " +
                 (answer.empty() ? "no reason was given" : answer);
}

static void runAll(std::vector<Task> &tasks, const FarmOptions &options,
                   const KernelCache &cache) {
  std::atomic<size_t> next{0}, done{0};
  std::atomic<bool> failed{false};
  std::mutex progressLock;
  onThreads(std::min<size_t>(options.workers, tasks.size()), [&] {
    Worker worker(options);
    for (size_t at; !failed && (at = next++) < tasks.size();) {
      runTask(tasks[at], worker, cache);
      failed = failed || !tasks[at].error.empty();
      std::lock_guard<std::mutex> guard(progressLock);
      ++done;
      if (options.progress)
        options.progress(done, tasks.size());
    }
  });
}

llvm::Expected<std::vector<KernelCode>>
sinter::compileKernels(const std::vector<KernelJob> &jobs,
                       const FarmOptions &options) {
  KernelCache cache(options.cacheDir);
  std::vector<Task> tasks;
  std::vector<size_t> taskOf;
  llvm::StringMap<size_t> known;
  for (const KernelJob &job : jobs) {
    std::string key = kernelKey({job.isa, job.define});
    auto [it, isNew] = known.try_emplace(key, tasks.size());
    if (isNew) {
      tasks.push_back({&job, key, {symbolOf(job), {}, "", ""}, ""});
    }
    taskOf.push_back(it->second);
  }
  runAll(tasks, options, cache);
  for (Task &task : tasks) {
    if (task.refused)
      return userError(ErrorCode::O010,
                       "kernel '" + task.job->display +
                           "' could not be compiled: " + task.error,
                       "allow more processes and open files (ulimit -u, -n), "
                       "or lower --jobs");
    if (!task.code.isFallback())
      continue;
    task.code.reproducer = saveReproducer(*task.job, task.code.failure);
    if (!task.error.empty())
      return userError(ErrorCode::C001,
                       "kernel '" + task.job->display +
                           "' could not be compiled for " + task.job->isa +
                           "\n  " + StringRef(task.error).rtrim(),
                       "please report it with the file " +
                           task.code.reproducer + "; to see it again: " +
                           reproduceCommand(*task.job, task.code.reproducer));
  }
  std::vector<KernelCode> codes;
  for (size_t at : taskOf)
    codes.push_back(tasks[at].code);
  return codes;
}
