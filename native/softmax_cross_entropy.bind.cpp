// Softmax cross-entropy, seen from Python: targets are scanned, work is cut into chunks.
#include "softmax_cross_entropy.hpp"

#include <nanobind/stl/optional.h>

#include <atomic>
#include <optional>
#include <string>

#include "arrays.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkElements = 65536;  // a chunk's logits stay in a second-level cache
constexpr std::int64_t kScanRows = 65536;

// What the targets say before anything is computed.
struct Scan {
  std::int64_t count = 0;      // rows that are not ignored
  double weight = 0;           // their weights, summed
  std::int64_t bad = 0;        // targets that are no class
  std::int64_t first_bad = -1;
};

struct Weighting {
  const double* class_weight = nullptr;
  const double* sample_weight = nullptr;
  std::optional<std::int64_t> ignore_index;
  double label_smoothing = 0;
};

// the mass of the smoothed target of class y: what its row adds to the denominator
double class_mass(const Weighting& w, std::int64_t y, double mean_weight) {
  if (!w.class_weight) return 1;
  return (1 - w.label_smoothing) * w.class_weight[y] + w.label_smoothing * mean_weight;
}

Scan scan_classes(const std::int64_t* target, std::int64_t rows, std::int64_t classes,
                  const Weighting& w, double* row_weight) {
  double mean_weight = 0;
  if (w.class_weight) {
    for (std::int64_t j = 0; j < classes; ++j) mean_weight += w.class_weight[j];
    mean_weight /= static_cast<double>(classes);
  }
  // without smoothing the class weight is a weight of the row
  const bool weight_of_row = w.class_weight && w.label_smoothing == 0;
  const std::int64_t chunks = (rows + kScanRows - 1) / kScanRows;
  std::vector<Scan> parts(static_cast<std::size_t>(chunks));
  parallel_for(rows, kScanRows, [&](std::int64_t begin, std::int64_t end) {
    Scan scan;
    const std::int64_t ignored = w.ignore_index.value_or(-1);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t y = target[i];
      const bool skip = w.ignore_index && y == ignored;
      if (!skip && (y < 0 || y >= classes)) {
        if (scan.first_bad < 0) scan.first_bad = i;
        ++scan.bad;
        continue;
      }
      const double sample = w.sample_weight ? w.sample_weight[i] : 1.0;
      const double mass = skip ? 0.0 : class_mass(w, y, mean_weight) * sample;
      if (row_weight)
        row_weight[i] = skip ? 0.0 : (weight_of_row ? w.class_weight[y] : 1.0) * sample;
      scan.count += !skip;
      scan.weight += mass;
    }
    parts[static_cast<std::size_t>(begin / kScanRows)] = scan;
  });
  Scan total;
  for (const Scan& part : parts) {
    total.count += part.count;
    total.weight += part.weight;
    total.bad += part.bad;
    if (total.first_bad < 0) total.first_bad = part.first_bad;
  }
  return total;
}

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

enum class Storage { f32, f64, f16, bf16 };

Storage storage_of(nb::dlpack::dtype dtype) {
  using Code = nb::dlpack::dtype_code;
  if (dtype.code == static_cast<std::uint8_t>(Code::Float)) {
    if (dtype.bits == 32) return Storage::f32;
    if (dtype.bits == 64) return Storage::f64;
    if (dtype.bits == 16) return Storage::f16;
  }
  if (dtype.code == static_cast<std::uint8_t>(Code::Bfloat) && dtype.bits == 16)
    return Storage::bf16;
  throw nb::type_error("logits must be float16, bfloat16, float32 or float64");
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
  const SoftmaxKernels& kernels = softmax_kernels();
  const auto loss = storage == Storage::f64   ? kernels.loss_double
                    : storage == Storage::f16 ? kernels.loss_half
                    : storage == Storage::bf16 ? kernels.loss_bfloat16
                                               : kernels.loss_float;
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    loss(with_sums, begin, end, begin / grain);
  });
  *sum = 0;
  for (double part : sums) *sum += part;
}

// See kernels/cpu.py for what comes in and out.
nb::tuple softmax_cross_entropy(Input logits, std::int64_t axis, std::optional<Targets> target,
                                std::optional<Input> soft_target,
                                std::optional<Weights> class_weight,
                                std::optional<Weights> sample_weight,
                                std::optional<std::int64_t> ignore_index, double label_smoothing,
                                bool mean, bool want_nll, bool want_gradient, bool want_hessian,
                                std::optional<Output> out) {
  SoftmaxTask task;
  const std::vector<std::size_t> shape = shape_of(logits);
  const auto class_axis = static_cast<std::size_t>(axis);
  task.outer = task.inner = 1;
  std::vector<std::size_t> row_shape;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto extent = static_cast<std::int64_t>(shape[i]);
    if (i < class_axis) task.outer *= extent;
    if (i == class_axis) task.classes = extent;
    if (i > class_axis) task.inner *= extent;
    if (i != class_axis) row_shape.push_back(shape[i]);
  }
  const std::int64_t rows = task.outer * task.inner;
  const Storage storage = storage_of(logits.dtype());
  const bool is_double = storage == Storage::f64;

  Weighting weighting{class_weight ? class_weight->data() : nullptr,
                      sample_weight ? sample_weight->data() : nullptr, ignore_index,
                      label_smoothing};
  std::vector<double> row_weight;
  Scan scan;
  {
    nb::gil_scoped_release release;
    if (target) {
      if (class_weight || sample_weight || ignore_index)
        row_weight.resize(static_cast<std::size_t>(rows));
      scan = scan_classes(target->data(), rows, task.classes, weighting,
                          row_weight.empty() ? nullptr : row_weight.data());
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
                          nb::none());

  nb::object nll = nb::none(), gradient = nb::none(), hessian = nb::none();
  const nb::dlpack::dtype compute = is_double ? nb::dtype<double>() : nb::dtype<float>();
  if (want_nll) nll = make_array(compute, row_shape, &task.nll);
  if (want_gradient) {
    if (out) {
      task.gradient = out->data();
    } else {
      gradient = make_array(logits.dtype(), shape, &task.gradient);
    }
  }
  if (want_hessian) hessian = make_array(logits.dtype(), shape, &task.hessian);

  task.logits = logits.data();
  task.target = target ? target->data() : nullptr;
  task.soft_target = soft_target ? soft_target->data() : nullptr;
  task.label_smoothing = label_smoothing;
  if (class_weight && (soft_target || label_smoothing != 0)) task.class_weight = class_weight->data();
  task.row_weight = !row_weight.empty() ? row_weight.data()
                    : sample_weight     ? sample_weight->data()
                                        : nullptr;
  task.gradient_scale = mean && scan.weight != 0 ? 1 / scan.weight : 1;
  double sum = 0;
  {
    nb::gil_scoped_release release;
    run(task, storage, &sum);
  }
  return nb::make_tuple(nll, sum, scan.weight, scan.count, 0, -1, gradient, hessian);
}

}  // namespace

void bind_softmax_cross_entropy(nb::module_& m) {
  m.def("softmax_cross_entropy", &softmax_cross_entropy, nb::arg("logits"), nb::arg("axis"),
        nb::arg("target").none(), nb::arg("soft_target").none(), nb::arg("class_weight").none(),
        nb::arg("sample_weight").none(), nb::arg("ignore_index").none(),
        nb::arg("label_smoothing"), nb::arg("mean"), nb::arg("want_nll"),
        nb::arg("want_gradient"), nb::arg("want_hessian"), nb::arg("out").none());
}

}  // namespace xent
