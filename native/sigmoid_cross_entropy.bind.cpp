// Sigmoid cross-entropy, seen from Python.
#include "sigmoid_cross_entropy.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkNodes = 32768;

SigmoidPart run(const SigmoidTask& task, Storage storage) {
  const std::int64_t nodes = task.outer * task.labels * task.inner;
  std::vector<SigmoidPart> parts(static_cast<std::size_t>((nodes + kChunkNodes - 1) / kChunkNodes));
  const auto loss = kernel_for(sigmoid_kernels(), storage);
  parallel_for(nodes, kChunkNodes, [&](std::int64_t begin, std::int64_t end) {
    parts[static_cast<std::size_t>(begin / kChunkNodes)] = loss(task, begin, end);
  });
  SigmoidPart whole;
  for (const SigmoidPart& part : parts) {
    whole.sum += part.sum;
    whole.bad += part.bad;
    if (whole.first_bad < 0) whole.first_bad = part.first_bad;
  }
  return whole;
}

// See kernels/cpu/sigmoid_cross_entropy.py for what comes in and out.
nb::tuple sigmoid_cross_entropy(Input logits, bool bfloat16, std::optional<std::int64_t> axis,
                                Input target,
                                std::optional<Weights> pos_weight,
                                std::optional<Input> node_pos_weight,
                                std::optional<Weights> label_weight,
                                std::optional<Weights> sample_weight,
                                std::optional<Input> node_weight,
                                std::optional<double> ignored_target, double label_smoothing,
                                double gradient_scale,
                                bool want_nll, bool want_gradient, bool want_hessian,
                                std::optional<Output> out, int threads) {
  const ThreadsHere guard(threads);
  SigmoidTask task;
  const std::vector<std::size_t> shape = shape_of(logits);
  // without an axis there are no labels to tell apart: one long row of nodes
  const Layout layout(shape, axis.value_or(static_cast<std::int64_t>(shape.size())));
  task.outer = layout.outer;
  task.labels = layout.classes;
  task.inner = layout.inner;
  const Storage storage = storage_of(logits.dtype(), bfloat16);
  task.logits = logits.data();
  task.target = numbers_of(target);
  task.pos_weight = pos_weight ? pos_weight->data() : nullptr;
  if (node_pos_weight) task.node_pos_weight = numbers_of(*node_pos_weight);
  task.label_weight = label_weight ? label_weight->data() : nullptr;
  task.sample_weight = sample_weight ? sample_weight->data() : nullptr;
  if (node_weight) task.node_weight = numbers_of(*node_weight);
  task.ignores = ignored_target.has_value();
  task.ignored_target = ignored_target.value_or(0);
  task.label_smoothing = label_smoothing;
  task.gradient_scale = gradient_scale;

  nb::object nll = nb::none(), gradient = nb::none(), hessian = nb::none();
  if (want_nll) nll = make_array(computed_dtype(storage), shape, &task.nll);
  if (want_gradient) {
    if (out) {
      task.gradient = gradient_in(*out, logits);
    } else {
      gradient = make_array(logits.dtype(), shape, &task.gradient);
    }
  }
  if (want_hessian) hessian = make_array(logits.dtype(), shape, &task.hessian);
  SigmoidPart part;
  {
    nb::gil_scoped_release release;
    part = run(task, storage);
  }
  return nb::make_tuple(nll, part.sum, part.bad, part.first_bad, gradient, hessian);
}

}  // namespace

void bind_sigmoid_cross_entropy(nb::module_& m) {
  m.def("sigmoid_cross_entropy", &sigmoid_cross_entropy, nb::arg("logits"),
        nb::arg("bfloat16"), nb::arg("axis").none(), nb::arg("target"),
        nb::arg("pos_weight").none(), nb::arg("node_pos_weight").none(),
        nb::arg("label_weight").none(),
        nb::arg("sample_weight").none(), nb::arg("node_weight").none(),
        nb::arg("ignored_target").none(), nb::arg("label_smoothing"),
        nb::arg("gradient_scale"), nb::arg("want_nll"),
        nb::arg("want_gradient"), nb::arg("want_hessian"), nb::arg("out").none(), nb::arg("threads"));
}

}  // namespace xent
