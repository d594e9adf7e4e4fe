// What several threads add to: a part each, which together are the whole.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "threads.hpp"

namespace xent {

template <class T>
class ThreadParts {
 public:
  // Calls body(part, begin, end) for chunks of rows, as parallel_for does. A part is one chunk's
  // until that is done, so that as many exist as chunks ran at once; make() makes one. Where
  // either throws, some of the rows are in the parts and some are not: both refuse from then on.
  template <class Make, class Body>
  void add(std::int64_t rows, std::int64_t grain, const Make& make, const Body& body) {
    try {
      parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
        const Loan loan(*this, make);
        body(*loan.slot.part, begin, end);
      });
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      failed_ = true;
      throw;
    }
  }

  // Calls visit(parts), a vector of pointers to all of them, once no chunk is at work.
  template <class Visit>
  auto all(const Visit& visit) {
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [&] { return lent_ == 0; });
    refuse();
    std::vector<T*> parts;
    for (Slot& slot : slots_) parts.push_back(slot.part.get());
    return visit(parts);
  }

 private:
  struct Slot {
    std::unique_ptr<T> part;
    bool lent;
  };

  struct Loan {
    template <class Make>
    Loan(ThreadParts& of, const Make& make) : of(of), slot(of.take(make)) {}
    ~Loan() { of.give(slot); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

    ThreadParts& of;
    Slot& slot;
  };

  template <class Make>
  Slot& take(const Make& make) {
    std::lock_guard<std::mutex> lock(mutex_);
    refuse();
    Slot* free = nullptr;
    for (Slot& slot : slots_)
      if (!slot.lent) free = &slot;
    if (!free) free = &slots_.emplace_back(Slot{make(), false});
    free->lent = true;
    ++lent_;
    return *free;
  }

  void give(Slot& slot) {
    std::lock_guard<std::mutex> lock(mutex_);
    slot.lent = false;
    if (--lent_ == 0) idle_.notify_all();
  }

  void refuse() const {
    if (failed_)
      throw std::runtime_error("adding rows failed before, as where memory ran out: some are lost");
  }

  std::mutex mutex_;
  std::condition_variable idle_;
  std::list<Slot> slots_;  // where a slot is does not change
  int lent_ = 0;
  bool failed_ = false;
};

}  // namespace xent
