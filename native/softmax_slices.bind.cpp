// Slices of softmax rows, seen from Python: shapes are checked, rows cut into chunks.
#include "softmax_slices.hpp"

#include <nanobind/stl/optional.h>

#include <optional>
#include <string>

#include "arrays.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkElements = 65536;  // a chunk's logits stay in a second-level cache

// rows of adjacent elements; the rows themselves may lie apart
using Block = nb::ndarray<nb::ndim<2>, nb::device::cpu>;
using ReadOnlyBlock = nb::ndarray<nb::ro, nb::ndim<2>, nb::device::cpu>;
using ByteRows = nb::ndarray<const std::uint8_t, nb::device::cpu>;
using Doubles = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Places = nb::ndarray<std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* name, const char* shape) {
  if (!holds) throw nb::value_error((std::string(name) + " must be " + shape).c_str());
}

template <class Array>
std::int64_t row_stride(const Array& array, const char* name) {
  // the strides of an array of nothing are anything
  const bool is_adjacent = array.stride(1) == 1 || array.shape(1) <= 1 || array.size() == 0;
  require(is_adjacent, name, "rows of adjacent elements");
  return array.stride(0);
}

// See kernels/cpu/softmax_slices.py for what comes in and out.
template <bool kGradient>
void slice(Block block, std::int64_t first, Doubles top, Places arg, Doubles odds, Doubles terms,
           Doubles spread, Doubles mass, Places peak, Doubles at_peak, Doubles but_peak,
           std::optional<Targets> target, std::optional<ReadOnlyBlock> soft_target,
           std::optional<Weights> class_weight, std::optional<ByteRows> class_mask,
           double label_smoothing, double share, std::optional<Weights> row_share, double softcap,
           double temperature, double z_loss, std::optional<Weights> row_scale, bool wants_terms,
           int threads) {
  const ThreadsHere guard(threads);
  const Storage storage = storage_of(block.dtype());
  if (storage != Storage::f32 && storage != Storage::f64)
    throw nb::type_error("a block must be float32 or float64");
  const std::size_t rows = block.shape(0), columns = block.shape(1);
  SliceTask task;
  task.block = block.data();
  task.rows = static_cast<std::int64_t>(rows);
  task.columns = static_cast<std::int64_t>(columns);
  task.first = first;
  task.stride = row_stride(block, "a block");
  require(rows <= 1 || !kGradient || task.stride >= task.columns || columns == 0, "a block",
          "rows that do not overlap");

  for (const Doubles& each : {top, odds, terms, spread, mass, at_peak, but_peak})
    require(each.shape(0) == rows, "each array of the state", "as long as the block has rows");
  for (const Places& each : {arg, peak})
    require(each.shape(0) == rows, "each array of the state", "as long as the block has rows");
  task.state = {top.data(),  arg.data(),  odds.data(),    terms.data(),   spread.data(),
                mass.data(), peak.data(), at_peak.data(), but_peak.data()};

  require(target.has_value() != soft_target.has_value(), "exactly one of target and soft_target",
          "given");
  if (target) {
    require(target->size() == rows, "target", "one class a row");
    task.target = target->data();
  } else {
    require(soft_target->dtype() == block.dtype() && soft_target->shape(0) == rows &&
                soft_target->shape(1) == columns,
            "soft_target", "of the shape and dtype of the block");
    task.soft_target = soft_target->data();
    task.soft_stride = row_stride(*soft_target, "soft_target");
  }
  if (class_weight) {
    require(class_weight->size() == columns, "class_weight", "one number a column");
    task.class_weight = class_weight->data();
  }
  if (class_mask) {
    const bool each_row = class_mask->ndim() == 2;
    require((each_row ? class_mask->shape(0) == rows : class_mask->ndim() == 1) &&
                class_mask->shape(class_mask->ndim() - 1) == columns,
            "class_mask", "of the shape of the block, or one byte a column");
    task.class_mask = class_mask->data();
    task.mask_stride = each_row ? row_stride(*class_mask, "class_mask") : 0;
  }
  if (row_share) {
    require(row_share->size() == rows, "the share of each row", "one number a row");
    task.row_share = row_share->data();
  }
  if (row_scale) {
    require(row_scale->size() == rows, "row_scale", "one number a row");
    task.row_scale = row_scale->data();
  }
  task.label_smoothing = label_smoothing;
  task.share = share;
  task.softcap = softcap;
  task.temperature = temperature;
  task.z_loss = z_loss;
  task.wants_terms = wants_terms;

  if (rows == 0 || columns == 0) return;
  const SliceKernels& kernels = slice_kernels();
  const bool is_double = storage == Storage::f64;
  const SliceKernel kernel = kGradient ? is_double ? kernels.gradient_double : kernels.gradient_float
                             : is_double ? kernels.scan_double
                                         : kernels.scan_float;
  const std::int64_t fitting = kChunkElements / task.columns;
  nb::gil_scoped_release release;
  parallel_for(task.rows, fitting < 1 ? 1 : fitting,
               [&](std::int64_t begin, std::int64_t end) { kernel(task, begin, end); });
}

template <bool kGradient>
void bind(nb::module_& m, const char* name) {
  m.def(name, &slice<kGradient>, nb::arg("block"), nb::arg("first"), nb::arg("top"),
        nb::arg("arg"), nb::arg("odds"), nb::arg("terms"), nb::arg("spread"), nb::arg("mass"),
        nb::arg("peak"), nb::arg("at_peak"), nb::arg("but_peak"), nb::arg("target").none(),
        nb::arg("soft_target").none(), nb::arg("class_weight").none(),
        nb::arg("class_mask").none(), nb::arg("label_smoothing"), nb::arg("share"),
        nb::arg("row_share").none(), nb::arg("softcap"), nb::arg("temperature"),
        nb::arg("z_loss"), nb::arg("row_scale").none(), nb::arg("wants_terms"),
        nb::arg("threads"));
}

}  // namespace

void bind_softmax_slices(nb::module_& m) {
  bind<false>(m, "scan_softmax_slice");
  bind<true>(m, "softmax_slice_gradient");
}

}  // namespace xent
