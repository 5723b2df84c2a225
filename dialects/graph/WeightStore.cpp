// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys are unique: a second tensor of the same name gets a suffix.

#include "dialects/graph/WeightStore.h"

#include "llvm/Support/MathExtras.h"
#include <sys/mman.h>
#include <unistd.h>

namespace sinter::graph {

std::string WeightStore::insert(llvm::StringRef key, Weight weight) {
  std::string unique = key.str();
  for (unsigned suffix = 2; weights.contains(unique); ++suffix)
    unique = key.str() + "#" + std::to_string(suffix);
  weights.try_emplace(unique, std::move(weight));
  return unique;
}

std::string WeightStore::addBorrowed(llvm::StringRef key,
                                     llvm::ArrayRef<char> bytes) {
  return insert(key, {bytes, ""});
}

std::string WeightStore::addOwned(llvm::StringRef key, std::vector<char> bytes,
                                  llvm::StringRef recipe) {
  owned.push_back(std::make_unique<std::vector<char>>(std::move(bytes)));
  return insert(key, {*owned.back(), recipe.str()});
}

const Weight *WeightStore::find(llvm::StringRef key) const {
  auto it = weights.find(key);
  return it == weights.end() ? nullptr : &it->second;
}

// Of anonymous memory the same call would throw the contents away, so the bytes
// must lie within a mapping that is known here.
void WeightStore::release(llvm::ArrayRef<char> bytes) const {
  auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  uintptr_t end = begin + bytes.size(), page = sysconf(_SC_PAGESIZE);
  for (llvm::StringRef file : mappings) {
    auto fileBegin = reinterpret_cast<uintptr_t>(file.data());
    if (begin < fileBegin || end > fileBegin + file.size())
      continue;
    begin = llvm::alignTo(begin, page);
    end = llvm::alignDown(end, page);
    if (begin < end)
      madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
    return;
  }
}

} // namespace sinter::graph
