// Lines of cells, of each only those from its first to its last that is not empty.
//
// Most cells of a tally are empty: of each class's 2048 a few hundred are not. What is not kept
// is neither added nor written nor sent. Counts are 32 bits wide while all of them fit, and
// weights 64, as multiples of a power of 2, while all of them fit.
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

// Sums of counts; of the second ones times 2^shift.
template <class T>
class CountSums {
 public:
  explicit CountSums(int shift) : shift_(shift) {}

  // the sum of two lines, of what either has, in one pass: memory is what it waits for
  void add_line(const T* a, CellRange of_a, const T* b, CellRange of_b, CellRange of, T* to) {
    const std::int32_t begin = std::max(of_a.begin, of_b.begin), end = std::min(of_a.end, of_b.end);
    if (begin >= end) {
      place(to, of, a, of_a);
      if (of_b.size()) shifted(b, b + of_b.size(), to + (of_b.begin - of.begin));
      return;
    }
    const T *first_a = a + (begin - of_a.begin), *first_b = b + (begin - of_b.begin);
    const T *last_a = a + (end - of_a.begin), *last_b = b + (end - of_b.begin);
    std::copy(a, first_a, to);
    shifted(b, first_b, to);
    to += begin - of.begin;
    add(first_a, first_b, static_cast<std::size_t>(end - begin), to);
    to += end - begin;
    std::copy(last_a, a + of_a.size(), to);
    shifted(last_b, b + of_b.size(), to);
  }

  // whether one of them was too large for its bits
  bool overflowed() const {
    constexpr int bits = 8 * sizeof(T);
    return carry_ >> (bits - 1) || (shift_ && all_ >> (bits - shift_));
  }

 private:
  void add(const T* a, const T* b, std::size_t count, T* to) {
    T carry = 0, all = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const T x = a[i], y = static_cast<T>(b[i] << shift_), sum = static_cast<T>(x + y);
      all |= b[i];
      carry |= (x & y) | ((x | y) & ~sum);
      to[i] = sum;
    }
    carry_ |= carry;
    all_ |= all;
  }

  void shifted(const T* from, const T* end, T* to) {
    for (; from != end; ++from, ++to) {
      all_ |= *from;
      *to = static_cast<T>(*from << shift_);
    }
  }

  int shift_;
  T carry_ = 0, all_ = 0;
};

// weights in two halves, added to those in `low` and `high`
inline void add_weights(std::uint64_t* low, std::uint64_t* high, const std::uint64_t* from_low,
                        const std::uint64_t* from_high, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    low[i] += from_low[i];
    high[i] += from_high[i] + (low[i] < from_low[i]);
  }
}

// The occupied range of a line.
inline CellRange occupied(const std::uint64_t* low, const std::uint64_t* high, std::size_t cells) {
  const auto is_empty = [&](std::size_t c) { return !(low[c] | (high ? high[c] : 0)); };
  std::size_t begin = 0, end = cells;
  while (end && is_empty(end - 1)) --end;
  while (begin < end && is_empty(begin)) ++begin;
  return end ? CellRange{static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end)}
             : CellRange{};
}

// The ranges (lines, 2) and the cells in them, as NumPy arrays: counts as uint32, or uint64 where
// one needs it; weights as uint64, in two halves. line(i, low, high) writes the cells of a line,
// of counts only `low`.
template <class Line>
nb::tuple keep_cells(std::size_t lines, std::size_t cells, bool weighted, Line line) {
  std::vector<std::uint64_t> low(cells), high(weighted ? cells : 0), kept_low, kept_high;
  void *ranges, *to_low, *to_high;
  nb::object of = make_array(nb::dtype<std::int32_t>(), {lines, 2}, &ranges);
  auto* range = static_cast<CellRange*>(ranges);
  for (std::size_t i = 0; i < lines; ++i) {
    line(i, low.data(), weighted ? high.data() : nullptr);
    range[i] = occupied(low.data(), weighted ? high.data() : nullptr, cells);
    kept_low.insert(kept_low.end(), low.data() + range[i].begin, low.data() + range[i].end);
    if (weighted)
      kept_high.insert(kept_high.end(), high.data() + range[i].begin, high.data() + range[i].end);
  }
  std::uint64_t all = 0;
  for (const std::uint64_t count : kept_low) all |= count;
  const bool narrow = !weighted && all >> 32 == 0;
  const auto dtype = narrow ? nb::dtype<std::uint32_t>() : nb::dtype<std::uint64_t>();
  nb::object counts = make_array(dtype, {kept_low.size()}, &to_low), halves = nb::none();
  if (narrow) std::copy(kept_low.begin(), kept_low.end(), static_cast<std::uint32_t*>(to_low));
  else std::copy(kept_low.begin(), kept_low.end(), static_cast<std::uint64_t*>(to_low));
  if (weighted) {
    halves = make_array(dtype, {kept_high.size()}, &to_high);
    std::copy(kept_high.begin(), kept_high.end(), static_cast<std::uint64_t*>(to_high));
  }
  return nb::make_tuple(of, counts, halves);
}

}  // namespace xent
