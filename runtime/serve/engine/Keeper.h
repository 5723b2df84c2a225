// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the engine does when nobody asks: measuring batch sizes of new versions
// while all is quiet, watching canaries, bringing evicted models back. Asleep
// while there is nothing of that.
#ifndef SINTER_SERVE_ENGINE_KEEPER_H
#define SINTER_SERVE_ENGINE_KEEPER_H

#include "runtime/serve/engine/Golden.h"
#include "runtime/serve/engine/Scheduler.h"

#include <deque>
#include <set>

namespace sinter::serve {

class Keeper {
public:
  struct Watch {
    std::weak_ptr<Version> canary, stable;
    Health canaryBegin, stableBegin;
  };
  /// Called from the keeper's thread, outside of its lock.
  struct Actions {
    std::function<void(const std::string &model, const std::string &reason)>
        takeBack;
    std::function<void(const std::string &model)> bringBack;
  };

  Keeper(std::shared_ptr<Scheduler> scheduler, Actions actions)
      : scheduler(std::move(scheduler)), actions(std::move(actions)) {}
  ~Keeper() { stop(); }
  void start();
  void stop();

  void warm(const std::shared_ptr<Version> &version,
            std::vector<GoldenCase> cases);
  /// It is measured, or will be when nothing else is to be done.
  bool isWarming(const Version &version);
  /// nullptr ends the watch of a model.
  void watch(const std::string &model, const std::shared_ptr<Version> &canary,
             const std::shared_ptr<Version> &stable);
  void bringBack(const std::string &model);

private:
  struct WarmUp {
    std::weak_ptr<Version> version;
    std::vector<GoldenCase> cases;
    int64_t rows = 1;
    bool wide = false;
  };
  using Lock = std::unique_lock<std::mutex>;
  void loop();
  bool warmStep(Lock &lock);
  void judgeAll(Lock &lock);

  std::shared_ptr<Scheduler> scheduler;
  Actions actions;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<WarmUp> warmUps;
  const Version *warming = nullptr; ///< the one that is measured right now
  std::map<std::string, Watch> watches;
  std::set<std::string> wanted;
  bool running = false;
  std::thread thread;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_KEEPER_H
