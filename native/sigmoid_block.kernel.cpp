// Sigmoid cross-entropy of a piece of a row: the sum of its losses, and its gradient in place.
//
// Without targets no label is true, and a node is softplus(z) with the gradient sigmoid(z). A
// label that is true and looked after elsewhere comes as -inf: it adds 0 to both, exactly.
//
// Traffic       the logits are read once and written once.
// Determinism   a node's bits depend on that node alone, a sum on its piece.
#include "sigmoid_block.hpp"

#include "floats.hpp"
#include "sigmoid_node.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

constexpr int kBlock = 256;

template <class T>
SigmoidSum block(const SigmoidBlock& task, std::int64_t row, std::int64_t begin,
                 std::int64_t end) {
  T* const logits = static_cast<T*>(task.logits) + row * task.labels;
  const double row_scale = task.scale * (task.row_scale ? task.row_scale[row] : 1.0);
  const T scale = static_cast<T>(row_scale);
  const bool weighted = task.pos_weight || task.label_weight;
  T y[kBlock], nll[kBlock], gradient[kBlock], pos_weight[kBlock], weight[kBlock];
  for (int i = 0; i < kBlock; ++i) pos_weight[i] = weight[i] = 1;
  SigmoidSum part;
  for (std::int64_t start = begin; start < end; start += kBlock) {
    const int count = static_cast<int>(end - start < kBlock ? end - start : kBlock);
    T* const z = logits + start;
    if (weighted) {
      for (int i = 0; i < count; ++i) {
        if (task.label_weight) weight[i] = static_cast<T>(task.label_weight[start + i]);
        if (task.pos_weight) pos_weight[i] = static_cast<T>(task.pos_weight[start + i]);
      }
    }
    int bad = 0;
    if (task.target) {
      read(task.target, row * task.target_stride + start, count, y);
#pragma omp simd reduction(+ : bad)
      for (int i = 0; i < count; ++i) {
        const Node<T> node = score(z[i], y[i], pos_weight[i], T(1), T(0));
        nll[i] = node.nll;
        gradient[i] = node.gradient;
        bad += !((y[i] >= 0) & (y[i] <= 1));
      }
    } else {
#pragma omp simd
      for (int i = 0; i < count; ++i) {
        const Node<T> node = score_false(z[i]);
        nll[i] = node.nll;
        gradient[i] = node.gradient;
      }
    }
    part.bad += bad;
    double sum = 0;
    // what has weight 0 may hold NaN
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < count; ++i)
      sum += weight[i] == 0 ? 0.0 : static_cast<double>(nll[i] * weight[i]);
    part.sum += sum;
    if (!task.want_gradient) continue;
#pragma omp simd
    for (int i = 0; i < count; ++i) {
      const T w = weight[i] * scale;
      z[i] = w == 0 ? T(0) : gradient[i] * w;
    }
  }
  return part;
}

}  // namespace

extern const SigmoidBlockKernels sigmoid_block_kernels;
const SigmoidBlockKernels sigmoid_block_kernels = {block<float>, block<double>};

}  // namespace XENT_ISA
}  // namespace xent
