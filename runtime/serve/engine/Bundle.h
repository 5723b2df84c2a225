// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One version of a model as the engine takes it: open descriptors, never paths
// that are read twice, so what was verified is what runs. The plain opener
// below takes a folder as it is; a server that checks signatures or reads
// archives puts its own into EngineOptions::openBundle.
#ifndef SINTER_SERVE_ENGINE_BUNDLE_H
#define SINTER_SERVE_ENGINE_BUNDLE_H

#include "runtime/serve/engine/MappedWeights.h"
#include "runtime/serve/engine/Status.h"
#include "sinter/sinter.h"

#include <functional>
#include <string>
#include <vector>

namespace sinter::serve {

/// Owns its descriptors; moved, not copied.
struct Bundle {
  int object = -1; ///< the .so, for as long as it is loaded
  int golden = -1; ///< golden.npz, or -1
  const sinter_model *linked =
      nullptr;          ///< part of this program, in place of `object`
  std::string manifest; ///< JSON; empty = the object's own
  std::string weights;  ///< path of a .weights file, when there is one
  MappedWeights mapped; ///< or they lie in a file with other things

  uint64_t bytes = 0; ///< of memory it stands for; 0 = the size of `object`

  Bundle() = default;
  Bundle(Bundle &&other) noexcept { *this = std::move(other); }
  Bundle &operator=(Bundle &&other) noexcept;
  ~Bundle();
};

using BundleOpener =
    std::function<Status(const std::string &path, Bundle &out)>;

/// Opens model.so (or the only .so), manifest.json and golden.npz of a folder.
Status openFolder(const std::string &path, Bundle &out);

/// Copies bytes [offset, offset + n) of a file into a sealed memory file: an
/// object inside an executable cannot be mapped by the loader where it lies.
Status openEmbedded(int descriptor, uint64_t offset, uint64_t n, Bundle &out);

/// A version that a repository holds, and where.
struct FoundVersion {
  uint64_t number = 0;
  std::string path;
  uint64_t stamp = 0; ///< changes when the files do
};

/// The models of a repository, by name; empty with a reason when it cannot be
/// read.
std::vector<std::string> listModels(const std::string &repository,
                                    Status &status);
/// The versions of one model, ascending: folders or .tar files named by a
/// number, or the model's folder itself as version 1.
std::vector<FoundVersion> listVersions(const std::string &repository,
                                       const std::string &model,
                                       Status &status);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_BUNDLE_H
