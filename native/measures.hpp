// Measures of distributions: what a call of the kernels is told, and what it learns.
#pragma once

#include <cstdint>

#include "isa.hpp"

namespace xent {

// Arrays are C-contiguous with shape (outer, classes, inner); a row is one (outer, inner).
struct MeasureTask {
  const void* p = nullptr;
  const void* q = nullptr;  // null for the entropy
  std::int64_t outer = 0, classes = 0, inner = 1;
  double tolerance = 0;  // of the signs and of the row sums; infinite: nothing is checked
  double nats = 1;         // how many nats the unit of the result has
  void* result = nullptr;  // (outer, inner), of the type of p
};

// What one chunk saw. Rows are counted where their result is known, so a check costs no pass.
struct MeasureReport {
  std::int64_t bad = 0, first_bad = -1;            // rows that are no distribution
  std::int64_t infinite = 0, first_infinite = -1;  // rows whose result is infinite
};

// Rows of adjacent classes: [begin, end) are rows. Classes apart (inner > 1): [begin, end)
// are tiles of kMeasureTile neighbouring rows, in the order of (outer, tile of inner).
constexpr std::int64_t kMeasureTile = 64;

struct MeasureKernels {
  using Kernel = void (*)(const MeasureTask&, std::int64_t begin, std::int64_t end,
                          MeasureReport& report);
  Kernel entropy[2];        // of float and of double rows; all are computed in double
  Kernel cross_entropy[2];
  Kernel kl_divergence[2];
};

}  // namespace xent

XENT_KERNELS(MeasureKernels, measure_kernels)
