// Softmax cross-entropy, seen from Python: targets are scanned, work is cut into chunks.
#include "softmax_cross_entropy.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "arrays.hpp"
#include "class_targets.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkElements = 65536;  // a chunk's logits stay in a second-level cache

template <class T>
Scan scan_soft(const T* target, std::int64_t outer, std::int64_t classes, std::int64_t inner,
               const Weighting& w) {
  Scan scan;
  scan.count = outer * inner;
  for (std::int64_t row = 0; row < scan.count; ++row) {
    double mass = 1;
    if (w.class_weight) {
      mass = 0;
      const T* t = target + (row / inner) * classes * inner + row % inner;
      for (std::int64_t j = 0; j < classes; ++j)
        mass += w.class_weight[j] * static_cast<double>(t[j * inner]);
    }
    scan.weight += mass * (w.sample_weight ? w.sample_weight[row] : 1.0);
  }
  return scan;
}

void run(const SoftmaxTask& task, Storage storage, double* sum) {
  const std::int64_t rows = task.outer * task.inner;
  std::int64_t grain = kChunkElements / (task.classes > 0 ? task.classes : 1);
  if (grain < 1) grain = 1;
  if (goes_by_tiles(task.classes, task.inner)) grain = (grain + 255) / 256 * 256;
  const std::int64_t chunks = (rows + grain - 1) / grain;
  std::vector<double> sums(static_cast<std::size_t>(chunks), 0.0);
  SoftmaxTask with_sums = task;
  with_sums.chunk_sums = sums.data();
  const auto loss = kernel_for(softmax_kernels(), storage);
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    loss(with_sums, begin, end, begin / grain);
  });
  *sum = 0;
  for (double part : sums) *sum += part;
}

nb::object make_statistics(nb::dlpack::dtype dtype, const std::vector<std::size_t>& shape,
                           SoftmaxStatistics* to) {
  void* hit = nullptr;
  nb::object nll = make_array(dtype, shape, &to->nll), lse = make_array(dtype, shape, &to->lse),
             entropy = make_array(dtype, shape, &to->entropy),
             hits = make_array(nb::dtype<bool>(), shape, &hit);
  to->hit = static_cast<bool*>(hit);
  return nb::make_tuple(nll, lse, entropy, hits);
}

// See kernels/cpu/softmax_cross_entropy.py for what comes in and out.
nb::tuple softmax_cross_entropy(Input logits, bool bfloat16, std::int64_t axis,
                                std::optional<Targets> target,
                                std::optional<Input> soft_target,
                                std::optional<Weights> class_weight,
                                std::optional<Weights> sample_weight,
                                std::optional<std::int64_t> ignore_index, double label_smoothing,
                                bool mean, std::optional<double> gradient_scale, bool want_nll,
                                bool want_gradient, bool want_hessian, bool want_statistics,
                                std::optional<Bytes> class_mask, double softcap,
                                double temperature, double z_loss,
                                std::optional<Output> out, int threads) {
  const ThreadsHere guard(threads);
  SoftmaxTask task;
  const std::vector<std::size_t> shape = shape_of(logits);
  const Layout layout(shape, axis);
  task.outer = layout.outer;
  task.classes = layout.classes;
  task.inner = layout.inner;
  const std::int64_t rows = task.outer * task.inner;
  const Storage storage = storage_of(logits.dtype(), bfloat16);
  const bool is_double = storage == Storage::f64;

  Weighting weighting{class_weight ? class_weight->data() : nullptr,
                      sample_weight ? sample_weight->data() : nullptr, ignore_index,
                      label_smoothing, z_loss != 0};
  ClassMask mask{class_mask ? class_mask->data() : nullptr, class_mask && class_mask->ndim() > 1,
                 task.classes, task.inner};
  std::vector<double> row_weight;
  Scan scan;
  {
    nb::gil_scoped_release release;
    if (target) {
      if (!weighting.is_plain())
        row_weight.resize(static_cast<std::size_t>(rows));
      scan = scan_class_targets(target->data(), rows, task.classes, weighting,
                                row_weight.empty() ? nullptr : row_weight.data(), mask);
    } else if (is_double) {
      scan = scan_soft(static_cast<const double*>(soft_target->data()), task.outer, task.classes,
                       task.inner, weighting);
    } else {
      scan = scan_soft(static_cast<const float*>(soft_target->data()), task.outer, task.classes,
                       task.inner, weighting);
    }
  }
  if (scan.bad)
    return nb::make_tuple(nb::none(), 0.0, 0.0, scan.count, scan.bad, scan.first_bad, nb::none(),
                          nb::none(), nb::none());

  nb::object nll = nb::none(), gradient = nb::none(), hessian = nb::none();
  if (want_nll) nll = make_array(computed_dtype(storage), layout.row_shape, &task.nll);
  if (want_gradient) {
    if (out) {
      task.gradient = gradient_in(*out, logits);
    } else {
      gradient = make_array(logits.dtype(), shape, &task.gradient);
    }
  }
  if (want_hessian) hessian = make_array(logits.dtype(), shape, &task.hessian);
  nb::object statistics = nb::none();
  if (want_statistics)
    statistics = make_statistics(computed_dtype(storage), layout.row_shape, &task.statistics);

  task.logits = logits.data();
  task.target = target ? target->data() : nullptr;
  task.soft_target = soft_target ? soft_target->data() : nullptr;
  task.label_smoothing = label_smoothing;
  if (class_weight && (soft_target || label_smoothing != 0 || z_loss != 0))
    task.class_weight = class_weight->data();
  task.class_mask = mask.data;
  task.masks_each_row = mask.each_row;
  task.softcap = softcap;
  task.temperature = temperature;
  task.z_loss = z_loss;
  task.row_weight = !row_weight.empty() ? row_weight.data()
                    : sample_weight     ? sample_weight->data()
                                        : nullptr;
  task.sample_weight = weighting.sample_weight;
  task.ignore_index = ignore_index;
  task.gradient_scale =
      gradient_scale.value_or(mean && scan.weight != 0 ? 1 / scan.weight : 1) / temperature;
  double sum = 0;
  {
    nb::gil_scoped_release release;
    run(task, storage, &sum);
  }
  return nb::make_tuple(nll, sum, scan.weight, scan.count, 0, -1, gradient, hessian, statistics);
}

}  // namespace

void bind_softmax_cross_entropy(nb::module_& m) {
  m.def("softmax_cross_entropy", &softmax_cross_entropy, nb::arg("logits"), nb::arg("bfloat16"),
        nb::arg("axis"),
        nb::arg("target").none(), nb::arg("soft_target").none(), nb::arg("class_weight").none(),
        nb::arg("sample_weight").none(), nb::arg("ignore_index").none(),
        nb::arg("label_smoothing"), nb::arg("mean"), nb::arg("gradient_scale").none(),
        nb::arg("want_nll"),
        nb::arg("want_gradient"), nb::arg("want_hessian"),
        nb::arg("want_statistics"), nb::arg("class_mask").none(), nb::arg("softcap"),
        nb::arg("temperature"), nb::arg("z_loss"), nb::arg("out").none(),
        nb::arg("threads"));
}

}  // namespace xent
