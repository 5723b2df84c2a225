// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Limits.h"

#include <algorithm>
#include <cmath>

namespace sinter::serve {

// Addresses are cheap to invent: past this many, those that are idle go.
static constexpr size_t mostAccounts = 10'000;

bool LimitOptions::any() const {
  auto limits = [](const Limit &limit) {
    return limit.rate > 0 || limit.concurrency > 0;
  };
  bool some = limits(client) || limits(model);
  for (const auto &[name, limit] : clients)
    some |= limits(limit);
  for (const auto &[name, limit] : models)
    some |= limits(limit);
  return some;
}

Limits::Permit &Limits::Permit::operator=(Permit &&other) noexcept {
  std::swap(owner, other.owner);
  std::swap(client, other.client);
  std::swap(model, other.model);
  return *this;
}

void Limits::Permit::release() {
  if (owner)
    owner->leave(*this);
  owner = nullptr;
}

const Limit &Limits::limitOf(const std::map<std::string, Limit> &special,
                             const Limit &all, const std::string &name) {
  auto found = special.find(name);
  return found == special.end() ? all : found->second;
}

// Fills the bucket up to now and says whether one more fits; takes nothing yet.
Status Limits::look(Account &account, const Limit &limit,
                    const std::string &who, TimePoint now) {
  if (limit.concurrency && account.open >= limit.concurrency)
    return {Code::unavailable,
            who + " has " + std::to_string(account.open) +
                " requests under way, as many as it may; try again when one is "
                "answered",
            100};
  if (limit.rate <= 0)
    return {};
  double burst = std::max(limit.burst > 0 ? limit.burst : limit.rate, 1.0);
  if (account.filled == TimePoint())
    account.tokens = burst;
  else if (now > account.filled)
    account.tokens = std::min(
        burst,
        account.tokens +
            limit.rate *
                std::chrono::duration<double>(now - account.filled).count());
  account.filled = std::max(account.filled, now);
  if (account.tokens >= 1)
    return {};
  double ms = std::ceil((1 - account.tokens) / limit.rate * 1000);
  return {Code::unavailable,
          who + " asks more often than it may, " +
              std::to_string(uint64_t(std::ceil(limit.rate))) +
              " times a second",
          uint32_t(std::clamp(ms, 1.0, 60'000.0))};
}

void Limits::forget(Accounts &accounts, TimePoint now) {
  if (accounts.size() < mostAccounts)
    return;
  for (auto at = accounts.begin(); at != accounts.end();)
    at = at->second.open == 0 &&
                 now - at->second.filled > std::chrono::seconds(1)
             ? accounts.erase(at)
             : std::next(at);
}

Status Limits::enter(const std::string &client, const std::string &model,
                     TimePoint now, Permit &permit) {
  permit.release();
  std::lock_guard<std::mutex> lock(mutex);
  const Limit &ofClient = limitOf(options.clients, options.client, client);
  const Limit &ofModel = limitOf(options.models, options.model, model);
  forget(clients, now);
  forget(models, now);
  if ((clients.size() >= 2 * mostAccounts && !clients.count(client)) ||
      (models.size() >= 2 * mostAccounts && !models.count(model)))
    return {Code::unavailable, "too many clients at once; try again later",
            1000};
  Account &who = clients[client], &what = models[model];
  if (Status refused = look(who, ofClient, "client '" + client + "'", now);
      !refused.ok())
    return refused;
  if (Status refused = look(what, ofModel, "model '" + model + "'", now);
      !refused.ok())
    return refused;
  who.tokens -= ofClient.rate > 0;
  what.tokens -= ofModel.rate > 0;
  ++who.open;
  ++what.open;
  permit.owner = this;
  permit.client = client;
  permit.model = model;
  return {};
}

void Limits::configure(LimitOptions next) {
  std::lock_guard<std::mutex> lock(mutex);
  options = std::move(next);
}

void Limits::leave(const Permit &permit) {
  std::lock_guard<std::mutex> lock(mutex);
  auto client = clients.find(permit.client), model = models.find(permit.model);
  if (client != clients.end() && client->second.open)
    --client->second.open;
  if (model != models.end() && model->second.open)
    --model->second.open;
}

} // namespace sinter::serve
