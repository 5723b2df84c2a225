// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules that somebody measured, as JSON lines: a file that can be read,
// reviewed and merged. A record is found by what decides the code of a kernel:
//
//   {"define": "8c1f...", "isa": "x86-64-v3", "uarch": "znver3", "emitter": 1,
//    "tile_m": 5, "tile_n": 16, "unroll": 8, "prefetch": 1}
//
// `define` hashes the text of the kernel.define without its name and its
// schedule; sizes are in that text. A record changes speed and never a bit, so
// one that fits no kernel costs nothing. Other fields (times, machine) are for
// people. Of two records for one kernel, the later one counts.
//
// No MLIR here: the reader of a user's file is fuzzed by itself. ScheduleKey.h
// makes the hash.

#ifndef SINTER_PASSES_SCHEDULE_SCHEDULERECORDS_H
#define SINTER_PASSES_SCHEDULE_SCHEDULERECORDS_H

#include "dialects/target/Target.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace sinter::schedule {

/// Grows when the same schedule means other code.
constexpr int64_t kEmitterVersion = 1;

struct ScheduleRecord {
  int64_t emitter = 0, tileM = 0, tileN = 0, unroll = 0, prefetch = 0;
  std::string origin; // "FILE:LINE", for remarks
};

class ScheduleRecords {
public:
  /// Adds the lines of `text`; `name` is for messages. Fails with the line.
  llvm::Error add(llvm::StringRef text, llvm::StringRef name);
  llvm::Error addFile(const std::string &path);
  /// The record of a kernel on a target; null when there is none.
  const ScheduleRecord *find(llvm::StringRef define,
                             const cpu::Target &target) const;
  size_t size() const { return records.size(); }

private:
  llvm::StringMap<ScheduleRecord> records;
};

/// The table that this build carries: passes/schedule/shipped.jsonl.
llvm::StringRef shippedRecords();

} // namespace sinter::schedule

#endif // SINTER_PASSES_SCHEDULE_SCHEDULERECORDS_H
