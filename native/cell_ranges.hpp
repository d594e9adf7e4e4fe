// Lines of cells, of each only those from its first to its last that is not empty.
//
// Most cells of a tally are empty: of each class's 2048 a few hundred are not. What is not kept
// is neither added nor written nor sent. Counts are 32 bits wide while all of them fit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "arrays.hpp"

namespace xent {

struct CellRange {
  std::int32_t begin = 0, end = 0;  // 0 and 0 where all cells are empty

  std::size_t size() const { return static_cast<std::size_t>(end - begin); }
};

// the cells that either has
inline CellRange both(CellRange a, CellRange b) {
  if (!a.size()) return b;
  if (!b.size()) return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

// `from` in the place that `line` has in `of`, and zeros around it
template <class T>
void place(T* to, CellRange of, const T* from, CellRange line) {
  T* const first = to + (line.size() ? line.begin - of.begin : 0);
  std::fill(to, first, T(0));
  std::fill(std::copy(from, from + line.size(), first), to + of.size(), T(0));
}

// counts added to those in `to`; whether one of them overflowed
template <class T>
bool add_counts(T* to, const T* from, std::size_t count) {
  T carry = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const T a = to[i], b = from[i], sum = static_cast<T>(a + b);
    carry |= (a & b) | ((a | b) & ~sum);
    to[i] = sum;
  }
  return carry >> (8 * sizeof(T) - 1);
}

// weights in two halves likewise
inline void add_weights(std::uint64_t* low, std::uint64_t* high, const std::uint64_t* from_low,
                        const std::uint64_t* from_high, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    low[i] += from_low[i];
    high[i] += from_high[i] + (low[i] < from_low[i]);
  }
}

// The ranges (lines, 2) and the cells in them, as NumPy arrays: counts as uint32, or uint64 where
// one needs it; weights as uint64, in two halves. high(line, cell) is 0 of counts.
template <class Low, class High>
nb::tuple keep_cells(std::size_t lines, std::size_t cells, bool weighted, Low low, High high) {
  void *ranges, *kept = nullptr, *upper = nullptr;
  nb::object of = make_array(nb::dtype<std::int32_t>(), {lines, 2}, &ranges);
  auto* range = static_cast<CellRange*>(ranges);
  std::size_t size = 0;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < lines; ++i) {
    const auto is_empty = [&](std::size_t c) { return !(low(i, c) | high(i, c)); };
    std::size_t begin = 0, end = cells;
    while (end && is_empty(end - 1)) --end;
    while (begin < end && is_empty(begin)) ++begin;
    range[i] = end ? CellRange{static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end)}
                   : CellRange{};
    for (std::size_t c = begin; c < end; ++c) all |= low(i, c);
    size += end - begin;
  }
  const auto fill = [&](auto* to, auto value) {
    for (std::size_t i = 0; i < lines; ++i)
      for (auto c = static_cast<std::size_t>(range[i].begin);
           c < static_cast<std::size_t>(range[i].end); ++c)
        *to++ = static_cast<std::remove_reference_t<decltype(*to)>>(value(i, c));
  };
  if (!weighted && all >> 32 == 0) {
    nb::object counts = make_array(nb::dtype<std::uint32_t>(), {size}, &kept);
    fill(static_cast<std::uint32_t*>(kept), low);
    return nb::make_tuple(of, counts, nb::none());
  }
  nb::object counts = make_array(nb::dtype<std::uint64_t>(), {size}, &kept);
  fill(static_cast<std::uint64_t*>(kept), low);
  if (!weighted) return nb::make_tuple(of, counts, nb::none());
  nb::object halves = make_array(nb::dtype<std::uint64_t>(), {size}, &upper);
  fill(static_cast<std::uint64_t*>(upper), high);
  return nb::make_tuple(of, counts, halves);
}

}  // namespace xent
