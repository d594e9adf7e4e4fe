// Categorical cross-entropy from probabilities, seen from Python.
#include "categorical_cross_entropy.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.hpp"
#include "class_targets.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkElements = 65536;

CategoricalPart run(const CategoricalTask& task, Storage storage) {
  const std::int64_t rows = task.outer * task.inner;
  const std::int64_t grain = kChunkElements / (task.classes > 0 ? task.classes : 1) + 1;
  std::vector<CategoricalPart> parts(static_cast<std::size_t>((rows + grain - 1) / grain));
  const CategoricalKernels& kernels = categorical_kernels();
  const auto loss = storage == Storage::f64 ? kernels.loss_double : kernels.loss_float;
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    parts[static_cast<std::size_t>(begin / grain)] = loss(task, begin, end);
  });
  CategoricalPart whole;
  for (const CategoricalPart& part : parts) {
    whole.sum += part.sum;
    whole.clipped_sum += part.clipped_sum;
    whole.bad += part.bad;
    whole.zero += part.zero;
    if (whole.first_bad < 0) whole.first_bad = part.first_bad;
    if (whole.first_zero < 0) whole.first_zero = part.first_zero;
  }
  return whole;
}

// See kernels/cpu/categorical_cross_entropy.py for what comes in and out.
nb::tuple categorical_cross_entropy(Input probs, std::int64_t axis, Targets target,
                                    std::optional<Weights> class_weight,
                                    std::optional<Weights> sample_weight,
                                    std::optional<std::int64_t> ignore_index, double tolerance,
                                    double clip, bool want_nll) {
  const Layout layout(shape_of(probs), axis);
  const Storage storage = storage_of(probs.dtype());
  if (storage != Storage::f32 && storage != Storage::f64)
    throw nb::type_error("probs must be float32 or float64");
  CategoricalTask task;
  task.probs = probs.data();
  task.outer = layout.outer;
  task.classes = layout.classes;
  task.inner = layout.inner;
  task.target = target.data();
  task.tolerance = tolerance;
  task.clip = clip;
  const std::int64_t rows = layout.outer * layout.inner;
  Weighting weighting;
  weighting.class_weight = class_weight ? class_weight->data() : nullptr;
  weighting.sample_weight = sample_weight ? sample_weight->data() : nullptr;
  weighting.ignore_index = ignore_index;
  std::vector<double> row_weight(weighting.is_plain() ? 0 : static_cast<std::size_t>(rows));
  Scan scan;
  {
    nb::gil_scoped_release release;
    scan = scan_class_targets(task.target, rows, task.classes, weighting,
                              row_weight.empty() ? nullptr : row_weight.data());
  }
  task.row_weight = row_weight.empty() ? nullptr : row_weight.data();
  nb::object nll = nb::none();
  CategoricalPart part;
  if (!scan.bad) {
    if (want_nll) nll = make_array(computed_dtype(storage), layout.row_shape, &task.nll);
    nb::gil_scoped_release release;
    part = run(task, storage);
  }
  return nb::make_tuple(nll, part.sum, scan.weight, scan.count, scan.bad, part.bad, part.zero,
                        part.first_zero, part.clipped_sum);
}

}  // namespace

void bind_categorical_cross_entropy(nb::module_& m) {
  m.def("categorical_cross_entropy", &categorical_cross_entropy, nb::arg("probs"), nb::arg("axis"),
        nb::arg("target"), nb::arg("class_weight").none(), nb::arg("sample_weight").none(),
        nb::arg("ignore_index").none(), nb::arg("tolerance"), nb::arg("clip"),
        nb::arg("want_nll"));
}

}  // namespace xent
