// Softmax cross-entropy of rows whose classes come in slices: what a call is told.
#pragma once

#include <cstdint>

#include "isa.hpp"

namespace xent {

// What is kept of the classes that were seen, each (rows). x' are the logits as the options
// leave them, s_j the mass of the target on class j; classes count over the whole row.
struct SliceState {
  double* top = nullptr;      // the largest x'; -inf where no class can happen, or none was seen
  std::int64_t* arg = nullptr;  // its class, the first of equal ones; -1 for none
  double* odds = nullptr;     // sum of exp(x'_j - top) over the others
  double* terms = nullptr;    // sum of exp(x'_j - top) (top - x'_j), where it is wanted
  double* spread = nullptr;   // sum of s_j (top - x'_j)
  double* mass = nullptr;     // sum of s_j
  std::int64_t* peak = nullptr;  // the class with the largest s_j; -1 for none
  double* at_peak = nullptr;  // its s_j
  double* but_peak = nullptr;  // the sum of the others
};

// A block holds classes [first, first + columns) of each row; its rows may lie apart, as may
// those of the other two-dimensional arrays. Numbers are float or double, as the block's.
struct SliceTask {
  void* block = nullptr;
  std::int64_t rows = 0, columns = 0, stride = 0, first = 0;

  const std::int64_t* target = nullptr;  // (rows): a class of the whole row, in range
  const void* soft_target = nullptr;     // or (rows, columns)
  std::int64_t soft_stride = 0;
  double label_smoothing = 0, share = 0;  // what each class gets of the smoothing
  const double* row_share = nullptr;      // or (rows)
  const double* class_weight = nullptr;   // (columns)
  const unsigned char* class_mask = nullptr;  // (rows, columns); a stride of 0: one for all
  std::int64_t mask_stride = 0;
  double softcap = 0;  // 0: none
  double temperature = 1;
  double z_loss = 0;

  // of a gradient: what each row's is multiplied by; a row of 0 is skipped, whatever it holds
  const double* row_scale = nullptr;
  bool wants_terms = false;
  SliceState state;

  bool is_class_target() const { return !soft_target && label_smoothing == 0; }
};

using SliceKernel = void (*)(const SliceTask&, std::int64_t begin, std::int64_t end);

// scan adds the block's classes to the state; gradient replaces the block
struct SliceKernels {
  SliceKernel scan_float, scan_double, gradient_float, gradient_double;
};

}  // namespace xent

XENT_KERNELS(SliceKernels, slice_kernels)
