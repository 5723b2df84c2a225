// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants are references, not attributes: a model's weights stay in the
// mapped file and every pass hands around a key. A constant that the compiler
// computed (a folded scale, a transposed matrix) owns its bytes and remembers
// how it was derived, so that `sinter repack` can derive it again from other
// weights.

#ifndef SINTER_DIALECTS_GRAPH_WEIGHTSTORE_H
#define SINTER_DIALECTS_GRAPH_WEIGHTSTORE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include <memory>
#include <string>
#include <vector>

namespace sinter::graph {

struct Weight {
  /// Little-endian elements in row-major order, tightly packed. Bools are
  /// bytes.
  llvm::ArrayRef<char> bytes;
  /// Empty for a weight of the model file; otherwise how it was computed, e.g.
  /// "mul(conv1.weight, bn1.scale)".
  std::string recipe;
};

class WeightStore {
public:
  /// Adds bytes that outlive the store's users (a mapped file, see keepAlive).
  /// `key` is made unique by a suffix; the key used is returned.
  std::string addBorrowed(llvm::StringRef key, llvm::ArrayRef<char> bytes);
  /// Adds computed bytes.
  std::string addOwned(llvm::StringRef key, std::vector<char> bytes,
                       llvm::StringRef recipe);
  /// Null when there is no such key.
  const Weight *find(llvm::StringRef key) const;
  /// Keeps `owner` alive as long as the store.
  void keepAlive(std::shared_ptr<void> owner) {
    owners.push_back(std::move(owner));
  }
  /// The same for a file that is mapped at `bytes`.
  void keepMapped(std::shared_ptr<void> owner, llvm::StringRef bytes) {
    keepAlive(std::move(owner));
    mappings.push_back(bytes);
  }
  /// Takes the pages of these bytes out of our memory where they lie in a
  /// mapped file; whoever reads them gets them from the file again. Any thread
  /// may call it, also while others read.
  void release(llvm::ArrayRef<char> bytes) const;

private:
  std::string insert(llvm::StringRef key, Weight weight);

  llvm::StringMap<Weight> weights;
  std::vector<std::unique_ptr<std::vector<char>>> owned;
  std::vector<std::shared_ptr<void>> owners;
  std::vector<llvm::StringRef> mappings;
};

} // namespace sinter::graph

#endif // SINTER_DIALECTS_GRAPH_WEIGHTSTORE_H
