// Random counts of cells, and what a calibration score becomes with them.
//
// Reproducible   uniform numbers are SplitMix64 (Steele, Lea and Flood 2014) of a counter, one
//                stream a cell; counts come from them by inversion of a table that is built by
//                multiplication and division alone. No function of the mathematics library is
//                called, so every machine draws the same counts, whatever the threads.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace xent {

inline std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

class Stream {
 public:
  Stream(std::uint64_t seed, std::uint64_t which) : start_(mixed(seed ^ mixed(which + kGolden))) {}
  // in [0, 1), a multiple of 2^-53
  double uniform(std::uint64_t i) const {
    return static_cast<double>(mixed(start_ + (i + 1) * kGolden) >> 11) * 0x1p-53;
  }

 private:
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15u;
  std::uint64_t start_;
};

// The distribution of a count: weights relative to the mode, as far as they can be drawn.
class CountTable {
 public:
  // trials independent events of odds r
  void binomial(double trials, double odds) {
    // odds beyond what a double divides by are as good as certain
    const double q = odds > 0x1p500 ? 1.0 : odds / (1 + odds);
    const double mode = std::min(trials, std::floor((trials + 1) * q));
    build(mode, [&](double k) { return (trials - k) * odds / (k + 1); },
          [&](double k) { return k / ((trials - k + 1) * odds); });
  }
  void poisson(double mean) {
    build(std::floor(mean), [&](double k) { return mean / (k + 1); },
          [&](double k) { return k / mean; });
  }

  double draw(double uniform) const {
    const double target = uniform * cumulative_.back();
    if (target < cumulative_[0]) return first_;
    const auto slot = static_cast<std::size_t>(uniform * static_cast<double>(guide_.size()));
    std::size_t i = guide_[slot];
    // the last uniform number times the sum may round to the sum
    while (i + 1 < cumulative_.size() && cumulative_[i] <= target) ++i;
    return first_ + static_cast<double>(i);
  }

 private:
  static constexpr double kNever = 0x1p-64;  // below what 53 bits of a uniform can reach

  // up(k) is the weight of k + 1 over that of k, down(k) that of k - 1 over that of k
  template <class Up, class Down>
  void build(double mode, Up up, Down down) {
    cumulative_.clear();
    double w = 1;
    first_ = mode;
    for (double k = mode; k > 0; --k) {
      w *= down(k);
      if (!(w > kNever)) break;
      cumulative_.push_back(w);
      first_ = k - 1;
    }
    std::reverse(cumulative_.begin(), cumulative_.end());
    cumulative_.push_back(1);
    w = 1;
    for (double k = mode;; ++k) {
      w *= up(k);
      if (!(w > kNever)) break;
      cumulative_.push_back(w);
    }
    double sum = 0;
    for (double& c : cumulative_) c = sum += c;
    // where to begin looking, for every 1/size of the uniform numbers
    guide_.resize(std::min<std::size_t>(cumulative_.size(), 1024));
    const double step = sum / static_cast<double>(guide_.size());
    std::size_t at = 0;
    for (std::size_t i = 0; i < guide_.size(); ++i) {
      // rounded down, for draw() only moves up
      const double from = static_cast<double>(i) * step * (1 - 0x1p-40);
      while (cumulative_[at] <= from) ++at;
      guide_[i] = at;
    }
  }

  double first_ = 0;
  std::vector<double> cumulative_;
  std::vector<std::size_t> guide_;
};

}  // namespace xent
