// A tile's rows in cells: of the odds of each predicted probability, and of the loss.
//
// A cell is the leading bits of a double: its exponent and a few bits of its mantissa. Rows
// that were given the same probability must meet in one cell whatever their class, and the
// probability of the true class is computed another way than that of the others: so odds are
// moved up by 2^-42, away from the simple fractions that are both common and borders of cells.
#pragma once

#include "log_loss_rows.hpp"

namespace xent {
namespace XENT_ISA {

constexpr std::uint64_t kNudge = 1024;

// the cell of x, of 2^bits cells for each factor of 2 from 2^low on; NaN in the first
template <int bits, int low, int cells>
XENT_INLINE std::int64_t cell_of(double x) {
  constexpr int shift = 52 - bits;
  constexpr std::int64_t first = std::int64_t(1023 + low) << bits;
  const double bottom = bits_of<double>(std::uint64_t(first) << shift);
  const double top = bits_of<double>((std::uint64_t(first + cells) << shift) - 2 * kNudge);
  x = x > bottom ? x : bottom;
  x = x < top ? x : top;
  return static_cast<std::int64_t>((bits_of<std::uint64_t>(x) + kNudge) >> shift) - first;
}

XENT_INLINE double odds_of(double q) {
  const double rest = 1 - q;
  return q / (rest > 0 ? rest : 0.0);  // a sum within the tolerance may have a q above 1
}

// 32 leading bits of a weight in units of 2^-64; 2^40 and more is 2^40
inline FixedSum fixed(double weight) {
  const double w = weight < 0x1p40 ? weight : 0x1p40;
  const std::uint64_t bits = bits_of<std::uint64_t>(w) + 0x100000;
  const int shift = static_cast<int>(bits >> 52) - 1023 + 64 - 31;
  const std::uint64_t mantissa = (bits >> 21 & 0x7fffffff) | 0x80000000;
  if (shift <= -32) return {};
  if (shift < 0) return {mantissa >> -shift, 0};
  if (shift < 64) return {mantissa << shift, shift > 32 ? mantissa >> (64 - shift) : 0};
  return {0, mantissa << (shift - 64)};
}

// What a tile adds to counts: all its lanes where it is clean, else those that are listed.
class TileCounts {
 public:
  TileCounts(const LogLossTask& task, const Lanes& lanes, int count, bool clean)
      : weighted_(task.weight != nullptr), clean_(clean) {
    if (!clean)
      for (int b = 0; b < count; ++b)
        if (lanes.fault[b] == kScored) listed_[num_listed_++] = b;
    if (weighted_)
      for (int b = 0; b < kTile; ++b) weight_[b] = fixed(lanes.weight[b]);
  }

  // into[index(b)], for every lane that counts; `into` has so many cells
  template <class Index>
  XENT_INLINE void add(CellCounts& into, std::int64_t cells, Index index) const {
    into.reserve(static_cast<std::size_t>(cells), weighted_, kTile);
    if (weighted_) {
      FixedSum* to = into.weights.data();
      each([&](int b) { to[index(b)].add(weight_[b]); });
    } else {
      std::uint32_t* to = into.recent.data();
      each([&](int b) { ++to[index(b)]; });
    }
  }

  template <class Body>
  XENT_INLINE void each(Body body) const {
    if (clean_)
      for (int b = 0; b < kTile; ++b) body(b);
    else
      for (int i = 0; i < num_listed_; ++i) body(listed_[i]);
  }

 private:
  bool weighted_, clean_;
  int listed_[kTile], num_listed_ = 0;
  FixedSum weight_[kTile];
};

template <class T>
class TileCells {
 public:
  TileCells(const LogLossTask& task, std::int64_t begin, LogLossSums& sums, RowTile<T>& tile,
            const TileCounts& counts, const bool* zero)
      : task_(task), begin_(begin), to_(sums.calibration), tile_(tile), lanes_(tile.lanes),
        counts_(counts), zero_(zero), groups_(num_groups(task)) {}

  void run() {
    switch (task_.prediction) {
      case Prediction::log_probs: return;
      case Prediction::label_probs:
      case Prediction::label_logits: return labels();
      case Prediction::binary_prob:
      case Prediction::binary_logit: return binary(0);
      default: return task_.classes == 2 ? binary(1) : classes();
    }
  }

 private:
  XENT_INLINE void find(const double* q, std::int64_t* cell) const {
    for (int b = 0; b < kTile; ++b)
      cell[b] = cell_of<kCellBits, kCellLow, kCells>(odds_of(q[b]));
  }

  void put(CellCounts& into, std::int64_t group, const std::int64_t* cell) const {
    const std::int64_t first = group * kCells;
    counts_.add(into, groups_ * kCells, [&](int b) { return first + cell[b]; });
  }

  void binary(std::int64_t column) {
    std::int64_t cell[kTile];
    find(tile_.probability(column), cell);
    put(to_.all, 0, cell);
    const auto is_one = [&](int b) { return lanes_.target[b] == 1; };
    put_ones(0, cell, is_one);
    put_impossible(0, cell, is_one);
  }

  // the lanes that `is_one` says; the others in a cell past the last, which no branch can miss
  template <class IsOne>
  XENT_INLINE void put_ones(std::int64_t group, const std::int64_t* cell, IsOne is_one) {
    const std::int64_t first = group * kCells, beside = groups_ * kCells;
    counts_.add(to_.ones, beside + 1,
                [&](int b) { return is_one(b) ? first + cell[b] : beside; });
  }

  // every decision of a row whose truth had probability 0: what recalibrates the others leaves
  // them out
  template <class IsOne>
  void put_impossible(std::int64_t group, const std::int64_t* cell, IsOne is_one) {
    if (!zero_) return;
    const std::int64_t zeros = 2 * group * kCells, beside = 2 * groups_ * kCells;
    counts_.add(to_.impossible, beside + 1, [&](int b) {
      return zero_[b] ? zeros + (is_one(b) ? kCells : 0) + cell[b] : beside;
    });
  }

  void labels() {
    const bool apart = groups_ == task_.classes;
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      std::int64_t cell[kTile];
      find(tile_.probability(j), cell);
      const std::uint8_t* label = task_.labels[j] + begin_;
      put(to_.all, apart ? j : 0, cell);
      const auto is_one = [&](int b) { return label[b] == 1; };
      put_ones(apart ? j : 0, cell, is_one);
      put_impossible(apart ? j : 0, cell, is_one);
    }
  }

  // each class against the rest, and the predicted class against its being wrong
  void classes() {
    const bool apart = groups_ > 1;
    std::int64_t cell[kTile], of_truth[kTile], of_chosen[kTile];
    double top[kTile];
    for (int b = 0; b < kTile; ++b) of_truth[b] = of_chosen[b] = 0;
    for (int b = 0; b < kTile; ++b) top[b] = 0;
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      const double* q = tile_.probability(j);
      const auto index = static_cast<double>(j);
      if (!apart) {
        for (int b = 0; b < kTile; ++b) top[b] = select(lanes_.chosen[b] == index, q[b], top[b]);
        continue;
      }
      find(q, cell);
      put(to_.all, j, cell);
      const std::int64_t first = j * kCells;
      for (int b = 0; b < kTile; ++b) {
        of_truth[b] = lanes_.target[b] == j ? first + cell[b] : of_truth[b];
        of_chosen[b] = lanes_.chosen[b] == index ? cell[b] : of_chosen[b];
      }
    }
    if (!apart) find(top, of_chosen);
    put(to_.all, groups_ - 1, of_chosen);
    put_ones(groups_ - 1, of_chosen, [&](int b) {
      return lanes_.chosen[b] == static_cast<double>(lanes_.target[b]);
    });
    if (apart) counts_.add(to_.ones, groups_ * kCells + 1, [&](int b) { return of_truth[b]; });
  }

  const LogLossTask& task_;
  std::int64_t begin_;
  CalibrationSums& to_;
  RowTile<T>& tile_;
  const Lanes& lanes_;
  const TileCounts& counts_;
  const bool* zero_;  // (kTile): the truth had probability 0; null where no row is like that
  std::int64_t groups_;
};

// the rows that are not impossible by the cell of their loss, and those that are after them
inline void count_surprises(LogLossSums& sums, const TileCounts& counts, const Lanes& lanes,
                            const bool* impossible) {
  std::int64_t cell[kTile];
  for (int b = 0; b < kTile; ++b)
    cell[b] = cell_of<kSurpriseBits, kSurpriseLow, kSurprises>(lanes.nll[b]);
  counts.add(sums.calibration.surprise, kSurprises + 1,
             [&](int b) { return impossible[b] ? std::int64_t(kSurprises) : cell[b]; });
}

}  // namespace XENT_ISA
}  // namespace xent
