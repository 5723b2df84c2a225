// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which versions of which models there are, right now. A catalogue never
// changes: a control action copies it, edits the copy and swaps it in
// (Snapshot.h), so a request sees all of an action or nothing.
#ifndef SINTER_SERVE_ENGINE_CATALOGUE_H
#define SINTER_SERVE_ENGINE_CATALOGUE_H

#include "runtime/serve/engine/State.h"
#include "runtime/serve/engine/Version.h"

#include <map>
#include <memory>

namespace sinter::serve {

struct ModelOptions;

/// A version that could not be loaded, and why.
struct Broken {
  uint64_t version = 0, stamp = 0;
  std::string reason;
};

struct Model {
  std::string name;
  std::shared_ptr<const ModelOptions> options;
  std::map<uint64_t, std::shared_ptr<Version>> versions; ///< ready ones
  ModelState state;                                      ///< labels and traffic
  std::map<uint64_t, Broken> broken;
  bool fromRepository = false;
  bool unloaded = false; ///< by request: listed, not served
  bool evicted = false;  ///< for memory: comes back when it is asked for
  bool loading = false;  ///< what is missing may be there soon
  bool atStart = false;  ///< the server is not ready without it

  /// "" = the default version; a number; a label.
  std::shared_ptr<Version> find(const std::string &version,
                                Status &status) const;
  /// The label `stable`, else the newest that is neither canary nor shadow.
  uint64_t defaultVersion() const;
  /// The default, or the canary for a client in its share; the same answer for
  /// the same client as long as the share stands. Who has no name is taken by
  /// number.
  std::shared_ptr<Version> choose(const std::string &client, uint64_t number,
                                  Status &status) const;
  std::shared_ptr<Version> ready(uint64_t number) const;
  /// Why there is no version of this number. Nobody tries by himself again
  /// what could not be loaded, so no wait is promised for it.
  Status notReady(uint64_t number, const std::string &what,
                  const std::string &otherwise) const;
  /// Held in memory whatever the policy says.
  bool isPinned(uint64_t number) const;
};

struct Catalogue {
  std::map<std::string, std::shared_ptr<const Model>> models;

  std::shared_ptr<const Model> find(const std::string &model,
                                    Status &status) const;
  std::shared_ptr<Version> find(const std::string &model,
                                const std::string &version,
                                Status &status) const;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_CATALOGUE_H
