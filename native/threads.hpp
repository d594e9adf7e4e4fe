// parallel_for: a few workers that outlive a call and are made anew after a fork.
#pragma once

#include <cstdint>
#include <functional>

namespace xent {

int num_threads();
void set_num_threads(int count);  // 0: as many as this process may run on

// While it lives, calls of this thread use so many, whatever num_threads() says; 0 changes
// nothing. Frameworks have a count of their own.
class ThreadsHere {
 public:
  explicit ThreadsHere(int count);
  ~ThreadsHere();
  ThreadsHere(const ThreadsHere&) = delete;
  ThreadsHere& operator=(const ThreadsHere&) = delete;

 private:
  int before_;
};

// Calls body(begin, end) for chunks of `grain` that cover [0, count). The chunks do not
// depend on the number of threads, so neither does anything computed a chunk at a time.
// Runs in the caller alone when there is one chunk, one thread, or the workers are taken.
// What a body throws is thrown here, once all threads have left it.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace xent
