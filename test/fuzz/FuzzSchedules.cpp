// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the file of --schedules, as text and as a file. What is refused names
// its line; what is taken is found again by what it says of itself, with its
// line.
#include "passes/schedule/ScheduleRecords.h"
#include "llvm/Support/JSON.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace sinter;
using llvm::StringRef;

// The record of a line as `find` wants it: define and target.
static void findLine(const schedule::ScheduleRecords &records, StringRef line) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(line);
  if (!value)
    std::abort();
  const llvm::json::Object *object = value->getAsObject();
  cpu::Target target = {};
  target.isa = *object->getString("isa");
  target.tuneCpu = *object->getString("uarch");
  const schedule::ScheduleRecord *found =
      records.find(*object->getString("define"), target);
  if (!found || found->origin.compare(0, 5, "text:") != 0)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef text(reinterpret_cast<const char *>(data), size);
  schedule::ScheduleRecords records, again;
  std::string why = llvm::toString(records.add(text, "text"));
  if (why.empty()) {
    for (StringRef rest = text; !rest.empty();) {
      StringRef line;
      std::tie(line, rest) = rest.split('\n');
      if (line = line.trim(); !line.empty() && !line.starts_with("#"))
        findLine(records, line);
    }
  } else if (!StringRef(why).starts_with("text:")) {
    std::abort();
  }
  static int file = memfd_create("schedules", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (ftruncate(file, 0) || pwrite(file, data, size, 0) != ssize_t(size))
    return 0;
  bool isRefused = bool(llvm::errorToBool(again.addFile(path)));
  if (isRefused == why.empty() || again.size() != records.size())
    std::abort();
  return 0;
}
