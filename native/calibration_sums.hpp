// What is kept of predictions beside their loss: rows counted by the cell of a probability and
// of a loss, and sums of tempered losses. All of it is integers, so all of it merges exactly.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "exact_sum.hpp"

namespace xent {

// a sum of weights in units of 2^-64
struct FixedSum {
  std::uint64_t low = 0, high = 0;

  void add(FixedSum other) {
    low += other.low;
    high += other.high + (low < other.low);
  }
};

// rows, or their weight, in cells
class CellCounts {
 public:
  // makes room for so many cells, and for so many more rows in each
  void reserve(std::size_t cells, bool weighted, int rows) {
    if (weighted) {
      if (weights.empty()) weights.resize(cells);
      return;
    }
    if (recent.empty()) recent.resize(cells);
    pending += rows;
    if (pending >= std::int64_t(1) << 31) settle();
  }

  void settle() {
    if (counts.empty()) counts.resize(recent.size());
    for (std::size_t i = 0; i < recent.size(); ++i) counts[i] += recent[i];
    std::fill(recent.begin(), recent.end(), 0);
    pending = 0;
  }

  void add(const CellCounts& other) {
    if (counts.size() < other.recent.size()) counts.resize(other.recent.size());
    if (counts.size() < other.counts.size()) counts.resize(other.counts.size());
    if (weights.size() < other.weights.size()) weights.resize(other.weights.size());
    for (std::size_t i = 0; i < other.recent.size(); ++i) counts[i] += other.recent[i];
    for (std::size_t i = 0; i < other.counts.size(); ++i) counts[i] += other.counts[i];
    for (std::size_t i = 0; i < other.weights.size(); ++i) weights[i].add(other.weights[i]);
  }

  std::vector<std::int64_t> counts;  // unless there are weights, with the recent ones:
  std::vector<std::uint32_t> recent;  // half as wide, so that more of them are at hand
  std::int64_t pending = 0;           // at least as many as in any recent cell
  std::vector<FixedSum> weights;
};

// A predicted probability q is in the cell of its odds r = q / (1 - q): 16 cells for each
// factor of 2, from 2^-32 to 2^32, which also hold what lies beyond.
constexpr int kCellBits = 4, kCellLow = -32, kCells = 1024;

// A loss likewise: 8 cells for each factor of 2, from 2^-40 to 2^11.
constexpr int kSurpriseBits = 3, kSurpriseLow = -40, kSurprises = 408;

// More groups than this are not kept apart: of classes only the predicted one is, labels are
// all in one group.
constexpr std::int64_t kMostGroups = 2048;

// exponents of the tempered probabilities q^(k/8)
constexpr int kPowers[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 40};
constexpr int kNumPowers = sizeof kPowers / sizeof *kPowers;

// A sum of multiples of 2^-40. Nearly all fit in the lanes; the few that do not, and all where
// there are weights, are in `rest`.
struct TemperedSum {
  static constexpr int kLanes = 8;
  std::int64_t lanes[kLanes] = {};
  ExactSum rest;
};

// over the rows, or decisions about a label, that are not impossible
struct TemperingSums {
  std::int64_t count = 0;
  ExactSum weight;  // where there are weights
  TemperedSum loss[kNumPowers], slope[kNumPowers], curvature[kNumPowers];
  int tiles = 0;  // since the lanes were last emptied
};

struct CalibrationSums {
  // group by group: all rows, and those where the outcome is the group's
  CellCounts all, ones;
  // of two classes and of labels the rows among them whose truth had probability 0, clipped or
  // not: for each group those where the outcome is not the group's, then those where it is;
  // empty where none was seen
  CellCounts impossible;
  CellCounts surprise;
  std::vector<TemperingSums> tempering;  // one, or none
};

namespace XENT_ISA {

// what the lanes hold moves to the sum
inline void settle(TemperedSum& sum) {
  for (std::int64_t& lane : sum.lanes) {
    const std::int64_t high = lane >> 32, low = lane - (high << 32);
    if (high) add(sum.rest, static_cast<double>(high) * 0x1p-8);
    if (low) add(sum.rest, static_cast<double>(low) * 0x1p-40);
    lane = 0;
  }
}

inline void settle(TemperingSums& sums) {
  for (int p = 0; p < kNumPowers; ++p)
    for (TemperedSum* sum : {&sums.loss[p], &sums.slope[p], &sums.curvature[p]}) settle(*sum);
  sums.tiles = 0;
}

inline void add(TemperingSums& sums, const TemperingSums& other) {
  TemperingSums settled = other;
  settle(settled);
  sums.count += other.count;
  add(sums.weight, other.weight);
  for (int p = 0; p < kNumPowers; ++p) {
    add(sums.loss[p].rest, settled.loss[p].rest);
    add(sums.slope[p].rest, settled.slope[p].rest);
    add(sums.curvature[p].rest, settled.curvature[p].rest);
  }
}

// everything of another part
inline void add(CalibrationSums& into, const CalibrationSums& other) {
  into.all.add(other.all);
  into.ones.add(other.ones);
  into.impossible.add(other.impossible);
  into.surprise.add(other.surprise);
  if (into.tempering.size() < other.tempering.size()) into.tempering.resize(1);
  for (std::size_t i = 0; i < other.tempering.size(); ++i)
    add(into.tempering[i], other.tempering[i]);
}

}  // namespace XENT_ISA
}  // namespace xent
