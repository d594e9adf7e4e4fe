// Poisson bootstrap: sums over rows, each drawn Poisson(1) times in each replicate.
//
// How often a row is drawn comes from its key and the number of the replicate alone, and sums
// are exact; so neither the order of rows nor a split of them can be seen in a replicate.
// Chamandy, Muralidharan, Najmi and Naidu 2012, "Estimating uncertainty for massive data
// streams"; Hanley and MacGibbon 2006.
#pragma once

#include <cstdint>
#include <vector>

#include "isa.hpp"

namespace xent {

struct ReplicateSums {
  static constexpr int kLanes = 8;             // 64-bit words of random bits at once
  static constexpr int kBlock = 2 * kLanes;    // each word draws for two replicates
  static constexpr int kLimbs = 67;            // as ExactSum
  // rows between two settlings: a term is below 2^36, so 2^13 of them are exact in a double
  static constexpr std::int64_t kRows = 8192;

  ReplicateSums(std::int64_t replicates, std::int64_t quantities)
      : blocks((replicates + kBlock - 1) / kBlock),
        draws(static_cast<std::size_t>(blocks * kBlock)),
        drawn(draws.size()),
        limbs(static_cast<std::size_t>(quantities) * kLimbs * draws.size()),
        waiting(limbs.size()),
        touched(static_cast<std::size_t>(quantities * kLimbs)) {}

  std::int64_t blocks;
  std::vector<double> draws;         // of the row at hand
  std::vector<std::int64_t> drawn;   // rows drawn into each replicate
  // (quantity, limb, replicate): the replicates of a limb lie together, a lane each
  std::vector<std::int64_t> limbs;   // limb i counts 2^(32 i) units of 2^-1074
  std::vector<double> waiting;       // to be added to the limbs
  std::vector<char> touched;
  std::int64_t settlings = 0;        // since carries were last moved
};

struct ReplicateTask {
  const std::uint64_t* key = nullptr;          // (rows)
  const double* const* values = nullptr;       // (quantities)(rows), finite
  std::int64_t quantities = 0;
  std::uint64_t seed = 0;
};

struct ReplicateKernels {
  // at most ReplicateSums::kRows rows
  void (*add)(const ReplicateTask&, std::int64_t begin, std::int64_t end, ReplicateSums&);
};

}  // namespace xent

XENT_KERNELS(ReplicateKernels, replicate_kernels)
