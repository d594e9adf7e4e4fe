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

}  // namespace xent
