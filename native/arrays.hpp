// NumPy arrays in and out of the kernels.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "buffers.hpp"
#include "storage.hpp"

namespace xent {

namespace nb = nanobind;

// any C-contiguous array on this processor, read only
using Input = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Targets = nb::ndarray<const std::int64_t, nb::c_contig, nb::device::cpu>;
using Bytes = nb::ndarray<const std::uint8_t, nb::c_contig, nb::device::cpu>;
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

// Where the gradient of `of` goes: an array of its own, or the memory of `of` itself. A kernel
// reads what it still needs of a row before it writes there; of other rows it knows nothing.
inline void* gradient_in(const Output& out, const Input& of) {
  if (out.nbytes() != of.nbytes() || out.itemsize() != of.itemsize())
    throw nb::value_error("out must have the shape and dtype of the array it is the gradient of");
  const auto to = reinterpret_cast<std::uintptr_t>(out.data());
  const auto from = reinterpret_cast<std::uintptr_t>(of.data());
  const std::uintptr_t apart = to < from ? from - to : to - from;
  if (apart != 0 && apart < of.nbytes())
    throw nb::value_error("out must be the array it is the gradient of, or share no memory with it");
  return out.data();
}

// NumPy has no bfloat16: where a caller says so, 16-bit integers are its bits
inline Storage storage_of(nb::dlpack::dtype dtype, bool bits_of_bfloat16 = false) {
  using Code = nb::dlpack::dtype_code;
  const bool is_integer = dtype.code == static_cast<std::uint8_t>(Code::UInt) ||
                          dtype.code == static_cast<std::uint8_t>(Code::Int);
  if (bits_of_bfloat16 && is_integer && dtype.bits == 16) return Storage::bf16;
  if (dtype.code == static_cast<std::uint8_t>(Code::Float)) {
    if (dtype.bits == 32) return Storage::f32;
    if (dtype.bits == 64) return Storage::f64;
    if (dtype.bits == 16) return Storage::f16;
  }
  if (dtype.code == static_cast<std::uint8_t>(Code::Bfloat) && dtype.bits == 16)
    return Storage::bf16;
  throw nb::type_error("an array must be float16, bfloat16, float32 or float64");
}

// targets and weights: floats, or bytes of 0 and 1
inline Numbers numbers_of(const Input& array) {
  const nb::dlpack::dtype dtype = array.dtype();
  return {array.data(), dtype.bits == 8 ? Storage::byte : storage_of(dtype, true)};
}

// the dtype that losses of such an array come back in
inline nb::dlpack::dtype computed_dtype(Storage storage) {
  return storage == Storage::f64 ? nb::dtype<double>() : nb::dtype<float>();
}

template <class Kernels>
auto kernel_for(const Kernels& kernels, Storage storage) {
  return storage == Storage::f64    ? kernels.for_double
         : storage == Storage::f16  ? kernels.for_half
         : storage == Storage::bf16 ? kernels.for_bfloat16
                                    : kernels.for_float;
}

template <class Array>
std::vector<std::size_t> shape_of(const Array& array) {
  std::vector<std::size_t> shape(array.ndim());
  for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = array.shape(i);
  return shape;
}

// an array as (outer, classes, inner), split at its class axis; no axis: every element alone
struct Layout {
  std::int64_t outer = 1, classes = 1, inner = 1;
  std::vector<std::size_t> row_shape;  // the shape without the class axis

  Layout(const std::vector<std::size_t>& shape, std::int64_t axis) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const auto extent = static_cast<std::int64_t>(shape[i]);
      const auto at = static_cast<std::int64_t>(i);
      if (at < axis) outer *= extent;
      if (at == axis) classes = extent;
      if (at > axis) inner *= extent;
      if (at != axis) row_shape.push_back(shape[i]);
    }
  }
};

}  // namespace xent
