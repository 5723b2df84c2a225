// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading records: lines that people write by hand, too.

#include "passes/schedule/ScheduleRecords.h"

#include "passes/schedule/ShippedRecords.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using llvm::StringRef;

namespace sinter::schedule {

constexpr int64_t kMostBytes = 64 << 20; // of a file of records

static std::string keyOf(StringRef define, StringRef isa, StringRef uarch) {
  return (define + "/" + isa + "/" + uarch).str();
}

static llvm::Error refuse(StringRef where, const llvm::Twine &what) {
  return llvm::createStringError(where + ": " + what);
}

static llvm::Expected<std::string> parseRecord(StringRef line,
                                               ScheduleRecord &record) {
  // LLVM's parser calls itself for each level; a record has one.
  if (line.count('[') + line.count('{') > 64)
    return llvm::createStringError("is nested too deeply for a record");
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(line);
  if (!value)
    return value.takeError();
  const llvm::json::Object *object = value->getAsObject();
  if (!object)
    return llvm::createStringError("expected an object");
  std::string texts[3];
  const char *const names[] = {"define", "isa", "uarch"};
  for (int i = 0; i < 3; ++i) {
    std::optional<StringRef> text = object->getString(names[i]);
    if (!text || text->empty())
      return llvm::createStringError("lacks the text '%s'", names[i]);
    texts[i] = text->str();
  }
  for (auto [name, into] : {std::pair{"emitter", &record.emitter},
                            {"tile_m", &record.tileM},
                            {"tile_n", &record.tileN},
                            {"unroll", &record.unroll},
                            {"prefetch", &record.prefetch}}) {
    std::optional<int64_t> number = object->getInteger(name);
    if (!number)
      return llvm::createStringError("lacks the number '%s'", name);
    *into = *number;
  }
  return keyOf(texts[0], texts[1], texts[2]);
}

llvm::Error ScheduleRecords::add(StringRef text, StringRef name) {
  for (unsigned number = 1; !text.empty(); ++number) {
    auto [line, rest] = text.split('\n');
    text = rest;
    line = line.trim();
    if (line.empty() || line.starts_with("#"))
      continue;
    std::string where = (name + ":" + llvm::Twine(number)).str();
    ScheduleRecord record;
    llvm::Expected<std::string> key = parseRecord(line, record);
    if (!key)
      return refuse(where, llvm::toString(key.takeError()));
    record.origin = where;
    records[*key] = record;
  }
  return llvm::Error::success();
}

llvm::Error ScheduleRecords::addFile(const std::string &path) {
  llvm::sys::fs::file_status status;
  if (!llvm::sys::fs::status(path, status) &&
      status.type() == llvm::sys::fs::file_type::character_file)
    return refuse(path, "is a device; it may have no end");
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return refuse(path, file.getError().message());
  if (int64_t((*file)->getBufferSize()) > kMostBytes)
    return refuse(path, "is over 64 MB, which no file of schedules is");
  return add((*file)->getBuffer(), path);
}

const ScheduleRecord *ScheduleRecords::find(StringRef define,
                                            const cpu::Target &target) const {
  auto it = records.find(keyOf(define, target.isa, target.tuneCpu));
  if (it == records.end() && !target.recordsOf.empty())
    it = records.find(keyOf(define, target.recordsOf, target.tuneCpu));
  return it == records.end() ? nullptr : &it->second;
}

StringRef shippedRecords() { return kShippedRecords; }

} // namespace sinter::schedule
