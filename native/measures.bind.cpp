// Measures of distributions, seen from Python: rows are cut into chunks, reports are merged.
#include "measures.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkValues = 65536;

void add(MeasureReport& total, const MeasureReport& part) {
  total.bad += part.bad;
  total.infinite += part.infinite;
  if (total.first_bad < 0) total.first_bad = part.first_bad;
  if (total.first_infinite < 0) total.first_infinite = part.first_infinite;
}

MeasureReport run(const MeasureTask& task, MeasureKernels::Kernel kernel) {
  const std::int64_t tiles = (task.inner + kMeasureTile - 1) / kMeasureTile;
  const std::int64_t count = task.inner > 1 ? task.outer * tiles : task.outer;
  const std::int64_t values = task.classes * (task.inner > 1 ? kMeasureTile : 1);
  const std::int64_t grain = values < kChunkValues ? kChunkValues / (values > 0 ? values : 1) : 1;
  std::vector<MeasureReport> parts(static_cast<std::size_t>((count + grain - 1) / grain));
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    kernel(task, begin, end, parts[static_cast<std::size_t>(begin / grain)]);
  });
  MeasureReport total;
  for (const MeasureReport& part : parts) add(total, part);
  return total;
}

// See kernels/cpu/measures.py for what comes in and out.
template <MeasureKernels::Kernel (MeasureKernels::*kernels)[2]>
nb::tuple measure(Input p, std::optional<Input> q, std::int64_t axis, double tolerance,
                  double nats) {
  MeasureTask task;
  const std::vector<std::size_t> shape = shape_of(p);
  const Layout layout(shape, axis);
  task.outer = layout.outer;
  task.classes = layout.classes;
  task.inner = layout.inner;
  const bool is_double = p.dtype() == nb::dtype<double>();
  if (!is_double && p.dtype() != nb::dtype<float>())
    throw nb::type_error("p must be float32 or float64");
  if (q && (q->dtype() != p.dtype() || shape_of(*q) != shape))
    throw nb::type_error("q must have the dtype and the shape of p");
  task.p = p.data();
  task.q = q ? q->data() : nullptr;
  task.tolerance = tolerance;
  task.nats = nats;
  nb::object result = make_array(p.dtype(), layout.row_shape, &task.result);
  MeasureReport report;
  {
    nb::gil_scoped_release release;
    report = run(task, (measure_kernels().*kernels)[is_double]);
  }
  return nb::make_tuple(result, report.bad, report.first_bad, report.infinite,
                        report.first_infinite);
}

}  // namespace

void bind_measures(nb::module_& m) {
  m.def("entropy", &measure<&MeasureKernels::entropy>, nb::arg("p"), nb::arg("q").none(),
        nb::arg("axis"), nb::arg("tolerance"), nb::arg("nats"));
  m.def("cross_entropy", &measure<&MeasureKernels::cross_entropy>, nb::arg("p"), nb::arg("q"),
        nb::arg("axis"), nb::arg("tolerance"), nb::arg("nats"));
  m.def("kl_divergence", &measure<&MeasureKernels::kl_divergence>, nb::arg("p"), nb::arg("q"),
        nb::arg("axis"), nb::arg("tolerance"), nb::arg("nats"));
}

}  // namespace xent
