// Memory of results, kept for the next result of the same size.
//
// The first touch of a fresh 256 MB buffer costs more than computing a softmax gradient
// into it. So the buffer of a result that is gone is kept, up to a cap in bytes, and
// given to the next result that fits. Safe from any thread, after a fork and at exit.
#pragma once

#include <cstddef>

namespace xent {

void* take_buffer(std::size_t bytes);        // 64-byte aligned; throws std::bad_alloc
void give_buffer(void* data) noexcept;       // back to the cache, or to the system
std::size_t cached_bytes();
std::size_t cache_limit();
void set_cache_limit(std::size_t bytes);
void empty_cache();

}  // namespace xent
