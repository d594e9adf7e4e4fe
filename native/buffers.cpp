#include "buffers.hpp"

#include <cstdint>
#include <cstdlib>
#include <list>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(_WIN32)
#include <malloc.h>
#else
#include <pthread.h>
#endif

namespace xent {
namespace {

constexpr std::size_t kHugePage = std::size_t(2) << 20;
constexpr std::size_t kSmallestKept = std::size_t(256) << 10;  // malloc serves smaller ones well
constexpr std::size_t kHeader = 64;  // in front of the data, which stays 64-byte aligned
constexpr std::size_t kDefaultLimit = std::size_t(1) << 30;

struct Header {
  std::size_t bytes;  // whole allocation, header included
};

void* allocate(std::size_t bytes) {
  const std::size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kHeader;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
#if defined(_WIN32)
  void* data = _aligned_malloc(rounded, alignment);
#else
  void* data = std::aligned_alloc(alignment, rounded);
#endif
  if (!data) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (alignment == kHugePage) madvise(data, rounded, MADV_HUGEPAGE);
#endif
  static_cast<Header*>(data)->bytes = rounded;
  return data;
}

void release(void* data) noexcept {
#if defined(_WIN32)
  _aligned_free(data);
#else
  std::free(data);
#endif
}

struct Cache {
  std::mutex mutex;
  std::list<void*> kept;  // oldest first
  std::size_t bytes = 0;
  std::size_t limit = kDefaultLimit;

  Cache() {
    if (const char* text = std::getenv("XENT_CACHE_BYTES"))
      limit = static_cast<std::size_t>(std::strtoull(text, nullptr, 10));
  }

  // under the lock
  void shrink_to(std::size_t most) noexcept {
    while (bytes > most) {
      void* oldest = kept.front();
      kept.pop_front();
      bytes -= static_cast<Header*>(oldest)->bytes;
      release(oldest);
    }
  }
};

// never destroyed: results may outlive static destruction
Cache& cache() {
  static Cache* const instance = [] {
    static Cache* made = new Cache;
#if !defined(_WIN32)
    pthread_atfork([] { made->mutex.lock(); }, [] { made->mutex.unlock(); },
                   [] { made->mutex.unlock(); });
#endif
    return made;
  }();
  return *instance;
}

}  // namespace

void* take_buffer(std::size_t bytes) {
  const std::size_t whole = bytes + kHeader;
  if (whole >= kSmallestKept) {
    Cache& c = cache();
    std::lock_guard<std::mutex> lock(c.mutex);
    auto best = c.kept.end();
    for (auto it = c.kept.begin(); it != c.kept.end(); ++it) {
      const std::size_t have = static_cast<Header*>(*it)->bytes;
      // a buffer much larger than asked for would hide memory from its owner
      if (have < whole || have > whole + whole / 4 + kHugePage) continue;
      if (best == c.kept.end() || have < static_cast<Header*>(*best)->bytes) best = it;
    }
    if (best != c.kept.end()) {
      void* data = *best;
      c.kept.erase(best);
      c.bytes -= static_cast<Header*>(data)->bytes;
      return static_cast<char*>(data) + kHeader;
    }
  }
  return static_cast<char*>(allocate(whole)) + kHeader;
}

void give_buffer(void* data) noexcept {
  if (!data) return;
  void* start = static_cast<char*>(data) - kHeader;
  const std::size_t bytes = static_cast<Header*>(start)->bytes;
  Cache& c = cache();
  if (bytes >= kSmallestKept) {
    std::lock_guard<std::mutex> lock(c.mutex);
    if (bytes <= c.limit) {
      c.shrink_to(c.limit - bytes);
      try {
        c.kept.push_back(start);
        c.bytes += bytes;
        return;
      } catch (const std::bad_alloc&) {
        // no memory to remember it by: the system gets it back
      }
    }
  }
  release(start);
}

std::size_t cached_bytes() {
  std::lock_guard<std::mutex> lock(cache().mutex);
  return cache().bytes;
}

std::size_t cache_limit() {
  std::lock_guard<std::mutex> lock(cache().mutex);
  return cache().limit;
}

void set_cache_limit(std::size_t bytes) {
  std::lock_guard<std::mutex> lock(cache().mutex);
  cache().limit = bytes;
  cache().shrink_to(bytes);
}

void empty_cache() {
  std::lock_guard<std::mutex> lock(cache().mutex);
  cache().shrink_to(0);
}

}  // namespace xent
