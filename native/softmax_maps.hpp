// softmax, log_softmax, sigmoid and log_sigmoid: what a call of the kernels is told.
#pragma once

#include <cstdint>

#include "isa.hpp"

namespace xent {

enum class Map { softmax, log_softmax, sigmoid, log_sigmoid };

// (outer, classes, inner), C-contiguous, result like logits; a row is one (outer, inner).
// The sigmoid maps take every element by itself: one class, and rows are elements.
struct MapTask {
  const void* logits = nullptr;
  std::int64_t outer = 0, classes = 1, inner = 1;
  Map map = Map::softmax;
  void* result = nullptr;
};

using MapKernel = void (*)(const MapTask&, std::int64_t begin, std::int64_t end);

struct MapKernels {
  MapKernel for_float, for_double, for_half, for_bfloat16;
};

}  // namespace xent

XENT_KERNELS(MapKernels, map_kernels)
