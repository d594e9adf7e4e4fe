// The few rows that are remembered: the first of a kind, and the most surprising.
#pragma once

#include <algorithm>
#include <vector>

#include "log_loss.hpp"

namespace xent {
namespace XENT_ISA {

inline void remember(std::vector<std::int64_t>& rows, std::int64_t row) {
  if (rows.size() == kKeepRows && row > rows.back()) return;
  rows.insert(std::upper_bound(rows.begin(), rows.end(), row), row);
  if (rows.size() > kKeepRows) rows.pop_back();
}

inline void remember(std::vector<Surprise>& heap, const Surprise& row) {
  if (heap.size() < kKeepWorst) {
    heap.push_back(row);
    std::push_heap(heap.begin(), heap.end(), worse);
  } else if (worse(row, heap.front())) {
    std::pop_heap(heap.begin(), heap.end(), worse);
    heap.back() = row;
    std::push_heap(heap.begin(), heap.end(), worse);
  }
}

}  // namespace XENT_ISA
}  // namespace xent
