// Sigmoid cross-entropy on one chunk of nodes: value, gradient and diagonal Hessian, each node
// as sigmoid_node.hpp has it.
//
// Traffic       logits and targets are read once, the gradient is written once.
// Determinism   a node's bits depend on that node alone.
#include "sigmoid_cross_entropy.hpp"

#include "floats.hpp"
#include "sigmoid_node.hpp"

namespace xent {
namespace XENT_ISA {
namespace {

constexpr int kBlock = 256;

// weights of the nodes [begin, begin + count), count <= kBlock
template <class T>
void fill_weights(const SigmoidTask& task, std::int64_t begin, int count, T* pos_weight,
                  T* weight) {
  if (task.node_pos_weight) read(task.node_pos_weight, begin, count, pos_weight);
  if (!task.label_weight && !task.sample_weight && !task.pos_weight) {
    if (task.node_weight) {
      read(task.node_weight, begin, count, weight);
    } else {
      for (int i = 0; i < count; ++i) weight[i] = 1;
    }
    return;
  }
  double of_node[kBlock];
  if (task.node_weight) read(task.node_weight, begin, count, of_node);
  // where the first node is; the others are counted from there
  std::int64_t inner = begin % task.inner, label = begin / task.inner % task.labels;
  std::int64_t outer = begin / task.inner / task.labels;
  for (int i = 0; i < count; ++i) {
    double w = task.label_weight ? task.label_weight[label] : 1.0;
    if (task.sample_weight) w *= task.sample_weight[outer * task.inner + inner];
    if (task.node_weight) w *= of_node[i];
    weight[i] = static_cast<T>(w);
    if (task.pos_weight) pos_weight[i] = static_cast<T>(task.pos_weight[label]);
    if (++inner < task.inner) continue;
    inner = 0;
    if (++label < task.labels) continue;
    label = 0;
    ++outer;
  }
}

template <class Storage>
SigmoidPart loss(const SigmoidTask& task, std::int64_t begin, std::int64_t end) {
  using T = typename ComputedIn<Storage>::type;
  const bool weighted = task.pos_weight || task.node_pos_weight || task.label_weight ||
                        task.sample_weight || task.node_weight;
  const T scale = static_cast<T>(task.gradient_scale);
  const T kept = static_cast<T>(1 - task.label_smoothing);
  const T spread = static_cast<T>(task.label_smoothing / 2);
  T y[kBlock], nll[kBlock], gradient[kBlock], hessian[kBlock], pos_weight[kBlock], weight[kBlock];
  for (int i = 0; i < kBlock; ++i) pos_weight[i] = weight[i] = 1;
  SigmoidPart part;
  for (std::int64_t start = begin; start < end; start += kBlock) {
    const int count = static_cast<int>(end - start < kBlock ? end - start : kBlock);
    // not restrict: the gradient may be written where the logits are
    const Storage* logits = static_cast<const Storage*>(task.logits) + start;
    read(task.target, start, count, y);
    if (weighted) fill_weights(task, start, count, pos_weight, weight);
    if (task.ignores) {
      if (!weighted)
        for (int i = 0; i < count; ++i) weight[i] = 1;
      for (int i = 0; i < count; ++i) {
        const bool ignored = y[i] == static_cast<T>(task.ignored_target);
        weight[i] = ignored ? T(0) : weight[i];
        y[i] = ignored ? T(0) : y[i];
      }
    }
    int bad = 0;
#pragma omp simd reduction(+ : bad)
    for (int i = 0; i < count; ++i) {
      const Node<T> node = score(load(logits[i]), y[i], pos_weight[i], kept, spread);
      const bool counts = weight[i] != 0;  // a skipped node may hold NaN
      const T w = weight[i] * scale;
      nll[i] = counts ? node.nll * weight[i] : T(0);
      gradient[i] = counts ? node.gradient * w : T(0);
      hessian[i] = counts ? node.hessian * w : T(0);
      bad += !((y[i] >= 0) & (y[i] <= 1));
    }
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < count; ++i) sum += static_cast<double>(nll[i]);
    part.sum += sum;
    if (bad) {
      for (int i = 0; i < count && part.first_bad < 0; ++i)
        if (!(y[i] >= 0 && y[i] <= 1)) part.first_bad = start + i;
      part.bad += bad;
    }
    if (task.nll) std::memcpy(static_cast<T*>(task.nll) + start, nll, sizeof(T) * count);
    if (task.gradient) {
      Storage* XENT_RESTRICT out = static_cast<Storage*>(task.gradient) + start;
#pragma omp simd
      for (int i = 0; i < count; ++i) store(out[i], gradient[i]);
    }
    if (task.hessian) {
      Storage* XENT_RESTRICT out = static_cast<Storage*>(task.hessian) + start;
#pragma omp simd
      for (int i = 0; i < count; ++i) store(out[i], hessian[i]);
    }
  }
  return part;
}

}  // namespace

extern const SigmoidKernels sigmoid_kernels;
const SigmoidKernels sigmoid_kernels = {loss<float>, loss<double>, loss<Half>, loss<BFloat16>};

}  // namespace XENT_ISA
}  // namespace xent
