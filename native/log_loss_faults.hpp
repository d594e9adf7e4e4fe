// Which rows of a tile cannot be scored, why, and which was the first.
#pragma once

#include "log_loss_kept.hpp"
#include "log_loss_rows.hpp"

namespace xent {
namespace XENT_ISA {

template <class T>
class TileFaults {
 public:
  TileFaults(const LogLossTask& task, std::int64_t begin, int count, LogLossSums& sums,
             Lanes& lanes)
      : task_(task), begin_(begin), count_(count), sums_(sums), lanes_(lanes) {}

  // whether any lane is at fault or past the end; the common tile stops here
  bool judge() {
    const Prediction kind = task_.prediction;
    const double top = kind == Prediction::class_probs ? 1 + task_.tolerance
                       : has_probs(kind)               ? 1.0
                       : kind == Prediction::log_probs ? task_.tolerance
                                                       : infinity<double>;
    const double bottom = has_probs(kind) ? 0.0 : -infinity<double>;
    const bool closed = kind == Prediction::class_logits;  // +inf is no logit
    const bool sums_to_one = kind == Prediction::class_probs;
    const auto last = static_cast<std::int64_t>(kind == Prediction::binary_prob ||
                                                        kind == Prediction::binary_logit
                                                    ? 2
                                                    : task_.classes);
    const bool classes = has_classes(kind) && !has_labels(kind);
    std::int64_t odd = count_ < kTile;
    for (int b = 0; b < kTile; ++b) {
      const double sum = lanes_.sum[b];
      odd |= static_cast<std::int64_t>(!(lanes_.low[b] >= bottom)) |
             static_cast<std::int64_t>(!(lanes_.high[b] <= top)) |
             static_cast<std::int64_t>(!(sum == sum)) |
             static_cast<std::int64_t>(!(lanes_.nll[b] == lanes_.nll[b])) |
             static_cast<std::int64_t>(!(lanes_.weight[b] >= 0));
      odd |= static_cast<std::int64_t>(lanes_.weight[b] == infinity<double>);
    }
    if (sums_to_one)
      for (int b = 0; b < kTile; ++b) {
        const double off = lanes_.sum[b] - 1;
        odd |= static_cast<std::int64_t>(!(off <= task_.tolerance)) |
               static_cast<std::int64_t>(!(off >= -task_.tolerance));
      }
    if (closed)
      for (int b = 0; b < kTile; ++b)
        odd |= static_cast<std::int64_t>(lanes_.high[b] == infinity<double>);
    if (classes)
      for (int b = 0; b < kTile; ++b)
        odd |= static_cast<std::int64_t>(lanes_.target[b] < 0) |
               static_cast<std::int64_t>(lanes_.target[b] >= last);
    else
      for (int b = 0; b < kTile; ++b) odd |= static_cast<std::int64_t>(lanes_.target[b] < 0);
    if (task_.size)
      for (int b = 0; b < count_; ++b) {
        const double size = task_.size[begin_ + b];
        odd |= static_cast<std::int64_t>(!(size >= 0 && size < infinity<double>));
      }
    for (int b = 0; b < kTile; ++b) lanes_.fault[b] = kScored;
    top_ = top;
    bottom_ = bottom;
    last_ = last;
    classes_ = classes;
    return odd != 0;
  }

  // counts the lanes at fault, and takes them out
  void sift() {
    for (int b = 0; b < kTile; ++b) {
      const int fault = lanes_.fault[b] = fault_of(b);
      if (fault == kScored) continue;
      if (b < count_) {
        if (fault == kSkipped) ++sums_.ignored;
        else report(fault, b);
      }
      lanes_.weight[b] = lanes_.nll[b] = lanes_.brier[b] = 0;
    }
  }

  double value(int b, std::int64_t j) const {
    return static_cast<double>(
        static_cast<const T*>(task_.columns[j])[(begin_ + b) * task_.stride]);
  }

 private:
  int fault_of(int b) const {
    const std::int64_t y = lanes_.target[b];
    if (b >= count_ || y == kIgnored) return kSkipped;
    const double w = lanes_.weight[b], size = task_.size ? task_.size[begin_ + b] : 0;
    if (y == kMissing || !(w == w) || !(size == size)) return missing;
    if (!(w >= 0 && w < infinity<double>)) return bad_weight;
    if (!(size >= 0 && size < infinity<double>)) return bad_size;
    if (classes_ && (y < 0 || y >= last_)) return no_class;
    if (lanes_.low[b] < bottom_ || lanes_.high[b] > top_) return out_of_range;
    if (task_.prediction == Prediction::class_logits && lanes_.high[b] == infinity<double>)
      return infinite_logit;
    if (!(lanes_.sum[b] == lanes_.sum[b])) {
      // two infinities of a logit row may cancel in the sum; only NaN itself is missing
      if (has_probs(task_.prediction) || holds_nan(b)) return missing;
    }
    if (task_.prediction == Prediction::class_probs &&
        !(lanes_.sum[b] - 1 <= task_.tolerance && lanes_.sum[b] - 1 >= -task_.tolerance))
      return wrong_sum;
    return lanes_.nll[b] == lanes_.nll[b] ? kScored : missing;
  }

  std::int64_t columns() const { return task_.classes > 0 ? task_.classes : 1; }

  bool holds_nan(int b) const {
    for (std::int64_t j = 0; j < columns(); ++j) {
      if (!(value(b, j) == value(b, j))) return true;
      if (has_labels(task_.prediction) && task_.labels[j][begin_ + b] == kMissingLabel)
        return true;
    }
    return false;
  }

  void report(int fault, int b) {
    const std::int64_t row = task_.first_row + begin_ + b;
    if (fault == missing) remember(sums_.missing_rows, row);
    Offence& offence = sums_.offences[fault];
    ++offence.count;
    if (offence.row >= 0 && offence.row < row) return;
    offence.row = row;
    offence.column = -1;
    offence.value = fault == wrong_sum    ? lanes_.sum[b]
                    : fault == no_class   ? static_cast<double>(lanes_.target[b])
                    : fault == bad_weight ? lanes_.weight[b]
                    : fault == bad_size   ? task_.size[begin_ + b]
                                          : 0;
    if (fault != out_of_range && fault != infinite_logit && fault != missing) return;
    for (std::int64_t j = 0; j < columns(); ++j) {
      const double v = value(b, j);
      const bool here = fault == missing        ? !(v == v)
                        : fault == out_of_range ? v < bottom_ || v > top_
                                                : v == infinity<double>;
      if (!here) continue;
      offence.column = j;
      offence.value = v;
      return;
    }
  }

  const LogLossTask& task_;
  std::int64_t begin_;
  int count_;
  LogLossSums& sums_;
  Lanes& lanes_;
  double top_ = 0, bottom_ = 0;
  std::int64_t last_ = 0;
  bool classes_ = false;
};

}  // namespace XENT_ISA
}  // namespace xent
