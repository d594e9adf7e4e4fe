// Softmax cross-entropy: what a call of the kernels is told.
#pragma once

#include <cstdint>
#include <optional>

#include "isa.hpp"

namespace xent {

// What a row says besides its loss, each (outer, inner); null where it was not asked for.
// A row that is not counted says 0; one whose class weighs 0 is. All of one call are wanted, or
// none.
struct SoftmaxStatistics {
  void* nll = nullptr;      // compute dtype: of the target as it came, before any weight
  void* lse = nullptr;      // compute dtype: log sum exp of the logits as the options leave them
  void* entropy = nullptr;  // compute dtype: of the prediction, in nats
  bool* hit = nullptr;      // the target is the arg max, the first of equal ones
};

// Arrays are C-contiguous with shape (outer, classes, inner); a row is one (outer, inner).
// Compute dtype: float for float, Half and BFloat16 logits, double for double logits.
struct SoftmaxTask {
  const void* logits = nullptr;
  std::int64_t outer = 0, classes = 0, inner = 1;

  // the target of each row: a class (outer, inner), or a distribution (outer, classes,
  // inner) in the compute dtype. Classes were checked to be in range by the caller.
  const std::int64_t* target = nullptr;
  const void* soft_target = nullptr;
  double label_smoothing = 0;            // mixes the class target with the uniform one
  const double* class_weight = nullptr;  // (classes): part of the distribution

  // what becomes of the logits first: softcap * tanh(x / softcap) / temperature
  double softcap = 0;  // 0: none
  double temperature = 1;
  // 0 where a class cannot be chosen: (classes), or like logits
  const unsigned char* class_mask = nullptr;
  bool masks_each_row = false;
  // z_loss * lse^2 is added to each loss, which class weights do not touch
  double z_loss = 0;

  // weight of each row's loss (outer, inner); a row of weight 0 is skipped, whatever it holds
  const double* row_weight = nullptr;
  // of statistics, which know no class weights: rows of weight 0 here, or of this target, say 0
  const double* sample_weight = nullptr;
  std::optional<std::int64_t> ignore_index;
  double gradient_scale = 1;  // of gradient and Hessian, beside the row's weight; it holds
                              // 1 / temperature

  void* nll = nullptr;             // (outer, inner), compute dtype
  double* chunk_sums = nullptr;    // one a chunk: the sum of its weighted losses
  void* gradient = nullptr;        // like logits
  void* hessian = nullptr;         // like logits: the diagonal; the options leave it undefined
  SoftmaxStatistics statistics;

  bool is_counted(std::int64_t row) const {
    if (sample_weight && sample_weight[row] == 0) return false;
    return !(target && ignore_index && target[row] == *ignore_index);
  }
  // `start` is where in the logits a row starts
  bool may_be_chosen(std::int64_t start, std::int64_t c) const {
    return class_mask[masks_each_row ? start + c * inner : c] != 0;
  }
};

// Rows too short to vectorise along, or whose classes are not adjacent, go by tiles.
inline bool goes_by_tiles(std::int64_t classes, std::int64_t inner) {
  return inner > 1 || classes <= 192;
}

struct SoftmaxKernels {
  // rows [begin, end); chunk_sums[chunk] gets the sum
  void (*for_float)(const SoftmaxTask&, std::int64_t begin, std::int64_t end, std::int64_t chunk);
  void (*for_double)(const SoftmaxTask&, std::int64_t, std::int64_t, std::int64_t);
  void (*for_half)(const SoftmaxTask&, std::int64_t, std::int64_t, std::int64_t);
  void (*for_bfloat16)(const SoftmaxTask&, std::int64_t, std::int64_t, std::int64_t);
};

}  // namespace xent

XENT_KERNELS(SoftmaxKernels, softmax_kernels)
