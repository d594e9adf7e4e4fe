// The inline functions of vector_math.hpp, tanh.hpp and floats.hpp, over arrays, for the
// tests: compiled as the kernels are, once an instruction set.
#include "floats.hpp"
#include "tanh.hpp"

#define PROBE extern "C" __attribute__((visibility("default"))) void

using namespace xent;
using namespace xent::XENT_ISA;

#define PROBE_UNARY(name, T, function)                                            \
  PROBE name(const T* XENT_RESTRICT x, T* XENT_RESTRICT y, std::int64_t count) { \
    _Pragma("omp simd") for (std::int64_t i = 0; i < count; ++i) y[i] = function(x[i]); \
  }

PROBE_UNARY(exp_float, float, XENT_ISA::exp)
PROBE_UNARY(exp_double, double, XENT_ISA::exp)
PROBE_UNARY(log_float, float, XENT_ISA::log)
PROBE_UNARY(log_double, double, XENT_ISA::log)
PROBE_UNARY(log1p_positive_float, float, log1p_positive)
PROBE_UNARY(log1p_positive_double, double, log1p_positive)
PROBE_UNARY(log1p_unit_float, float, log1p_unit)
PROBE_UNARY(log1p_unit_double, double, log1p_unit)

#define PROBE_TANH(name, T, part)                                                    \
  PROBE name(const T* XENT_RESTRICT x, const T* XENT_RESTRICT error, T* XENT_RESTRICT y, \
             std::int64_t count) {                                                   \
    _Pragma("omp simd") for (std::int64_t i = 0; i < count; ++i) y[i] =                \
        tanh_and_slope(x[i], error[i]).part;                                         \
  }

PROBE_TANH(tanh_float, float, value)
PROBE_TANH(tanh_double, double, value)
PROBE_TANH(tanh_slope_float, float, slope)
PROBE_TANH(tanh_slope_double, double, slope)

#define PROBE_DIFFERENCE(name, T)                                                             \
  PROBE name(const T* XENT_RESTRICT x, const T* XENT_RESTRICT m, T* XENT_RESTRICT y,         \
             std::int64_t count) {                                                            \
    _Pragma("omp simd") for (std::int64_t i = 0; i < count; ++i) y[i] = exp_difference(x[i], m[i]); \
  }

PROBE_DIFFERENCE(exp_difference_float, float)
PROBE_DIFFERENCE(exp_difference_double, double)

#define PROBE_STORAGE(Type, load_name, store_name)                                          \
  PROBE load_name(const Type* XENT_RESTRICT x, float* XENT_RESTRICT y, std::int64_t count) { \
    _Pragma("omp simd") for (std::int64_t i = 0; i < count; ++i) y[i] = load(x[i]);          \
  }                                                                                          \
  PROBE store_name(const float* XENT_RESTRICT x, Type* XENT_RESTRICT y, std::int64_t count) { \
    _Pragma("omp simd") for (std::int64_t i = 0; i < count; ++i) store(y[i], x[i]);          \
  }

PROBE_STORAGE(Half, load_half, store_half)
PROBE_STORAGE(BFloat16, load_bfloat16, store_bfloat16)
