// Exact sums of the powers that moments are made of, by group: of weights w and values t, those
// of w, t, w^2, w t, t^2, w^3, w^2 t, w t^2 and t^3. log_loss_moments.hpp has them of losses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "exact_sum.hpp"
#include "isa.hpp"

namespace xent {

// in the order in which they are added
enum Power { t1, t2, t3, w1, w2, w1t1, w3, w2t1, w1t2, kPowers };

struct MomentTask {
  const double* t = nullptr;             // (rows), finite
  const double* weight = nullptr;        // (rows), finite; or every row weighs 1
  const std::int64_t* group = nullptr;   // (rows), known groups; or all rows are of group 0
};

class MomentSums {
 public:
  MomentSums(std::size_t groups, bool weighted)
      : powers(weighted ? kPowers : w1), counts(groups), sums(groups * powers) {}

  void grow(std::size_t groups) {
    counts.resize(groups);
    sums.resize(groups * powers);
    if (!waiting.empty()) waiting.resize(groups);
  }

  // terms of one group, in parts that add in doubles without rounding; see add_tile
  struct Waiting {
    double part[kPowers][3] = {};
    int terms = 0;
  };

  std::size_t powers;  // the first few: without weights only those of t
  std::vector<std::int64_t> counts;
  std::vector<ExactSum> sums;     // (groups, powers)
  std::vector<Waiting> waiting;   // (groups), where rows come by group
};

struct MomentKernels {
  void (*add)(const MomentTask&, std::int64_t begin, std::int64_t end, MomentSums&);
  // what waits moves to the sums
  void (*settle)(MomentSums&);
};

}  // namespace xent

XENT_KERNELS(MomentKernels, moment_kernels)
