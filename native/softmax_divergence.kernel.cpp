// Divergences between the softmaxes of two tensors of logits, on one chunk of rows: the value,
// and the gradient by one of the two.
//
// Traffic       both logits are read from memory once; the gradient is written once, and may
//               be written over either of them.
// Determinism   a row's bits depend on that row alone.
#include "softmax_divergence.hpp"

#include "softmax_divergence_rows.hpp"
#include "softmax_divergence_tiles.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

template <class Storage, int kLanes>
double by_tiles(const DivergenceTask& task, std::int64_t begin, std::int64_t end) {
  DivergenceTiles<Storage, kLanes> tiles(task);
  double sum = 0;
  for (std::int64_t row = begin; row < end; row += kLanes)
    sum += tiles.rows(row, static_cast<int>(end - row < kLanes ? end - row : kLanes));
  return sum;
}

template <class Storage>
void divergence(const DivergenceTask& task, std::int64_t begin, std::int64_t end,
                std::int64_t chunk) {
  double sum = 0;
  if (pairs_go_by_tiles(task.classes, task.inner)) {
    sum = task.inner > 1 ? by_tiles<Storage, kWide>(task, begin, end)
                         : by_tiles<Storage, kNarrow>(task, begin, end);
  } else {
    DivergenceRows<Storage> rows(task);
    for (std::int64_t row = begin; row < end; ++row) sum += rows.row(row);
  }
  if (task.chunk_sums) task.chunk_sums[chunk] = sum;
}

}  // namespace

extern const DivergenceKernels divergence_kernels;
const DivergenceKernels divergence_kernels = {divergence<float>, divergence<double>,
                                              divergence<Half>, divergence<BFloat16>};

}  // namespace XENT_ISA
}  // namespace xent
