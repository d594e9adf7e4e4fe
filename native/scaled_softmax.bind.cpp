// The log loss of scaled scores, seen from Python.
#include "scaled_softmax.hpp"

#include "arrays.hpp"
#include "threads.hpp"

namespace xent {
namespace {

using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr std::int64_t kRows = 2048;  // of a chunk, which is a sum of its own

// See kernels/cpu/scaled_softmax.py for what comes in and out.
nb::object scaled_softmax(const Matrix& scores, const Targets& target, const Vector& share,
                          const Vector& bias, double scale, bool of_scale, bool of_biases) {
  const std::size_t classes = scores.shape(0), rows = scores.shape(1);
  if (target.size() != rows || share.size() != rows || bias.size() != classes)
    throw nb::value_error("the arrays do not fit");
  for (std::size_t i = 0; i < rows; ++i)
    if (static_cast<std::uint64_t>(target.data()[i]) >= classes)
      throw nb::value_error("a target is no class");
  ScaledSoftmaxTask task;
  task.scores = scores.data();
  task.target = target.data();
  task.share = share.data();
  task.bias = bias.data();
  task.scale = scale;
  task.rows = static_cast<std::int64_t>(rows);
  task.classes = static_cast<std::int64_t>(classes);
  task.of_scale = of_scale;
  task.of_biases = of_biases;
  const std::size_t size = ScaledSoftmaxSums::size(classes);
  void* out = nullptr;
  nb::object result = make_array(nb::dtype<double>(), {size}, &out);
  nb::gil_scoped_release release;
  // chunks are added in their order, whatever the threads
  std::vector<double> parts(size * ((rows + kRows - 1) / kRows), 0.0);
  const ScaledSoftmaxKernels& kernels = scaled_softmax_kernels();
  parallel_for(task.rows, kRows, [&](std::int64_t begin, std::int64_t end) {
    kernels.add(task, begin, end, &parts[static_cast<std::size_t>(begin / kRows) * size]);
  });
  double* to = static_cast<double*>(out);
  for (std::size_t k = 0; k < size; ++k) to[k] = 0;
  for (std::size_t at = 0; at < parts.size(); at += size)
    for (std::size_t k = 0; k < size; ++k) to[k] += parts[at + k];
  return result;
}

}  // namespace

void bind_scaled_softmax(nb::module_& m) {
  m.def("scaled_softmax", &scaled_softmax, nb::arg("scores"), nb::arg("target"),
        nb::arg("share"), nb::arg("bias"), nb::arg("scale"), nb::arg("of_scale"),
        nb::arg("of_biases"));
}

}  // namespace xent
