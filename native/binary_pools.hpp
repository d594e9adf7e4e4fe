// Isotonic regression of outcomes 0 and 1, from how many of each a cell holds.
#pragma once

#include "isotonic.hpp"
#include "vector_math.hpp"

namespace xent {

// -count log(count / (count + others)): what outcomes lose that are given their own share.
// No share is rounded to 1 on the way.
inline double surprise(double count, double others) {
  return count > 0 ? count * XENT_ISA::log1p_positive(others / count) : 0.0;
}

// Zeros and ones are kept apart, so that neither share is found by a subtraction.
class BinaryPools {
 public:
  struct Pool {
    double zeros, ones;
    std::int64_t end;
  };
  void clear() { pools_.clear(); }
  void add(double zeros, double ones, std::int64_t end) {
    if (!(zeros + ones > 0)) {
      if (!pools_.empty()) pools_.back().end = end;
      return;
    }
    Pool last{zeros, ones, end};
    while (!pools_.empty() && pools_.back().ones * last.zeros >= last.ones * pools_.back().zeros) {
      last.zeros += pools_.back().zeros;
      last.ones += pools_.back().ones;
      pools_.pop_back();
    }
    pools_.push_back(last);
  }
  double loss() const {
    double sum = 0;
    for (const Pool& p : pools_)
      sum += surprise(p.zeros, p.ones) + surprise(p.ones, p.zeros);
    return sum;
  }
  const std::vector<Pool>& pools() const { return pools_; }

 private:
  std::vector<Pool> pools_;
};

// The loss of the pools alone, as often as it is asked for: they lie in arrays, so that a loop
// takes several logarithms at once, and nothing is allocated.
class PooledLoss {
 public:
  explicit PooledLoss(std::size_t most) : zeros_(most), ones_(most), loss_(most) {}
  void clear() { count_ = 0; }
  void add(double zeros, double ones) {
    if (!(zeros + ones > 0)) return;
    std::size_t n = count_;
    while (n > 0 && ones_[n - 1] * zeros >= ones * zeros_[n - 1]) {
      --n;
      zeros += zeros_[n];
      ones += ones_[n];
    }
    zeros_[n] = zeros;
    ones_[n] = ones;
    count_ = n + 1;
  }
  double loss() {
    for (std::size_t k = 0; k < count_; ++k)
      loss_[k] = surprise(zeros_[k], ones_[k]) + surprise(ones_[k], zeros_[k]);
    double sum = 0;
    for (std::size_t k = 0; k < count_; ++k) sum += loss_[k];
    return sum;
  }

 private:
  std::size_t count_ = 0;
  std::vector<double> zeros_, ones_, loss_;
};

}  // namespace xent
