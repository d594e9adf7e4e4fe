// Losses that are a sum of one term an element: what a call of the kernels is told.
#pragma once

#include <cstdint>

#include "isa.hpp"
#include "storage.hpp"

namespace xent {

enum class ElementLoss {
  squared_error,         // (x - y)^2
  binary_cross_entropy,  // of probabilities x and labels y, each log at least -100
  kl_of_probs,           // y (log y - x): x is the log of the model's probability
  kl_of_log_probs        // exp(y) (y - x)
};

// Arrays are C-contiguous and of one size. Everything is computed in double.
struct ElementTask {
  ElementLoss loss = ElementLoss::squared_error;
  const void* input = nullptr;
  Numbers target;
  double gradient_scale = 1;
  void* gradient = nullptr;  // like input; null where it is not wanted
};

// What a chunk of elements leaves behind.
struct ElementPart {
  double sum = 0;
  std::int64_t outside = 0;  // probabilities or labels that are not within [0, 1]
};

using ElementKernel = ElementPart (*)(const ElementTask&, std::int64_t begin, std::int64_t end);

struct ElementKernels {
  ElementKernel for_float, for_double, for_half, for_bfloat16;
};

}  // namespace xent

XENT_KERNELS(ElementKernels, element_kernels)
