// xent._native: the C++ kernels, bound one file an operation.
#include <nanobind/nanobind.h>

#include "arrays.hpp"
#include "buffers.hpp"
#include "isa.hpp"
#include "threads.hpp"

namespace nb = nanobind;

namespace xent {
void bind_categorical_cross_entropy(nb::module_& m);
void bind_element_losses(nb::module_& m);
void bind_cell_ranges(nb::module_& m);
void bind_cell_replicates(nb::module_& m);
void bind_isotonic(nb::module_& m);
void bind_log_loss(nb::module_& m);
void bind_sigmoid_block(nb::module_& m);
void bind_sigmoid_cross_entropy(nb::module_& m);
void bind_measures(nb::module_& m);
void bind_moment_sums(nb::module_& m);
void bind_replicates(nb::module_& m);
void bind_fold_keys(nb::module_& m);
void bind_row_keys(nb::module_& m);
void bind_scaled_softmax(nb::module_& m);
void bind_softmax_cross_entropy(nb::module_& m);
void bind_softmax_divergence(nb::module_& m);
void bind_softmax_maps(nb::module_& m);
void bind_softmax_slices(nb::module_& m);
}  // namespace xent

NB_MODULE(_native, m) {
  m.doc() = "The C++ kernels of xent; xent.kernels.cpu is their Python side.";
  m.def("isa", &xent::isa_name);
  m.def("num_threads", &xent::num_threads);
  m.def("set_num_threads", &xent::set_num_threads, nb::arg("count"));
  m.def("cached_bytes", &xent::cached_bytes);
  m.def("cache_limit", &xent::cache_limit);
  m.def("set_cache_limit", &xent::set_cache_limit, nb::arg("bytes"));
  m.def("empty_cache", &xent::empty_cache);
  // bytes from the pool, which go back to it with the array
  m.def("empty", [](std::size_t bytes) {
    void* data = nullptr;
    return xent::make_array(nb::dtype<std::uint8_t>(), {bytes}, &data);
  }, nb::arg("bytes"));
  xent::bind_categorical_cross_entropy(m);
  xent::bind_element_losses(m);
  xent::bind_cell_ranges(m);
  xent::bind_cell_replicates(m);
  xent::bind_isotonic(m);
  xent::bind_log_loss(m);
  xent::bind_sigmoid_block(m);
  xent::bind_sigmoid_cross_entropy(m);
  xent::bind_measures(m);
  xent::bind_moment_sums(m);
  xent::bind_replicates(m);
  xent::bind_fold_keys(m);
  xent::bind_row_keys(m);
  xent::bind_scaled_softmax(m);
  xent::bind_softmax_cross_entropy(m);
  xent::bind_softmax_divergence(m);
  xent::bind_softmax_maps(m);
  xent::bind_softmax_slices(m);
}
