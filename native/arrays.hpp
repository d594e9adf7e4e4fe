// NumPy arrays in and out of the kernels.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "buffers.hpp"

namespace xent {

namespace nb = nanobind;

// any C-contiguous array on this processor, read only
using Input = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Targets = nb::ndarray<const std::int64_t, nb::c_contig, nb::device::cpu>;
using Weights = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;

// a NumPy array whose memory goes back to the cache of buffers.hpp when it is collected
inline nb::object make_array(nb::dlpack::dtype dtype, const std::vector<std::size_t>& shape,
                             void** data) {
  std::size_t bytes = dtype.bits / 8;
  for (std::size_t extent : shape) bytes *= extent;
  *data = take_buffer(bytes);
  nb::capsule owner(*data, [](void* buffer) noexcept { give_buffer(buffer); });
  return nb::cast(nb::ndarray<nb::numpy>(*data, shape.size(), shape.data(), owner, nullptr, dtype));
}

template <class Array>
std::vector<std::size_t> shape_of(const Array& array) {
  std::vector<std::size_t> shape(array.ndim());
  for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = array.shape(i);
  return shape;
}

}  // namespace xent
