// Isotonic regression, seen from Python: a batch of problems, one a row.
#include "isotonic.hpp"

#include <nanobind/stl/optional.h>

#include <limits>
#include <optional>

#include "arrays.hpp"
#include "binary_pools.hpp"
#include "threads.hpp"

namespace xent {
namespace {

using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kChunkValues = 16384;

std::int64_t rows_of_a_chunk(std::int64_t columns) {
  return columns < kChunkValues ? kChunkValues / (columns > 0 ? columns : 1) : 1;
}

void must_fit(const Matrix& a, const Matrix& b) {
  if (shape_of(a) != shape_of(b)) throw nb::value_error("the arrays differ in shape");
}

nb::object isotonic(const Matrix& values, const std::optional<Matrix>& weights) {
  if (weights) must_fit(values, *weights);
  const auto rows = static_cast<std::int64_t>(values.shape(0));
  const auto columns = static_cast<std::int64_t>(values.shape(1));
  void* out = nullptr;
  nb::object result = make_array(nb::dtype<double>(), shape_of(values), &out);
  {
    nb::gil_scoped_release release;
    parallel_for(rows, rows_of_a_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
      Pools pools;
      for (std::int64_t i = begin; i < end; ++i) {
        const double* y = values.data() + i * columns;
        const double* w = weights ? weights->data() + i * columns : nullptr;
        double* fitted = static_cast<double*>(out) + i * columns;
        pools.clear();
        for (std::int64_t j = 0; j < columns; ++j) {
          const double weight = w ? w[j] : 1.0;
          pools.add(weight * y[j], weight, j + 1);
        }
        std::int64_t j = 0;
        for (const Block& block : pools.blocks())
          for (const double mean = block.mean(); j < block.end; ++j) fitted[j] = mean;
        for (; j < columns; ++j) fitted[j] = kNaN;  // no weight anywhere
      }
    });
  }
  return result;
}

nb::tuple isotonic_binary(const Matrix& zeros, const Matrix& ones) {
  must_fit(zeros, ones);
  const auto rows = static_cast<std::int64_t>(zeros.shape(0));
  const auto columns = static_cast<std::int64_t>(zeros.shape(1));
  void *fitted_out = nullptr, *loss_out = nullptr;
  nb::object fitted = make_array(nb::dtype<double>(), shape_of(zeros), &fitted_out);
  nb::object losses = make_array(nb::dtype<double>(), {zeros.shape(0)}, &loss_out);
  {
    nb::gil_scoped_release release;
    parallel_for(rows, rows_of_a_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
      BinaryPools pools;
      for (std::int64_t i = begin; i < end; ++i) {
        pools.clear();
        for (std::int64_t j = 0; j < columns; ++j)
          pools.add(zeros.data()[i * columns + j], ones.data()[i * columns + j], j + 1);
        double* to = static_cast<double*>(fitted_out) + i * columns;
        std::int64_t j = 0;
        for (const auto& p : pools.pools())
          for (const double share = p.ones / (p.zeros + p.ones); j < p.end; ++j) to[j] = share;
        for (; j < columns; ++j) to[j] = kNaN;
        static_cast<double*>(loss_out)[i] = pools.loss();
      }
    });
  }
  return nb::make_tuple(fitted, losses);
}

}  // namespace

// See kernels/cpu/isotonic.py for what comes in and out.
void bind_isotonic(nb::module_& m) {
  m.def("isotonic", &isotonic, nb::arg("values"), nb::arg("weights").none());
  m.def("isotonic_binary", &isotonic_binary, nb::arg("zeros"), nb::arg("ones"));
}

}  // namespace xent
