// A tile of predictions, one lane a row: loss, Brier score, best class and faults of each.
//
// A row's numbers come from its own lane, its classes in their order, with nothing
// contracted: the same bits for wide columns and a matrix, and for every vector width.
#pragma once

#include "log_loss.hpp"
#include "softmax_row.hpp"

namespace xent {
namespace XENT_ISA {

XENT_INLINE double select(bool condition, double yes, double no) { return condition ? yes : no; }

// the two-class loss of a margin t against the truth: log(1 + exp(t)), and the wrong class's p
struct Margin {
  double nll, wrong;
};

XENT_INLINE Margin of_margin(double t) {
  const double size = t < 0 ? -t : t;
  const double e = exp(-size);
  return {(t > 0 ? t : 0.0) + log1p_positive(e), (t > 0 ? 1.0 : e) / (1 + e)};
}

// What a tile knows of its rows. Truth is a class a lane, or one of 0 and 1 a label and lane.
struct Lanes {
  double nll[kTile], brier[kTile], weight[kTile];
  double low[kTile], high[kTile], sum[kTile];
  double chosen[kTile];               // the class, or how many labels are right
  std::int64_t target[kTile];
  int fault[kTile];                   // kScored, kSkipped or one of Fault
};

constexpr int kScored = -1, kSkipped = -2;

template <class T>
class RowTile {
 public:
  RowTile(const LogLossTask& task, std::int64_t begin, int count, LogLossSums& sums)
      : task_(task), begin_(begin), count_(count), sums_(sums) {}

  Lanes lanes;

  // value of class j in each lane; lanes past the end repeat the last row
  XENT_INLINE void load(std::int64_t j, double* to) const {
    const T* from = static_cast<const T*>(task_.columns[j]) + begin_ * task_.stride;
    if (task_.stride == 1 && count_ == kTile) {
      for (int b = 0; b < kTile; ++b) to[b] = static_cast<double>(from[b]);
      return;
    }
    for (int b = 0; b < count_; ++b) to[b] = static_cast<double>(from[b * task_.stride]);
    for (int b = count_; b < kTile; ++b) to[b] = to[count_ - 1];
  }

  // the probability that the tile gave to class or label j; after score()
  const double* probability(std::int64_t j) {
    switch (task_.prediction) {
      case Prediction::class_probs:
      case Prediction::label_probs:
      case Prediction::binary_prob:
        load(j, value_);
        return value_;
      default:
        return sums_.scratch.data() + j * kTile;
    }
  }

  // the loss of each label; after score()
  double* label_nll(std::int64_t j) {
    return sums_.scratch.data() + (task_.classes + j) * kTile;
  }

  void score() {
    for (int b = 0; b < kTile; ++b) {
      lanes.low[b] = infinity<double>;
      lanes.high[b] = -infinity<double>;
      lanes.sum[b] = lanes.brier[b] = lanes.chosen[b] = 0;
    }
    switch (task_.prediction) {
      case Prediction::class_probs: return class_probs();
      case Prediction::class_logits: return class_logits();
      case Prediction::binary_prob: return binary_prob();
      case Prediction::binary_logit: return binary_logit();
      case Prediction::label_probs:
      case Prediction::label_logits: return labels();
      case Prediction::log_probs: return log_probs();
    }
  }

 private:
  double* reserve(std::int64_t rows) {
    const auto size = static_cast<std::size_t>(rows * kTile);
    if (sums_.scratch.size() < size) sums_.scratch.resize(size);
    return sums_.scratch.data();
  }

  // extremes tell a value out of range, the sum tells NaN; the highest class is the choice
  XENT_INLINE void watch(std::int64_t j) {
    const auto index = static_cast<double>(j);
    for (int b = 0; b < kTile; ++b) {
      const double v = value_[b];
      const bool higher = v > lanes.high[b];
      lanes.low[b] = v < lanes.low[b] ? v : lanes.low[b];
      lanes.high[b] = select(higher, v, lanes.high[b]);
      lanes.chosen[b] = select(higher, index, lanes.chosen[b]);
      lanes.sum[b] += v;
    }
  }

  // n <= N classes in one pass: a lane's state is loaded and stored once for all of them
  template <int N, class U>
  XENT_INLINE void watch_classes(int n, const U* const* from, std::int64_t first, double* truth) {
    if constexpr (N > 1)
      if (n < N) return watch_classes<N - 1>(n, from, first, truth);
#pragma omp simd
    for (int b = 0; b < kTile; ++b) {
      double low = lanes.low[b], high = lanes.high[b], chosen = lanes.chosen[b];
      double sum = lanes.sum[b], brier = lanes.brier[b], p = truth[b];
      for (int k = 0; k < N; ++k) {
        const double v = static_cast<double>(from[k][b]);
        const bool higher = v > high, is_true = lanes.target[b] == first + k;
        const double miss = v - select(is_true, 1.0, 0.0);
        low = v < low ? v : low;
        high = select(higher, v, high);
        chosen = select(higher, static_cast<double>(first + k), chosen);
        p = select(is_true, v, p);
        sum += v;
        brier += miss * miss;
      }
      lanes.low[b] = low;
      lanes.high[b] = high;
      lanes.chosen[b] = chosen;
      lanes.sum[b] = sum;
      lanes.brier[b] = brier;
      truth[b] = p;
    }
  }

  void class_probs() {
    double truth[kTile] = {};
    if (task_.stride == 1 && count_ == kTile) {
      constexpr int together = 5;
      const T* from[together];
      for (std::int64_t j = 0; j < task_.classes;) {
        int n = 0;
        for (; n < together && j < task_.classes; ++n, ++j)
          from[n] = static_cast<const T*>(task_.columns[j]) + begin_;
        watch_classes<together>(n, from, j - n, truth);
      }
    } else {
      for (std::int64_t j = 0; j < task_.classes; ++j) {
        load(j, value_);
        const double* const from[1] = {value_};
        watch_classes<1>(1, from, j, truth);
      }
    }
    for (int b = 0; b < kTile; ++b) lanes.nll[b] = -log(truth[b]);
  }

  void class_logits() {
    double* e = reserve(task_.classes);
    double m[kTile], truth[kTile];
    for (int b = 0; b < kTile; ++b) m[b] = truth[b] = -infinity<double>;
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      load(j, value_);
      watch(j);
      for (int b = 0; b < kTile; ++b) {
        const bool is_true = lanes.target[b] == j;
        truth[b] = select(is_true, value_[b], truth[b]);
        const double other = select(is_true, -infinity<double>, value_[b]);
        m[b] = other > m[b] ? other : m[b];
      }
    }
    Sum sum[kTile];
    double squares[kTile] = {}, factor[kTile];
    for (int b = 0; b < kTile; ++b) {
      m[b] = select(m[b] == -infinity<double>, truth[b], m[b]);  // no other class can happen
      m[b] = select(m[b] - m[b] == 0, m[b], 0.0);
    }
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      load(j, value_);
      double* to = e + j * kTile;
      for (int b = 0; b < kTile; ++b)
        to[b] = select(lanes.target[b] == j, 0.0, exp_difference(value_[b], m[b]));
      for (int b = 0; b < kTile; ++b) add(sum[b], to[b]);
      for (int b = 0; b < kTile; ++b) squares[b] += to[b] * to[b];
    }
    for (int b = 0; b < kTile; ++b) {
      const RowScalars row = row_scalars(m[b], truth[b], sum[b]);
      lanes.nll[b] = row.nll;
      factor[b] = row.factor;
      lanes.brier[b] = row.not_p * row.not_p + row.factor * row.factor * squares[b];
      truth[b] = row.p;
    }
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      double* to = e + j * kTile;
      for (int b = 0; b < kTile; ++b)
        to[b] = select(lanes.target[b] == j, truth[b], factor[b] * to[b]);
    }
  }

  void binary_prob() {
    load(0, value_);
    watch(0);
    for (int b = 0; b < kTile; ++b) {
      const bool is_true = lanes.target[b] == 1;
      lanes.nll[b] = -select(is_true, log(value_[b]), log_of_complement(value_[b]));
      const double miss = value_[b] - select(is_true, 1.0, 0.0);
      lanes.brier[b] = 2 * (miss * miss);  // over both classes
      lanes.chosen[b] = select(value_[b] > 0.5, 1.0, 0.0);
    }
  }

  void binary_logit() {
    double* p = reserve(1);
    load(0, value_);
    watch(0);
    for (int b = 0; b < kTile; ++b) {
      const bool is_true = lanes.target[b] == 1;
      const Margin margin = of_margin(select(is_true, -value_[b], value_[b]));
      lanes.nll[b] = margin.nll;
      lanes.brier[b] = 2 * (margin.wrong * margin.wrong);
      lanes.chosen[b] = select(value_[b] > 0, 1.0, 0.0);
      p[b] = of_margin(value_[b]).wrong;
    }
  }

  void labels() {
    double* p = reserve(2 * task_.classes);
    const bool logits = task_.prediction == Prediction::label_logits;
    double right[kTile] = {};
    for (int b = 0; b < kTile; ++b) lanes.nll[b] = 0;
    for (std::int64_t j = 0; j < task_.classes; ++j) {
      load(j, value_);
      watch(j);
      double* nll = label_nll(j);
      const std::uint8_t* label = task_.labels[j] + begin_;
      double truth[kTile] = {};
      for (int b = 0; b < count_; ++b) truth[b] = label[b];
      if (logits) {
        for (int b = 0; b < kTile; ++b) {
          const Margin margin = of_margin(select(truth[b] == 1, -value_[b], value_[b]));
          nll[b] = margin.nll;
          lanes.brier[b] += margin.wrong * margin.wrong;
          p[j * kTile + b] = of_margin(value_[b]).wrong;
        }
      } else {
        for (int b = 0; b < kTile; ++b) {
          nll[b] = -select(truth[b] == 1, log(value_[b]), log_of_complement(value_[b]));
          const double miss = value_[b] - truth[b];
          lanes.brier[b] += miss * miss;
        }
      }
      const double half = logits ? 0.0 : 0.5;
      for (int b = 0; b < kTile; ++b) {
        right[b] += select((value_[b] > half) == (truth[b] == 1), 1.0, 0.0);
        lanes.nll[b] += nll[b];
        lanes.sum[b] = select(truth[b] == kMissingLabel, nan_, lanes.sum[b]);
      }
    }
    for (int b = 0; b < kTile; ++b) lanes.chosen[b] = right[b];
  }

  void log_probs() {
    load(0, value_);
    watch(0);
    for (int b = 0; b < kTile; ++b) lanes.nll[b] = -value_[b];
  }

  const LogLossTask& task_;
  std::int64_t begin_;
  int count_;
  LogLossSums& sums_;
  double value_[kTile];
  static constexpr double nan_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace XENT_ISA
}  // namespace xent
