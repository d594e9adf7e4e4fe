// The hyperbolic tangent and what it leaves to 1, from one exponential, e = exp(-2 |x|):
//
//   tanh |x|     = (1 - e) / (1 + e)       with 1 - e = -expm1(-2 |x|), which keeps its digits
//   1 - tanh^2 x = 4 e / (1 + e)^2         never 1 minus the square
//
// Worst errors in ulp of the result, float and double; tests/native/test_vector_math.py holds
// them: tanh 2.4, 2.7; its slope 3.8, 4.0.
#pragma once

#include "vector_math.hpp"

namespace xent {
namespace XENT_ISA {

template <class T>
struct Tanh {
  T value, slope;
};

// of x + error, where error is a rounding error of x; x may be infinite or NaN
template <class T>
XENT_INLINE Tanh<T> tanh_and_slope(T x, T error = T(0)) {
  using F = Format<T>;
  using Int = typename F::Int;
  using Bits = typename F::Bits;
  const T z = x < 0 ? 2 * x : -2 * x;
  const T lost = x < 0 ? 2 * error : -2 * error;
  const T shifted = z * F::log2_e + F::round_magic;
  const T n = shifted - F::round_magic;
  const Int exponent = static_cast<Int>(bits_of<Bits>(shifted) - bits_of<Bits>(F::round_magic));
  const T r = ((z - n * F::ln2_high) - n * F::ln2_low) + lost;
  const T less = r + r * r * exp_tail(r);  // exp(r) - 1
  const bool vanishes = z < F::exp_to_zero;
  // scaled in two steps: e and the slope may be denormal
  const T e = vanishes ? T(0) : scale(T(1) + less, exponent);
  const T power = vanishes ? T(0) : scale(T(1), exponent);
  const T difference = (T(1) - power) - (vanishes ? T(0) : power * less);  // 1 - e
  const T tanh = difference / (T(1) + e);
  const T root = T(1) + e;
  return {x < 0 ? -tanh : tanh, T(4) * e / (root * root)};
}

}  // namespace XENT_ISA
}  // namespace xent
