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

// counts times 2^shift added to those in `to`; whether one of them overflowed
template <class T>
bool add_counts(T* to, const T* from, std::size_t count, int shift) {
  constexpr int bits = 8 * sizeof(T);
  T carry = 0, all = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const T a = to[i], b = static_cast<T>(from[i] << shift), sum = static_cast<T>(a + b);
    all |= from[i];
    carry |= (a & b) | ((a | b) & ~sum);
    to[i] = sum;
  }
  return carry >> (bits - 1) || (shift && all >> (bits - shift));
}

// weights in two halves likewise
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
