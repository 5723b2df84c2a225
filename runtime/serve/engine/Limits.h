// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who may ask how much: a rate (a bucket of tokens) and a number of requests at
// a time, for each client and for each model. Front ends ask before they submit
// and hold the permit until they have answered. Pure of clocks: time is given.
#ifndef SINTER_SERVE_ENGINE_LIMITS_H
#define SINTER_SERVE_ENGINE_LIMITS_H

#include "runtime/serve/engine/Request.h"

#include <map>
#include <mutex>
#include <unordered_map>

namespace sinter::serve {

/// 0 = no limit.
struct Limit {
  double rate = 0;  ///< requests a second
  double burst = 0; ///< at once; 0 = one second's worth
  uint32_t concurrency = 0;
};

struct LimitOptions {
  bool any() const;
  Limit client;                         ///< of each client
  std::map<std::string, Limit> clients; ///< of some, by key id or address
  Limit model;
  std::map<std::string, Limit> models;
};

class Limits {
public:
  explicit Limits(LimitOptions options) : options(std::move(options)) {}

  /// A place that was taken; gives it back when it dies.
  class Permit {
  public:
    Permit() = default;
    Permit(Permit &&other) noexcept { *this = std::move(other); }
    Permit &operator=(Permit &&other) noexcept;
    ~Permit() { release(); }
    void release();

  private:
    friend class Limits;
    Limits *owner = nullptr;
    std::string client, model;
  };

  /// ok with a permit, or `unavailable` with the time until another try may
  /// work.
  Status enter(const std::string &client, const std::string &model,
               TimePoint now, Permit &permit);
  /// Other limits for requests to come; permits stay valid.
  void configure(LimitOptions next);

private:
  struct Account {
    double tokens = 0;
    TimePoint filled = {};
    uint32_t open = 0;
  };
  using Accounts = std::unordered_map<std::string, Account>;

  static const Limit &limitOf(const std::map<std::string, Limit> &special,
                              const Limit &all, const std::string &name);
  static Status look(Account &account, const Limit &limit,
                     const std::string &who, TimePoint now);
  static void forget(Accounts &accounts, TimePoint now);
  void leave(const Permit &permit);

  std::mutex mutex;
  LimitOptions options;
  Accounts clients, models;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_LIMITS_H
