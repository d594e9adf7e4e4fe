// parallel_for: a few workers that outlive a call and are made anew after a fork.
#pragma once

#include <cstdint>
#include <functional>

namespace xent {

int num_threads();
void set_num_threads(int count);  // 0: as many as this process may run on

// Calls made by this thread of the program use so many, whatever num_threads() says, until
// it is called with 0: frameworks have a count of their own.
void set_num_threads_here(int count);

// Calls body(begin, end) for chunks of `grain` that cover [0, count). The chunks do not
// depend on the number of threads, so neither does anything computed a chunk at a time.
// Runs in the caller alone when there is one chunk, one thread, or the workers are taken.
// What a body throws is thrown here, once all threads have left it.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace xent
