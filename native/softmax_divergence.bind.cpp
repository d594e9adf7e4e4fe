// Divergences between the softmaxes of two tensors of logits, seen from Python.
#include "softmax_divergence.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkElements = 65536;

double run(const DivergenceTask& task, Storage storage) {
  const std::int64_t rows = task.outer * task.inner;
  std::int64_t grain = kChunkElements / task.classes;
  if (grain < 1) grain = 1;
  if (pairs_go_by_tiles(task.classes, task.inner)) grain = (grain + 255) / 256 * 256;
  const std::int64_t chunks = (rows + grain - 1) / grain;
  std::vector<double> sums(static_cast<std::size_t>(chunks), 0.0);
  DivergenceTask with_sums = task;
  with_sums.chunk_sums = sums.data();
  const auto kernel = kernel_for(divergence_kernels(), storage);
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    kernel(with_sums, begin, end, begin / grain);
  });
  double sum = 0;
  for (double part : sums) sum += part;
  return sum;
}

// See kernels/cpu/softmax_divergence.py for what comes in and out.
nb::tuple softmax_divergence(Input x, Input y, bool bfloat16, std::int64_t axis,
                             bool jensen_shannon, double temperature,
                             std::optional<Weights> row_weight, double loss_scale,
                             double gradient_scale, bool want_rows, bool want_gradient,
                             bool by_x, std::optional<Output> out, int threads) {
  const ThreadsHere guard(threads);
  const std::vector<std::size_t> shape = shape_of(x);
  if (y.dtype() != x.dtype() || shape_of(y) != shape)
    throw nb::type_error("y must have the dtype and the shape of x");
  const Layout layout(shape, axis);
  DivergenceTask task;
  const Storage storage = storage_of(x.dtype(), bfloat16);
  task.x = x.data();
  task.y = y.data();
  task.outer = layout.outer;
  task.classes = layout.classes;
  task.inner = layout.inner;
  task.divergence =
      jensen_shannon ? Divergence::jensen_shannon : Divergence::kullback_leibler;
  task.temperature = temperature;
  task.row_weight = row_weight ? row_weight->data() : nullptr;
  task.loss_scale = loss_scale;
  task.gradient_scale = gradient_scale / temperature;
  task.by_x = by_x;

  nb::object losses = nb::none(), gradient = nb::none();
  if (want_rows) losses = make_array(computed_dtype(storage), layout.row_shape, &task.losses);
  if (want_gradient) {
    if (out) {
      task.gradient = out->data();
    } else {
      gradient = make_array(x.dtype(), shape, &task.gradient);
    }
  }
  double sum = 0;
  {
    nb::gil_scoped_release release;
    sum = run(task, storage);
  }
  return nb::make_tuple(losses, sum, gradient);
}

}  // namespace

void bind_softmax_divergence(nb::module_& m) {
  m.def("softmax_divergence", &softmax_divergence, nb::arg("x"), nb::arg("y"),
        nb::arg("bfloat16"), nb::arg("axis"), nb::arg("jensen_shannon"), nb::arg("temperature"),
        nb::arg("row_weight").none(), nb::arg("loss_scale"), nb::arg("gradient_scale"),
        nb::arg("want_rows"), nb::arg("want_gradient"), nb::arg("by_x"), nb::arg("out").none(),
        nb::arg("threads"));
}

}  // namespace xent
