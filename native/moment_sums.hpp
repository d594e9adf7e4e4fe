// Exact sums of the powers that moments are made of, by group: of weights w and values t, those
// of t, or of t, t^2 and t^3, or of these and w, w^2, w t, w^3, w^2 t and w t^2. A sum of t or w
// loses nothing. log_loss_moments.hpp has the same sums of losses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "exact_sum.hpp"
#include "isa.hpp"

namespace xent {

// in the order in which they are added; the first one, three or all of them are kept
struct Power {
  enum Of : std::size_t { t1, t2, t3, w1, w2, w1t1, w3, w2t1, w1t2, count };
};

struct MomentTask {
  const double* t = nullptr;             // (rows), finite
  const double* weight = nullptr;        // (rows), finite, where all powers are kept
  const std::int64_t* group = nullptr;   // (rows); below 0: left out; null: all are of group 0
};

struct MomentSums {
  MomentSums(std::size_t groups, std::size_t powers)
      : powers(powers), counts(groups), sums(groups * powers) {}

  // room for what waits too, where rows come `by_group`
  void grow(std::size_t groups, bool by_group) {
    groups = groups < counts.size() ? counts.size() : groups;
    counts.resize(groups);
    sums.resize(groups * powers);
    if (!by_group && waiting.empty()) return;
    waiting.resize(groups * powers);
    terms.resize(groups);
  }

  // terms of one group, in parts that add in doubles without rounding; see cut()
  struct Waiting {
    double part[3] = {};
  };

  std::size_t powers;
  std::vector<std::int64_t> counts;
  std::vector<ExactSum> sums;     // (groups, powers)
  std::vector<Waiting> waiting;   // (groups, powers), where rows come by group
  std::vector<int> terms;         // (groups): how many wait
};

struct MomentKernels {
  void (*add)(const MomentTask&, std::int64_t begin, std::int64_t end, MomentSums&);
  // what waits moves to the sums
  void (*settle)(MomentSums&);
};

}  // namespace xent

XENT_KERNELS(MomentKernels, moment_kernels)
