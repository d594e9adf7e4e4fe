// Cross-entropy of class targets from probabilities: validated and scored in one pass.
#pragma once

#include <cstdint>

#include "isa.hpp"

namespace xent {

// probs is C-contiguous (outer, classes, inner); target (outer, inner), checked by the caller.
struct CategoricalTask {
  const void* probs = nullptr;
  std::int64_t outer = 0, classes = 0, inner = 1;
  const std::int64_t* target = nullptr;
  const double* row_weight = nullptr;  // (outer, inner); a row of weight 0 is skipped
  double tolerance = 0;                // of an entry, and of a row's sum
  double clip = 0;                     // a smaller probability of the truth counts as this
  void* nll = nullptr;                 // (outer, inner), dtype of probs
};

struct CategoricalPart {
  double sum = 0;
  std::int64_t bad = 0, first_bad = -1;    // rows that are no distribution
  std::int64_t zero = 0, first_zero = -1;  // rows whose truth has probability 0, or is clipped
  double clipped_sum = 0;                  // the part of the sum that comes from the clip
};

using CategoricalKernel = CategoricalPart (*)(const CategoricalTask&, std::int64_t begin,
                                              std::int64_t end);

struct CategoricalKernels {
  CategoricalKernel loss_float, loss_double;
};

}  // namespace xent

XENT_KERNELS(CategoricalKernels, categorical_kernels)
