// Sigmoid cross-entropy: what a call of the kernels is told.
#pragma once

#include <cstdint>

#include "isa.hpp"
#include "storage.hpp"

namespace xent {

// Arrays are C-contiguous with shape (outer, labels, inner); every element is a node of its
// own. Compute dtype: float for float, Half and BFloat16 logits, double for double logits.
struct SigmoidTask {
  const void* logits = nullptr;
  std::int64_t outer = 0, labels = 1, inner = 1;
  Numbers target;                            // like logits
  const double* pos_weight = nullptr;        // (labels)
  Numbers node_pos_weight;                   // or like logits
  const double* label_weight = nullptr;      // (labels)
  const double* sample_weight = nullptr;     // (outer, inner)
  Numbers node_weight;                       // like logits
  double label_smoothing = 0;                // moves every label towards 1/2
  double ignored_target = 0;                 // a node with this target is skipped ...
  bool ignores = false;                      // ... where this is set
  double gradient_scale = 1;

  void* nll = nullptr;       // like logits, compute dtype
  void* gradient = nullptr;  // like logits
  void* hessian = nullptr;   // like logits: the diagonal
};

// What a chunk of nodes leaves behind.
struct SigmoidPart {
  double sum = 0;
  std::int64_t bad = 0;         // targets outside [0, 1], NaN included
  std::int64_t first_bad = -1;
};

using SigmoidKernel = SigmoidPart (*)(const SigmoidTask&, std::int64_t begin, std::int64_t end);

struct SigmoidKernels {
  SigmoidKernel for_float, for_double, for_half, for_bfloat16;
};

}  // namespace xent

XENT_KERNELS(SigmoidKernels, sigmoid_kernels)
