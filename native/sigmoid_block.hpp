// Sigmoid cross-entropy of one block of a matrix of logits that is never whole.
#pragma once

#include <cstdint>

#include "isa.hpp"
#include "storage.hpp"

namespace xent {

// The block is C-contiguous, (rows, labels), float or double, and becomes the gradient where
// that is wanted.
struct SigmoidBlock {
  std::int64_t rows = 0, labels = 0;
  void* logits = nullptr;
  Numbers target;                        // (rows, labels); none: no label is true
  std::int64_t target_stride = 0;        // elements from one row to the next
  const double* pos_weight = nullptr;    // (labels)
  const double* label_weight = nullptr;  // (labels)
  const double* row_scale = nullptr;     // (rows): multiplies the gradient, not the losses
  double scale = 1;                      // likewise, of all rows
  bool want_gradient = false;
};

// What one piece of a row leaves behind.
struct SigmoidSum {
  double sum = 0;
  std::int64_t bad = 0;  // targets outside [0, 1], NaN included
};

// columns [begin, end) of a row
using SigmoidBlockKernel = SigmoidSum (*)(const SigmoidBlock&, std::int64_t row,
                                          std::int64_t begin, std::int64_t end);

struct SigmoidBlockKernels {
  SigmoidBlockKernel for_float, for_double;
};

}  // namespace xent

XENT_KERNELS(SigmoidBlockKernels, sigmoid_block_kernels)
