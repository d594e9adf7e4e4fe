// Softmax cross-entropy on one chunk of rows: value, gradient and diagonal Hessian.
//
// Traffic       logits are read once; gradient and Hessian are written once.
// Determinism   a row's bits depend on that row alone.
#include "softmax_cross_entropy.hpp"

#include "softmax_long_rows.hpp"
#include "softmax_loss_tiles.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

template <class Storage, int kLanes>
double by_tiles(const SoftmaxTask& task, std::int64_t begin, std::int64_t end) {
  LossTiles<Storage, kLanes> tiles(task);
  double sum = 0;
  for (std::int64_t row = begin; row < end; row += kLanes)
    sum += tiles.rows(row, static_cast<int>(end - row < kLanes ? end - row : kLanes));
  return sum;
}

template <class Storage>
void loss(const SoftmaxTask& task, std::int64_t begin, std::int64_t end, std::int64_t chunk) {
  double sum = 0;
  if (goes_by_tiles(task.classes, task.inner)) {
    sum = task.inner > 1 ? by_tiles<Storage, kWide>(task, begin, end)
                         : by_tiles<Storage, kNarrow>(task, begin, end);
  } else {
    LongRows<Storage> rows(task);
    for (std::int64_t row = begin; row < end; ++row) sum += rows.row(row);
  }
  if (task.chunk_sums) task.chunk_sums[chunk] = sum;
}

}  // namespace

extern const SoftmaxKernels softmax_kernels;
const SoftmaxKernels softmax_kernels = {loss<float>, loss<double>, loss<Half>, loss<BFloat16>};

}  // namespace XENT_ISA
}  // namespace xent
