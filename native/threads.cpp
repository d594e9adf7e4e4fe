#include "threads.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#elif !defined(_WIN32)
#include <pthread.h>
#endif

namespace xent {
namespace {

using Body = std::function<void(std::int64_t, std::int64_t)>;

// Work in hand: workers take chunks until none is left.
struct Job {
  const Body* body = nullptr;
  std::int64_t count = 0, grain = 1;
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;  // of the chunk that failed first

  // Keeps what a chunk throws: leaving a worker it would end the process, and leaving the
  // caller it would take the body away from under the workers.
  void run() noexcept {
    try {
      for (;;) {
        const std::int64_t begin = next.fetch_add(grain);
        if (begin >= count || failed.load(std::memory_order_relaxed)) return;
        (*body)(begin, begin + grain < count ? begin + grain : count);
      }
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
    }
  }
};

// Never destroyed: its workers sleep in it until the process ends, and static destruction
// would pull the condition variables away from under them.
struct Workers {
  std::mutex in_use;  // held by the one caller whose job runs
  std::mutex mutex;
  std::condition_variable wake, done;
  Job job;
  int started = 0;    // workers that exist
  int wanted = 0;     // workers that this round may use
  int running = 0;    // workers that have not finished this round
  std::uint64_t round = 0;

  // how many of `count` workers there are; fewer where the system starts no more threads
  int grow(int count) {
    try {
      for (; started < count; ++started) std::thread([this, id = started] { serve(id); }).detach();
    } catch (const std::system_error&) {
    }
    return started < count ? started : count;
  }

  void serve(int id) {
    std::uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return round != seen; });
      seen = round;
      if (id >= wanted) continue;
      lock.unlock();
      job.run();
      lock.lock();
      if (--running == 0) done.notify_one();
    }
  }

  void run(const Body& body, std::int64_t count, std::int64_t grain, int helpers) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      job.body = &body;
      job.count = count;
      job.grain = grain;
      job.next.store(0);
      job.failed.store(false);
      wanted = running = grow(helpers);
      ++round;
    }
    wake.notify_all();
    job.run();
    std::unique_lock<std::mutex> lock(mutex);
    done.wait(lock, [&] { return running == 0; });
    if (job.failed) std::rethrow_exception(std::exchange(job.error, nullptr));
  }
};

std::atomic<Workers*> workers{nullptr};
std::atomic<int> asked{0};
thread_local int asked_here = 0;
thread_local bool inside = false;  // a body that calls parallel_for again runs it alone

struct Inside {
  Inside() { inside = true; }
  ~Inside() { inside = false; }
};

void forget_after_fork() {
  // threads do not survive a fork, and their locks may have been held: start again.
  // The old object is leaked on purpose; it is a few hundred bytes.
  workers.store(new Workers);
}

Workers& get_workers() {
  static const bool once = [] {
    workers.store(new Workers);
#if !defined(_WIN32)
    pthread_atfork(nullptr, nullptr, forget_after_fork);
#endif
    return true;
  }();
  (void)once;
  return *workers.load();
}

int available_cpus() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  const unsigned count = std::thread::hardware_concurrency();
  return count ? static_cast<int>(count) : 1;
}

int default_threads() {
  static const int found = [] {
    if (const char* text = std::getenv("XENT_NUM_THREADS")) {
      const int count = std::atoi(text);
      if (count > 0) return count;
    }
    return available_cpus();
  }();
  return found;
}

}  // namespace

int num_threads() {
  const int count = asked.load(std::memory_order_relaxed);
  return count > 0 ? count : default_threads();
}

void set_num_threads(int count) { asked.store(count); }

ThreadsHere::ThreadsHere(int count) : before_(asked_here) {
  if (count > 0) asked_here = count;
}

ThreadsHere::~ThreadsHere() { asked_here = before_; }

void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  if (count <= 0) return;
  if (grain < 1) grain = 1;
  const std::int64_t chunks = (count + grain - 1) / grain;
  const int allowed = asked_here > 0 ? asked_here : num_threads();
  const int threads = static_cast<int>(chunks < allowed ? chunks : allowed);
  if (threads > 1 && !inside) {
    Workers& pool = get_workers();
    std::unique_lock<std::mutex> lock(pool.in_use, std::try_to_lock);
    if (lock.owns_lock()) {
      const Inside guard;
      pool.run(body, count, grain, threads - 1);
      return;
    }
  }
  for (std::int64_t begin = 0; begin < count; begin += grain)
    body(begin, begin + grain < count ? begin + grain : count);
}

}  // namespace xent
