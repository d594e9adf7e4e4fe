// Divergences between the softmaxes of two rows of logits: what a call of the kernels is told.
#pragma once

#include <cstdint>

#include "isa.hpp"

namespace xent {

// With p the softmax of x / temperature and q that of y / temperature:
// KL(p || q), or the Jensen-Shannon divergence, KL(p || m) / 2 + KL(q || m) / 2, m = (p + q) / 2
enum class Divergence { kullback_leibler, jensen_shannon };

// Arrays are C-contiguous with shape (outer, classes, inner); a row is one (outer, inner).
// Compute dtype: float for float, Half and BFloat16 logits, double for double logits.
struct DivergenceTask {
  const void* x = nullptr;
  const void* y = nullptr;  // stored as x is
  std::int64_t outer = 0, classes = 0, inner = 1;
  Divergence divergence = Divergence::kullback_leibler;
  double temperature = 1;

  // weight of each row's loss (outer, inner); a row of weight 0 is skipped, whatever it holds
  const double* row_weight = nullptr;
  double loss_scale = 1;      // of each loss, beside the row's weight
  double gradient_scale = 1;  // of the gradient likewise; it holds 1 / temperature

  void* losses = nullptr;        // (outer, inner), compute dtype
  double* chunk_sums = nullptr;  // one a chunk: the sum of its weighted losses
  void* gradient = nullptr;      // like x; it may be x, or y, itself
  bool by_x = false;             // whether it is that by x, or that by y
};

// A row of two tensors is worth vectorising along sooner than one of a single tensor.
inline bool pairs_go_by_tiles(std::int64_t classes, std::int64_t inner) {
  return inner > 1 || classes <= 48;
}

struct DivergenceKernels {
  // rows [begin, end); chunk_sums[chunk] gets the sum
  using Kernel = void (*)(const DivergenceTask&, std::int64_t begin, std::int64_t end,
                          std::int64_t chunk);
  Kernel for_float, for_double, for_half, for_bfloat16;
};

}  // namespace xent

XENT_KERNELS(DivergenceKernels, divergence_kernels)
