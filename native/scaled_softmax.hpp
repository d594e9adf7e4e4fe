// The log loss of scores that are scaled and shifted, with what its derivatives are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "isa.hpp"

namespace xent {

// eta_ij = scale z_ij + bias_j; a score of -inf stays -inf. Every truth is possible.
struct ScaledSoftmaxTask {
  const double* scores = nullptr;         // (classes, rows)
  const std::int64_t* target = nullptr;   // (rows)
  const double* share = nullptr;          // (rows), of the weight of all
  const double* bias = nullptr;           // (classes)
  double scale = 1;
  std::int64_t rows = 0, classes = 0;
  bool of_scale = true, of_biases = true;  // which second derivatives are asked for
};

// Sums over rows of share times what is said, with p = softmax(eta) and d = z - sum_k p_k z_k:
// loss, sum_j p_j d_j^2; p_j, p_j z_j, p_j d_j, (classes) each; p_i p_j for i <= j.
struct ScaledSoftmaxSums {
  static constexpr std::size_t kNumbers = 2;
  static constexpr std::size_t size(std::size_t classes) {
    return kNumbers + classes * (3 + classes);
  }
};

struct ScaledSoftmaxKernels {
  // adds rows [begin, end) to ScaledSoftmaxSums::size(classes) numbers
  void (*add)(const ScaledSoftmaxTask&, std::int64_t begin, std::int64_t end, double* to);
};

}  // namespace xent

XENT_KERNELS(ScaledSoftmaxKernels, scaled_softmax_kernels)
