// Losses that are a sum of one term an element, seen from Python.
#include "element_losses.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <string>

#include "arrays.hpp"
#include "threads.hpp"

namespace xent {
namespace {

constexpr std::int64_t kChunkElements = 32768;

ElementLoss loss_of(const std::string& name) {
  if (name == "squared_error") return ElementLoss::squared_error;
  if (name == "binary_cross_entropy") return ElementLoss::binary_cross_entropy;
  if (name == "kl_of_probs") return ElementLoss::kl_of_probs;
  if (name == "kl_of_log_probs") return ElementLoss::kl_of_log_probs;
  throw nb::value_error("there is no such loss of elements");
}

// See kernels/cpu/element_losses.py for what comes in and out.
nb::tuple element_loss(const std::string& loss, Input input, bool bfloat16, Input target,
                       double gradient_scale, bool want_gradient, int threads) {
  const ThreadsHere guard(threads);
  ElementTask task;
  task.loss = loss_of(loss);
  if (target.size() != input.size()) throw nb::value_error("input and target must be of one size");
  const Storage storage = storage_of(input.dtype(), bfloat16);
  task.input = input.data();
  task.target = numbers_of(target);
  task.gradient_scale = gradient_scale;
  nb::object gradient = nb::none();
  if (want_gradient) gradient = make_array(input.dtype(), shape_of(input), &task.gradient);
  const auto elements = static_cast<std::int64_t>(input.size());
  std::vector<ElementPart> parts(
      static_cast<std::size_t>((elements + kChunkElements - 1) / kChunkElements));
  double sum = 0, lost = 0;
  std::int64_t outside = 0;
  {
    nb::gil_scoped_release release;
    const auto kernel = kernel_for(element_kernels(), storage);
    parallel_for(elements, kChunkElements, [&](std::int64_t begin, std::int64_t end) {
      parts[static_cast<std::size_t>(begin / kChunkElements)] = kernel(task, begin, end);
    });
    for (const ElementPart& part : parts) {
      const double before = sum;
      sum += part.sum;
      // what the sum lost of the smaller of the two
      const double error = before * before >= part.sum * part.sum ? (before - sum) + part.sum
                                                                  : (part.sum - sum) + before;
      if (error - error == 0) lost += error;
      outside += part.outside;
    }
  }
  return nb::make_tuple(sum + lost, outside, gradient);
}

}  // namespace

void bind_element_losses(nb::module_& m) {
  m.def("element_loss", &element_loss, nb::arg("loss"), nb::arg("input"), nb::arg("bfloat16"),
        nb::arg("target"), nb::arg("gradient_scale"), nb::arg("want_gradient"),
        nb::arg("threads"));
}

}  // namespace xent
