// Sigmoid cross-entropy of a block of logits, seen from Python.
#include "sigmoid_block.hpp"

#include <nanobind/stl/optional.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "arrays.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kPiece = 8192;        // columns that one thread does at least
constexpr std::int64_t kChunkNodes = 32768;  // and nodes, of several rows if need be

// rows may lie apart, as those of a slice of a matrix do
using Rows = nb::ndarray<nb::ro, nb::ndim<2>, nb::device::cpu>;
using Sums = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::int64_t run(const SigmoidBlock& task, Storage storage, double* sums) {
  if (!task.rows || !task.labels) return 0;
  const std::int64_t pieces = (task.labels + kPiece - 1) / kPiece;
  const std::int64_t columns = (task.labels + pieces - 1) / pieces;
  const SigmoidBlockKernels& kernels = sigmoid_block_kernels();
  const auto kernel = storage == Storage::f64 ? kernels.for_double : kernels.for_float;
  std::vector<SigmoidSum> parts(static_cast<std::size_t>(task.rows * pieces));
  const std::int64_t grain = std::max<std::int64_t>(1, kChunkNodes / columns);
  parallel_for(task.rows * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const std::int64_t first = at % pieces * columns;
      parts[static_cast<std::size_t>(at)] =
          kernel(task, at / pieces, first, std::min(first + columns, task.labels));
    }
  });
  std::int64_t bad = 0;
  for (std::int64_t at = 0; at < task.rows * pieces; ++at) {
    const SigmoidSum& part = parts[static_cast<std::size_t>(at)];
    sums[at / pieces] += part.sum;
    bad += part.bad;
  }
  return bad;
}

// See kernels/cpu/sigmoid_block.py for what comes in and out.
std::int64_t sigmoid_block(Output logits, Sums sums, std::optional<Rows> target,
                           std::optional<Weights> pos_weight, std::optional<Weights> label_weight,
                           std::optional<Weights> row_scale, double scale, bool want_gradient,
                           int threads) {
  const ThreadsHere guard(threads);
  const Storage storage = storage_of(logits.dtype());
  SigmoidBlock task;
  task.rows = static_cast<std::int64_t>(logits.shape(0));
  task.labels = static_cast<std::int64_t>(logits.shape(1));
  task.logits = logits.data();
  if (target) {
    const bool same = target->shape(0) == logits.shape(0) && target->shape(1) == logits.shape(1);
    if (!same || (task.labels > 1 && target->stride(1) != 1))
      throw nb::value_error("targets must have the shape of the logits, each row contiguous");
    const nb::dlpack::dtype dtype = target->dtype();
    task.target = {target->data(), dtype.bits == 8 ? Storage::byte : storage_of(dtype, true)};
    task.target_stride = target->stride(0);
  }
  task.pos_weight = pos_weight ? pos_weight->data() : nullptr;
  task.label_weight = label_weight ? label_weight->data() : nullptr;
  task.row_scale = row_scale ? row_scale->data() : nullptr;
  task.scale = scale;
  task.want_gradient = want_gradient;
  nb::gil_scoped_release release;
  return run(task, storage, sums.data());
}

}  // namespace

void bind_sigmoid_block(nb::module_& m) {
  m.def("sigmoid_block", &sigmoid_block, nb::arg("logits"), nb::arg("sums"),
        nb::arg("target").none(), nb::arg("pos_weight").none(), nb::arg("label_weight").none(),
        nb::arg("row_scale").none(), nb::arg("scale"), nb::arg("want_gradient"),
        nb::arg("threads"));
}

}  // namespace xent
