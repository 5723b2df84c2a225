// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A value that many threads read and few replace. Readers take no lock and
// never wait: they announce themselves in a counter of their own cache line,
// load the pointer, look, and leave. A writer swaps the pointer and then waits
// until every reader that may have seen the old one has left.
//
// Why counters in two phases (as in sleepable RCU) and not hazard pointers:
// there is one pointer, a read takes well under a microsecond, and threads come
// and go with the front ends, so nothing needs registering. A reader may load
// the phase before a flip and count itself after it; that is why the writer
// flips twice and waits for both sides: whoever is counted anywhere when the
// pointer is swapped has left before the old value dies. All operations are
// sequentially consistent: "counted, then loaded" against "swapped, then
// summed" needs exactly that.
#ifndef SINTER_SERVE_ENGINE_SNAPSHOT_H
#define SINTER_SERVE_ENGINE_SNAPSHOT_H

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

namespace sinter::serve {

template <typename T> class Snapshot {
public:
  explicit Snapshot(std::unique_ptr<const T> first)
      : current(first.release()) {}
  Snapshot(const Snapshot &) = delete;
  ~Snapshot() { delete current.load(); }

  /// Calls look(const T &); what it needs afterwards it must copy.
  template <typename Look> auto read(Look look) const {
    Reader reader(*this);
    return look(*current.load());
  }

  /// Returns when no reader sees the old value any more.
  void replace(std::unique_ptr<const T> next) {
    std::lock_guard<std::mutex> lock(writer);
    std::unique_ptr<const T> old(current.exchange(next.release()));
    for (int flip = 0; flip < 2; ++flip) {
      unsigned side = phase.fetch_add(1) & 1;
      while (isRead(side))
        std::this_thread::yield();
    }
  }

private:
  static constexpr size_t shards = 32;
  struct alignas(64) Counter {
    std::array<std::atomic<uint32_t>, 2> readers{};
  };

  static size_t shard() {
    static std::atomic<size_t> threads{0};
    static thread_local const size_t mine = threads.fetch_add(1) % shards;
    return mine;
  }

  struct Reader {
    explicit Reader(const Snapshot &owner)
        : count(owner.counters[shard()].readers[owner.phase.load() & 1]) {
      count.fetch_add(1);
    }
    ~Reader() { count.fetch_sub(1); }
    std::atomic<uint32_t> &count;
  };

  bool isRead(unsigned side) const {
    for (const Counter &counter : counters)
      if (counter.readers[side].load())
        return true;
    return false;
  }

  std::atomic<const T *> current;
  std::atomic<unsigned> phase{0};
  mutable std::array<Counter, shards> counters;
  std::mutex writer;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_SNAPSHOT_H
